package driver

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/plan"
)

// MaxFound is how many names one search may find, in MaxPages pages of a list. maxFound bounds their values, in bytes: far more than a
// Secret holds. atOnce is how many are read at the same time.
const (
	MaxFound = 1000
	MaxPages = 1000
	maxFound = 16 << 20
	atOnce   = 16
)

var (
	errTooMany = &Error{
		Kind: Invalid, Problem: "more than 1,000 secrets are found", Hint: "search for fewer, by their tags or by what their names begin with",
	}
	errEndless = &Error{
		Kind: Unavailable, Problem: "the list of secrets has more than 1,000 pages",
		Hint: "check the proxy or cache on the way to the backend, or read secrets by their names",
	}
	errTooMuch = &Error{
		Kind: Invalid, Problem: "the secrets that are found have more than 16 MiB",
		Hint: "search for fewer, by their tags or by what their names begin with",
	}
)

// Found collects the names that a search finds: those that begin with the read's key, and have its tags.
type Found struct {
	Read  plan.Read
	names []string
	seen  map[string]bool
	pages int
}

// Page counts a page of the list before it is asked for. The error says that there were too many: a list that leads to itself has no end.
func (f *Found) Page() error {
	f.pages++
	if f.pages > MaxPages {
		return errEndless
	}
	return nil
}

// Add takes a name and its tags from an answer. The backend may have searched by other rules, so that each is checked here. The error says
// that there are too many.
func (f *Found) Add(name string, tags map[string]string) error {
	if f.seen[name] || !strings.HasPrefix(name, f.Read.Key) || !Tagged(f.Read.Tags, tags) {
		return nil
	}
	if len(f.names) == MaxFound {
		return errTooMany
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[name] = true
	f.names = append(f.names, name)
	return nil
}

// Values reads the value of each name, a few at the same time. Without any name, the error is of kind NotFound. A name whose value does not
// exist any more is not: it was there before, and what an object owns must not end by that.
func (f *Found) Values(ctx context.Context, get func(ctx context.Context, name string) (Value, error)) ([]Value, error) {
	if len(f.names) == 0 {
		return nil, &Error{Kind: NotFound, Problem: "no secret is found", Hint: "check what names begin with, and the tags"}
	}
	values := make([]Value, len(f.names))
	var size atomic.Int64
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(atOnce)
	for i, name := range f.names {
		reads.Go(func() (err error) {
			if values[i], err = get(ctx, name); err != nil {
				return &ItemError{Name: name, Err: err}
			}
			values[i].Name = name
			if size.Add(int64(len(name)+values[i].Size())) > maxFound {
				return errTooMuch
			}
			return nil
		})
	}
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	return values, nil
}

// Tagged reports whether tags have the wanted ones, each as in key=value.
func Tagged(wanted plan.List, tags map[string]string) bool {
	for _, one := range wanted.Texts() {
		key, value, _ := strings.Cut(one, "=")
		if has, ok := tags[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// ItemError is why a name that a search found has no value.
type ItemError struct {
	Name string
	Err  error
}

func (e *ItemError) Error() string { return Word(e.Name) + ": " + e.Err.Error() }

// Unwrap returns the error of the read.
func (e *ItemError) Unwrap() error { return e.Err }

// KindOfItem is the kind of failure of a search, given that of an error: what was found just now is not missing, whatever its own read
// says.
func KindOfItem(err error, kind Kind) Kind {
	if _, ok := errors.AsType[*ItemError](err); ok && kind == NotFound {
		return Unavailable
	}
	return kind
}

package admit

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/text"
)

// Bounds of looking through a namespace: a request waits for it, and objects may be of a megabyte each.
const (
	lookTime   = 1500 * time.Millisecond // the API server waits 3 s for us
	lookPage   = 25                      // objects in memory at a time
	lookMost   = 2000                    // objects
	maxNamed   = 10                      // objects that warnings name
	maxOfPaths = 3                       // fields that a warning names
)

// Stored looks for the stored objects that new annotations of their namespace forbid. It reads them live, a page at a time: an
// informer would hold every object of the cluster for the few writes that change a policy.
type Stored struct {
	Kinds      []dialect.Kind
	References References
	Live       client.Reader
	Settings   policy.Settings
	// Turns bounds how many requests look at a time, by its capacity; nil: any number.
	Turns chan struct{}
}

// tally is what was found.
type tally struct {
	kind                     string
	examined, newly, already int
	named                    []string // sentences about the first of those newly forbidden
	incomplete               string   // why not all were examined; empty: all were
}

// forbidden examines the objects of a namespace, kind by kind. What goes wrong makes a tally incomplete.
func (s Stored) forbidden(ctx context.Context, updated, old policy.Namespace) []tally {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if s.Turns != nil {
		select {
		case s.Turns <- struct{}{}:
			defer func() { <-s.Turns }()
		case <-ctx.Done():
			return []tally{{kind: "object", incomplete: "others were being examined"}}
		}
	}
	tallies := make([]tally, 0, len(s.Kinds))
	for _, kind := range s.Kinds {
		tallies = append(tallies, s.examine(ctx, kind, updated, old))
	}
	return tallies
}

func (s Stored) examine(ctx context.Context, kind dialect.Kind, updated, old policy.Namespace) tally {
	t := tally{kind: kind.Words().Kind}
	for next := ""; ; {
		page := kind.NewList()
		err := s.Live.List(ctx, page, client.InNamespace(updated.Name), client.Limit(lookPage), client.Continue(next))
		if err == nil {
			err = meta.EachListItem(page, func(object runtime.Object) error {
				if ctx.Err() == nil {
					s.add(ctx, &t, object, kind, updated, old)
				}
				return nil
			})
		}
		next = page.GetContinue()
		switch {
		case meta.IsNoMatchError(err), apierrors.IsNotFound(err), apierrors.IsForbidden(err):
			// The kind is not installed, or with it the right to list it.
		case ctx.Err() != nil:
			t.incomplete = "there was no time for more"
		case err != nil:
			t.incomplete = "the API server did not list them: " + text.Cut(err.Error(), maxMessage)
		case next != "" && t.examined >= lookMost:
			t.incomplete = "there are very many"
		case next != "":
			continue
		}
		return t
	}
}

// add judges one object by the new annotations and by the old ones. What no plan understands is not policy's to judge.
func (s Stored) add(ctx context.Context, t *tally, item runtime.Object, kind dialect.Kind, updated, old policy.Namespace) {
	t.examined++
	object, ok := item.(dialect.Object)
	if !ok {
		return // which a list of the kind does not hold
	}
	resolved, _, _ := dialect.Resolve(dialect.ReferencesOf(kind, object), func(wanted []dialect.Reference) (dialect.Resolved, error) {
		return s.References.Known(ctx, wanted), nil
	})
	p, errs := kind.Plan(object, resolved)
	if wrong, _ := dialect.Split(errs); len(wrong) > 0 || p == nil {
		return
	}
	violations := policy.Check(p, updated, s.Settings)
	switch {
	case len(violations) == 0:
	case len(policy.Check(p, old, s.Settings)) > 0:
		t.already++
	default:
		t.newly++
		if t.newly <= maxNamed {
			t.named = append(t.named, fmt.Sprintf("%s %s: %s", t.kind, p.Object.Name, paths(violations)))
		}
	}
}

// paths names fields, not what is in them: who may annotate a namespace need not be allowed to read its objects.
func paths(violations policy.Violations) string {
	var names []string
	for _, v := range violations[:min(len(violations), maxOfPaths)] {
		names = append(names, v.Field)
	}
	listed := strings.Join(names, ", ")
	if more := len(violations) - len(names); more > 0 {
		listed += fmt.Sprintf(" and %d more", more)
	}
	return listed
}

// notices words the tally.
func (t tally) notices(namespace string) []notice {
	var notices []notice
	if t.newly > 0 {
		sentence := fmt.Sprintf("these annotations forbid %s stored in namespace %s that they permitted before; "+
			"refreshes of them end, their Secrets stay", t.count(t.newly), namespace)
		if t.already > 0 {
			sentence += fmt.Sprintf(" (%d more were forbidden already)", t.already)
		}
		notices = append(notices, notice{forbidsStored, sentence})
		for _, sentence := range t.named {
			notices = append(notices, notice{forbidsStored, sentence})
		}
		if more := t.newly - len(t.named); more > 0 {
			notices = append(notices, notice{forbidsStored, fmt.Sprintf("and %d more", more)})
		}
	}
	if t.incomplete != "" {
		notices = append(notices, notice{notAllExamined, fmt.Sprintf(
			"only %s of namespace %s could be examined for what these annotations forbid: %s", t.count(t.examined), namespace, t.incomplete)})
	}
	return notices
}

func (t tally) count(n int) string {
	if n == 1 {
		return "1 " + t.kind
	}
	return fmt.Sprintf("%d %ss", n, t.kind)
}

package admit

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// Stored looks for the stored objects that a write forbids: of annotations of their namespace, or of a store that they refer to. It reads
// them live, a page at a time: an informer would hold every object of the cluster for the few writes that change a policy.
type Stored struct {
	Kinds      []dialect.Kind
	References References
	Live       client.Reader
	Settings   policy.Settings
	// Turns bounds how many requests look at a time, by its capacity; nil: any number.
	Turns chan struct{}
}

// change is a write that may forbid stored objects.
type change struct {
	dialect      string            // of the objects; empty: any
	namespace    string            // that holds them; empty: any
	of           dialect.Reference // that the objects refer to; zero: all objects count
	updated, old world
	// forbids is what is said of newly forbidden objects, with a place for their number. looked is said where not all could be examined,
	// with places for how many were, and why not more.
	forbids, looked string
}

// world is what an object is judged beside, before a change or after it.
type world struct {
	objects   dialect.Resolved  // over what the cache has
	absent    dialect.Reference // unless it is among objects, though the cache may have it
	namespace func(ctx context.Context, name string) (ns policy.Namespace, known bool)
}

// tally is what was found of one kind.
type tally struct {
	change
	kind                     string
	examined, newly, already int
	named                    []string // sentences about the first of those newly forbidden
	incomplete               string   // why not all were examined; empty: all were
}

// examine looks at the objects that a change may forbid, kind by kind. What goes wrong makes a tally incomplete.
func (s Stored) examine(ctx context.Context, c change) []tally {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if s.Turns != nil {
		select {
		case s.Turns <- struct{}{}:
			defer func() { <-s.Turns }()
		case <-ctx.Done():
			return []tally{{change: c, kind: "object", incomplete: "others were being examined"}}
		}
	}
	tallies := make([]tally, 0, len(s.Kinds))
	for _, kind := range s.Kinds {
		if c.dialect == "" || c.dialect == kind.Type().Dialect {
			tallies = append(tallies, s.list(ctx, kind, c))
		}
	}
	return tallies
}

func (s Stored) list(ctx context.Context, kind dialect.Kind, c change) tally {
	t := tally{change: c, kind: kind.Words().Kind}
	for next := ""; ; {
		page := kind.NewList()
		err := s.Live.List(ctx, page, client.InNamespace(c.namespace), client.Limit(lookPage), client.Continue(next))
		if err == nil {
			err = meta.EachListItem(page, func(object runtime.Object) error {
				if ctx.Err() == nil {
					s.add(ctx, &t, object, kind)
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

// add judges one object after the change and before it. What no plan understands either way is not the change's doing.
func (s Stored) add(ctx context.Context, t *tally, item runtime.Object, kind dialect.Kind) {
	t.examined++
	object, ok := item.(dialect.Object)
	if !ok {
		return // which a list of the kind does not hold
	}
	fields, invalid, concerned := s.judge(ctx, t.change, t.updated, kind, object)
	if !concerned || len(fields) == 0 {
		return
	}
	before, invalidBefore, _ := s.judge(ctx, t.change, t.old, kind, object)
	switch {
	case invalid && invalidBefore:
	case len(before) > 0:
		t.already++
	default:
		t.newly++
		if t.newly <= maxNamed {
			name := object.GetName()
			if t.of.Name != "" {
				name = object.GetNamespace() + "/" + name
			}
			t.named = append(t.named, fmt.Sprintf("%s %s: %s", t.kind, name, listed(fields)))
		}
	}
}

// judge lists the fields for which an object is denied in a world, and whether that is since it cannot be understood. An object that does
// not refer to what is changed is not concerned.
func (s Stored) judge(
	ctx context.Context, c change, w world, kind dialect.Kind, object dialect.Object,
) (fields []string, invalid, concerned bool) {
	found := understand(ctx, object, kind, func(ctx context.Context, wanted []dialect.Reference) dialect.Resolved {
		return w.resolve(wanted, s.References.Known(ctx, wanted))
	})
	if c.of.Name != "" && !slices.Contains(found.references, c.of) {
		return nil, false, false
	}
	problems := found.wrong
	if ns, known := w.namespace(ctx, object.GetNamespace()); len(problems) == 0 && found.plan != nil && known {
		problems = policy.Check(found.plan, ns, s.Settings).Errors()
	}
	for _, err := range problems {
		fields = append(fields, err.Field)
	}
	return fields, len(found.wrong) > 0, true
}

// resolve puts what a world has over what the cache has.
func (w world) resolve(wanted []dialect.Reference, cached dialect.Resolved) dialect.Resolved {
	resolved := dialect.Resolved{}
	maps.Copy(resolved, cached)
	delete(resolved, w.absent)
	for _, ref := range wanted {
		if object, there := w.objects[ref]; there {
			resolved[ref] = object
		}
	}
	return resolved
}

// listed names fields, not what is in them: who may write a namespace or a store need not be allowed
// to read its objects.
func listed(fields []string) string {
	some := strings.Join(fields[:min(len(fields), maxOfPaths)], ", ")
	if more := len(fields) - maxOfPaths; more > 0 {
		some += fmt.Sprintf(" and %d more", more)
	}
	return some
}

// notices words the tally.
func (t tally) notices() []notice {
	var notices []notice
	if t.newly > 0 {
		sentence := fmt.Sprintf(t.forbids, t.count(t.newly))
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
		notices = append(notices, notice{notAllExamined, fmt.Sprintf(t.looked, t.count(t.examined), t.incomplete)})
	}
	return notices
}

func (t tally) count(n int) string {
	if n == 1 {
		return "1 " + t.kind
	}
	return fmt.Sprintf("%d %ss", n, t.kind)
}

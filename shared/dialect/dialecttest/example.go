package dialecttest

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// typed is what kinds and store kinds have in common.
type typed interface {
	Type() dialect.Type
	New() dialect.Object
	NewList() dialect.List
}

// planner is a kind, or a kind of stores that are judged themselves.
type planner interface {
	typed
	References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference
	Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList)
}

// judgedKind is a StoreKind that is dialect.Judged.
type judgedKind struct {
	dialect.StoreKind
	dialect.Judged
}

// example is an object that is planned.
type example struct {
	planner
	kind dialect.Kind // nil: it is a store
	name string
	doc  document
}

// stored is an object that examples refer to.
type stored struct {
	kind dialect.StoreKind
	ref  dialect.Reference
	doc  document
}

// judged lists the stores that are judged themselves.
func (r *runner) judged() (all []example) {
	for _, s := range r.stored {
		if judged, ok := s.kind.(dialect.Judged); ok {
			all = append(all, example{planner: judgedKind{s.kind, judged}, name: s.ref.String(), doc: s.doc})
		}
	}
	return all
}

// all lists the examples, and the stores that are judged themselves.
func (r *runner) all() []example { return append(r.judged(), r.examples...) }

// beside is what there is, with one document in another's place.
func (r *runner) beside(t *testing.T, other *stored) dialect.Resolved {
	t.Helper()
	if other != nil {
		all := maps.Clone(r.known)
		all[other.ref] = mustDecode(t, other.doc, other.kind.New())
		return all
	}
	all := dialect.Resolved{}
	for _, s := range r.stored {
		all[s.ref] = mustDecode(t, s.doc, s.kind.New())
	}
	return all
}

// resolve is the part of what there is that an object refers to, on all levels.
func resolve(p planner, object dialect.Object, known dialect.Resolved) (resolved dialect.Resolved, wanted []dialect.Reference) {
	resolved, wanted, _ = dialect.Resolve(dialect.ReferencesOf(p, object), func(wanted []dialect.Reference) (dialect.Resolved, error) {
		found := dialect.Resolved{}
		for _, ref := range wanted {
			if object, there := known[ref]; there {
				found[ref] = object
			}
		}
		return found, nil
	})
	return resolved, wanted
}

// wanted is what an example refers to, on all levels.
func (r *runner) wanted(t *testing.T, e example) []dialect.Reference {
	t.Helper()
	_, wanted := resolve(e, mustDecode(t, e.doc, e.New()), r.known)
	return wanted
}

// mustPlan is the Plan of an example, which must be right. It is nil for a store that no namespace holds.
func (r *runner) mustPlan(t *testing.T, e example) *plan.Plan {
	t.Helper()
	p, errs := e.Plan(mustDecode(t, e.doc, e.New()), r.known)
	if len(errs) > 0 || p == nil && !e.Type().ClusterWide {
		t.Fatalf("%s: got a plan: %t, and errors %v, want a plan alone", e.name, p != nil, errs)
	}
	return p
}

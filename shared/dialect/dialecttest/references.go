package dialecttest

import (
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect"
)

// references proves that an object is understood beside what it refers to, and what that refers to in its turn, and that what is missing
// is said where it is named.
func (r *runner) references(t *testing.T) {
	known := map[string]bool{}
	for _, kind := range r.stores {
		known[kind.Type().GroupKind().String()] = !kind.Type().ClusterWide
	}
	used := map[dialect.Reference]bool{}
	for _, e := range r.all() {
		object, wanted := mustDecode(t, e.doc, e.New()), r.wanted(t, e)
		for i, ref := range wanted {
			namespaced, ok := known[ref.Kind.String()]
			if !ok || ref.Name == "" || namespaced != (ref.Namespace != "") {
				t.Errorf("%s: refers to %s, want a name, of a kind that the dialect lists", e.name, ref)
			}
			if used[ref] = true; slices.Index(wanted, ref) != i {
				t.Errorf("%s: refers to %s twice", e.name, ref)
			}
			r.without(t, e, object, ref, wanted)
		}
		if p, errs := e.Plan(object, nil); len(wanted) > 0 && len(errs) == 0 || len(wanted) == 0 && p == nil && !e.Type().ClusterWide {
			t.Errorf("%s: beside nothing: got a plan: %t, and errors %v", e.name, p != nil, errs)
		}
	}
	for _, s := range r.stored {
		if !used[s.ref] {
			t.Errorf("no example refers to %s", s.ref)
		}
	}
}

// without plans an object beside all but one of what it refers to.
func (r *runner) without(t *testing.T, e example, object dialect.Object, ref dialect.Reference, wanted []dialect.Reference) {
	t.Helper()
	known := dialect.Resolved{}
	for other, there := range r.known {
		if other != ref {
			known[other] = there
		}
	}
	resolved, _ := resolve(e, object, known)
	_, errs := e.Plan(object, resolved)
	if len(errs) == 0 {
		t.Errorf("%s: is right without %s, to which it refers", e.name, ref)
	}
	for _, err := range errs {
		if !dialect.IsMissing(err) || !strings.Contains(err.Error(), ref.String()) || !r.names(e, wanted, err.Field) {
			t.Errorf("%s without %s: got %q, want that it is missing, at a field of the object, or of what it refers to", e.name, ref, err)
		}
	}
}

// names reports whether a path leads to a field of an example, or of a store that it refers to.
func (r *runner) names(e example, wanted []dialect.Reference, path string) bool {
	for _, s := range r.stored {
		if within, found := strings.CutPrefix(path, s.ref.Path().String()+"."); found && slices.Contains(wanted, s.ref) {
			return hasPath(s.doc, within)
		}
	}
	return hasPath(e.doc, path)
}

// hasPath reports whether a document has a field.
func hasPath(doc document, path string) (found bool) {
	visit(doc, nil, func(at []any, _ any) { found = found || pathOf(at) == path })
	return found
}

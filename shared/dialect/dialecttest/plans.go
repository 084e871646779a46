package dialecttest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// plans proves that Plan is pure and total: whatever the object and its stores hold, there is a Plan that is sound or there are errors
// with paths, the same each time, and nothing is changed or panics.
func (r *runner) plans(t *testing.T) {
	for _, e := range r.all() {
		if p := r.mustPlan(t, e); p != nil {
			for _, warning := range p.Warnings {
				if at, _, _ := strings.Cut(warning, " "); !r.rooted(strings.TrimSuffix(at, ":")) {
					t.Errorf("%s: warning %q does not begin with a path", e.name, warning)
				}
			}
		}
		r.judge(t, e.name, e, e.doc, r.known)
		for _, edit := range mutations(e.doc) {
			r.judge(t, e.name+": "+edit.what, e, edit.apply(e.doc), r.known)
		}
	}
	for _, d := range r.denied {
		for _, edit := range mutations(d.doc) {
			r.judge(t, d.name+", which is denied: "+edit.what, d.example, edit.apply(d.doc), r.known)
		}
	}
	r.plansBesideOthers(t)
	for _, kind := range r.kinds {
		r.foreign(t, kind)
	}
}

// plansBesideOthers changes what is stored, and plans what refers to it.
func (r *runner) plansBesideOthers(t *testing.T) {
	t.Helper()
	for _, s := range r.stored {
		var dependants []example
		for _, e := range r.all() {
			if slices.Contains(r.wanted(t, e), s.ref) {
				dependants = append(dependants, e)
			}
		}
		for _, edit := range mutations(s.doc) {
			other := s
			other.doc = edit.apply(s.doc)
			if _, err := decode(other.doc, s.kind.New()); err != nil {
				continue // no client hands it on
			}
			beside := r.beside(t, &other)
			for _, e := range dependants {
				r.judge(t, fmt.Sprintf("%s beside %s: %s", e.name, s.ref, edit.what), e, e.doc, beside)
			}
		}
	}
}

// judge plans one object beside what it refers to.
func (r *runner) judge(t *testing.T, name string, e example, doc document, known dialect.Resolved) {
	t.Helper()
	object, err := decode(doc, e.New())
	if err != nil {
		return // no client hands it on
	}
	defer func() {
		if cause := recover(); cause != nil {
			t.Errorf("%s: panic: %v", name, cause)
		}
	}()
	before := object.DeepCopyObject()
	resolved, _ := resolve(e, object, known)
	beside := deepCopy(resolved)
	if e.kind != nil {
		e.kind.Serves(object, resolved)
		e.kind.Status(object).Record()
	}
	p, errs := e.Plan(object, resolved)
	again, errsAgain := e.Plan(object, resolved)
	if !reflect.DeepEqual(p, again) || !reflect.DeepEqual(texts(errs), texts(errsAgain)) {
		t.Errorf("%s: two plans of one object differ, or their errors:\n%s%s", name, cmp.Diff(p, again), cmp.Diff(texts(errs), texts(errsAgain)))
	}
	if !reflect.DeepEqual(before, object) || len(resolved) > 0 && !reflect.DeepEqual(beside, resolved) {
		t.Errorf("%s: planning changed the object, or what it refers to", name)
	}
	for _, err := range errs {
		if !r.rooted(err.Field) || err.ErrorBody() == "" {
			t.Errorf("%s: the error %q has no path", name, err)
		}
	}
	if len(errs) == 0 {
		r.sound(t, name, e, object, p)
	}
}

// sound looks at a Plan that comes without errors.
func (r *runner) sound(t *testing.T, name string, e example, object dialect.Object, p *plan.Plan) {
	t.Helper()
	switch {
	case p == nil && !e.Type().ClusterWide:
		t.Errorf("%s: there is neither a plan nor an error", name)
	case p != nil && e.Type().ClusterWide && len(p.Places)+len(p.Choices)+len(p.Confined) > 0:
		t.Errorf("%s: its plan has something that a namespace would have to judge", name)
	case e.kind == nil && p != nil && len(p.Entries) > 0:
		t.Errorf("%s: a store has %d entries, want none", name, len(p.Entries))
	case e.kind != nil:
		for _, problem := range r.unsound(e.kind, object, p) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

func deepCopy(resolved dialect.Resolved) dialect.Resolved {
	same := dialect.Resolved{}
	for r, object := range resolved {
		same[r], _ = object.DeepCopyObject().(dialect.Object)
	}
	return same
}

// rootPattern matches the first segment of a path.
var rootPattern = regexp.MustCompile(`^[A-Za-z]+`)

// rooted reports whether a path begins with a field of an object, or with the kind and the name of a store.
func (r *runner) rooted(path string) bool {
	root := rootPattern.FindString(path)
	for _, kind := range r.stores {
		if root == kind.Type().Kind && strings.HasPrefix(path, root+"[") {
			return true
		}
	}
	return r.roots[root]
}

// foreign hands a kind objects of another one.
func (r *runner) foreign(t *testing.T, kind dialect.Kind) {
	defer func() {
		if cause := recover(); cause != nil {
			t.Errorf("an object of another kind: panic: %v", cause)
		}
	}()
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "core", Name: "other"}}
	kind.Serves(object, nil)
	if p, errs := kind.Plan(object, nil); p != nil || len(errs) == 0 {
		t.Errorf("an object of another kind: got a plan: %t, and errors %v, want errors alone", p != nil, errs)
	}
	if refs := kind.References(object, nil); len(refs) > 0 {
		t.Errorf("an object of another kind: got references %v, want none", refs)
	}
	kind.Status(object).Put(plan.Record{})
	if namer, ok := kind.(dialect.Namer); ok {
		if name := namer.Secret(object); name != "" {
			t.Errorf("an object of another kind: got the Secret %q, want none", name)
		}
	}
}

// diffPlans compares what two Plans do, whatever the fields are called that say so.
func diffPlans(a, b *plan.Plan) string { return cmp.Diff(meaning(a), meaning(b)) }

// meaning is a Plan without the paths of its object.
func meaning(p *plan.Plan) plan.Plan {
	same := *p
	same.Places, same.Warnings, same.Entries, same.Choices, same.Confined = nil, nil, nil, nil, nil
	for _, e := range p.Entries {
		e.Field, e.KeyField = "", ""
		same.Entries = append(same.Entries, e)
	}
	for _, c := range p.Choices {
		c.At = ""
		same.Choices = append(same.Choices, c)
	}
	for _, c := range p.Confined {
		c.At = ""
		same.Confined = append(same.Confined, c)
	}
	return same
}

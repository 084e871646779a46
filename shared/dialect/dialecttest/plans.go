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
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// plans proves that Plan is pure and total: whatever the object and its stores hold, there is a Plan that is sound or there are errors
// with paths, the same each time, and nothing is changed or panics.
func (r *runner) plans(t *testing.T) {
	for _, e := range r.examples {
		resolved := r.resolved(t, nil)
		p := r.mustPlan(t, e)
		for _, warning := range p.Warnings {
			if at, _, _ := strings.Cut(warning, " "); !r.rooted(strings.TrimSuffix(at, ":")) {
				t.Errorf("%s: warning %q does not begin with a path", e.name, warning)
			}
		}
		r.judge(t, e.name, e.kind, e.doc, resolved)
		for _, edit := range mutations(e.doc) {
			r.judge(t, e.name+": "+edit.what, e.kind, edit.apply(e.doc), resolved)
		}
	}
	for _, s := range r.stored {
		for _, edit := range mutations(s.doc) {
			other := s
			other.doc = edit.apply(s.doc)
			if _, err := decode(other.doc, s.kind.New()); err != nil {
				continue // no client hands it on
			}
			for _, e := range r.examples {
				r.judge(t, fmt.Sprintf("%s beside %s: %s", e.name, s.ref, edit.what), e.kind, e.doc, r.resolved(t, &other))
			}
		}
	}
	for _, kind := range r.kinds {
		r.foreign(t, kind)
	}
}

// judge plans one object.
func (r *runner) judge(t *testing.T, name string, kind dialect.Kind, doc document, resolved dialect.Resolved) {
	t.Helper()
	object, err := decode(doc, kind.New())
	if err != nil {
		return // no client hands it on
	}
	defer func() {
		if cause := recover(); cause != nil {
			t.Errorf("%s: panic: %v", name, cause)
		}
	}()
	before, beside := object.DeepCopyObject(), deepCopy(resolved)
	kind.Serves(object, resolved)
	kind.References(object, resolved)
	kind.Status(object).Record()
	p, errs := kind.Plan(object, resolved)
	again, errsAgain := kind.Plan(object, resolved)
	if !reflect.DeepEqual(p, again) || !reflect.DeepEqual(texts(errs), texts(errsAgain)) {
		t.Errorf("%s: two plans of one object differ, or their errors:\n%s%s", name, cmp.Diff(p, again), cmp.Diff(texts(errs), texts(errsAgain)))
	}
	if !reflect.DeepEqual(before, object) || !reflect.DeepEqual(beside, resolved) {
		t.Errorf("%s: planning changed the object, or what it refers to", name)
	}
	for _, err := range errs {
		if !r.rooted(err.Field) || err.ErrorBody() == "" {
			t.Errorf("%s: the error %q has no path", name, err)
		}
	}
	switch {
	case p == nil && len(errs) == 0:
		t.Errorf("%s: there is neither a plan nor an error", name)
	case len(errs) == 0:
		for _, problem := range r.unsound(kind, object, p) {
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

// unsound lists what may not be in a Plan that comes without errors.
func (r *runner) unsound(kind dialect.Kind, object dialect.Object, p *plan.Plan) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	id := plan.IDOf(kind.Type().GroupVersionKind, object)
	if p.Object != id || p.Kind != kind.Type().GroupVersionKind || p.UID != object.GetUID() || p.Generation != object.GetGeneration() ||
		p.ForceSync != dialect.ForceSyncOf(kind, object) || p.Words != kind.Words() {
		say("the plan is of %v, of kind %s, want %v", p.Object, p.Kind, id)
	}
	problems = append(problems, unsoundTarget(kind, object, p)...)
	if least := r.Policy.MinRefreshInterval; p.Refresh.Interval < 0 || p.Refresh.Interval > 0 && p.Refresh.Interval < least {
		say("the interval is %s, want at least %s", p.Refresh.Interval, least)
	}
	for i := range p.Entries {
		problems = append(problems, unsoundEntry(p, &p.Entries[i])...)
	}
	return problems
}

// unsoundTarget lists what is wrong with the Secret to make.
func unsoundTarget(kind dialect.Kind, object dialect.Object, p *plan.Plan) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	secret := object.GetName()
	if namer, ok := kind.(dialect.Namer); ok {
		secret = namer.Secret(object)
	}
	if p.Target.Name != secret || secret != object.GetName() && len(validation.IsDNS1123Subdomain(secret)) > 0 {
		say("the Secret is called %q, want %q, which is a name", p.Target.Name, secret)
	}
	if d := p.Target.DeletionPolicy; d != plan.DeletionDelete && d != plan.DeletionRetain {
		say("the deletion policy is %q", d)
	}
	if slices.Contains([]string{"", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}, p.Template.Type) {
		say("the type of the Secret is %q", p.Template.Type)
	}
	for _, keys := range []map[string]string{p.Template.Labels, p.Template.Annotations} {
		for key := range keys {
			if strings.HasPrefix(key, names.ReservedPrefix) {
				say("the template sets %s, which is ours", key)
			}
		}
	}
	for key := range p.Template.Data {
		if len(validation.IsConfigMapKey(key)) > 0 {
			say("the template sets the entry %q", key)
		}
	}
	return problems
}

// unsoundEntry lists what is wrong with an entry, by the rules of its backend.
func unsoundEntry(p *plan.Plan, e *plan.Entry) (problems []string) {
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s: ", e.Field)+fmt.Sprintf(format, args...))
	}
	of, known := backend.Of(e.Source.Backend)
	if !known {
		say("there is no backend %q", e.Source.Backend)
		return problems
	}
	if e.Field == "" || !strings.HasPrefix(e.KeyField, e.Field) {
		say("it names its key at %q", e.KeyField)
	}
	if (e.Kind == plan.Single) != (e.Name != "") || e.Name != "" && len(validation.IsConfigMapKey(e.Name)) > 0 {
		say("it is of kind %d and called %q", e.Kind, e.Name)
	}
	if problem := of.Key(e.Source.Key); problem != "" || e.Source.Key == "" {
		say("the key %q %s", e.Source.Key, problem)
	}
	if e.Source.Path != (e.Kind == plan.Tree) || e.Source.Path && !of.Walks {
		say("it is of kind %d and reads a path: %t", e.Kind, e.Source.Path)
	}
	if read := of.Read(e.Source.Read); read != e.Source.Read {
		say("it reads %+v, which is the same as %+v: two sources for one", e.Source.Read, read)
	}
	if _, placed := p.Places[e.Source.Store]; !placed {
		say("its Store has no Places")
	}
	for _, aspect := range plan.Aspects() {
		switch value := e.Source.Get(aspect); {
		case value == "":
		case !of.Uses(aspect):
			say("its Store has %q, which means nothing to %s", value, of.Name)
		case of.Unusable(aspect, value) != "":
			say("its Store has %q, which %s", value, of.Unusable(aspect, value))
		}
	}
	return problems
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

// references proves that an object is understood beside what it refers to, and that what is missing is said where it is named.
func (r *runner) references(t *testing.T) {
	known := map[string]bool{}
	for _, kind := range r.stores {
		known[kind.Type().GroupKind().String()] = !kind.Type().ClusterWide
	}
	used := map[dialect.Reference]bool{}
	for _, e := range r.examples {
		object := mustDecode(t, e.doc, e.kind.New())
		refs := e.kind.References(object, r.resolved(t, nil))
		for i, ref := range refs {
			namespaced, ok := known[ref.Kind.String()]
			if !ok || ref.Name == "" || namespaced != (ref.Namespace != "") {
				t.Errorf("%s: refers to %s, want a name, of a kind that the dialect lists", e.name, ref)
			}
			if used[ref] = true; slices.Index(refs, ref) != i {
				t.Errorf("%s: refers to %s twice", e.name, ref)
			}
			without := r.resolved(t, nil)
			delete(without, ref)
			_, errs := e.kind.Plan(object, without)
			if len(errs) == 0 {
				t.Errorf("%s: is right without %s, to which it refers", e.name, ref)
			}
			for _, err := range errs {
				if !dialect.IsMissing(err) || !strings.Contains(err.Error(), ref.String()) || !hasPath(e.doc, err.Field) {
					t.Errorf("%s without %s: got %q, want that it is missing, at a field of the object", e.name, ref, err)
				}
			}
		}
		if p, errs := e.kind.Plan(object, nil); len(refs) > 0 && len(errs) == 0 || len(refs) == 0 && p == nil {
			t.Errorf("%s: beside nothing: got a plan: %t, and errors %v", e.name, p != nil, errs)
		}
	}
	for _, s := range r.stored {
		if !used[s.ref] {
			t.Errorf("no example refers to %s", s.ref)
		}
	}
}

// hasPath reports whether a document has a field.
func hasPath(doc document, path string) (found bool) {
	visit(doc, nil, func(at []any, _ any) { found = found || pathOf(at) == path })
	return found
}

// diffPlans compares what two Plans do, whatever the fields are called that say so.
func diffPlans(a, b *plan.Plan) string { return cmp.Diff(meaning(a), meaning(b)) }

// meaning is a Plan without the paths of its object.
func meaning(p *plan.Plan) plan.Plan {
	same := *p
	same.Places, same.Warnings, same.Entries, same.Choices = nil, nil, nil, nil
	for _, e := range p.Entries {
		e.Field, e.KeyField = "", ""
		same.Entries = append(same.Entries, e)
	}
	for _, c := range p.Choices {
		c.At = ""
		same.Choices = append(same.Choices, c)
	}
	return same
}

package dialecttest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// strict denies what no annotation permits.
var strict = policy.Settings{Enforce: true}

// policy proves that each Source is judged: a namespace that permits no more than what an example reads permits it, and nothing that
// reads anything else, whether its plan differs, or the object, or a store of it.
func (r *runner) policy(t *testing.T) {
	for _, e := range r.all() {
		p := r.mustPlan(t, e)
		if p == nil || e.Type().ClusterWide {
			continue // it is judged with those that refer to it
		}
		ns := permitting(p)
		if errs := policy.Check(p, ns, strict).Errors(); len(errs) > 0 {
			t.Errorf("%s: is denied where it is permitted: %v", e.name, errs.ToAggregate())
			continue
		}
		for what, other := range elsewhere(p) {
			violations := policy.Check(other, ns, strict)
			if len(violations) == 0 {
				t.Errorf("%s, with %s: is permitted", e.name, what)
			}
			for _, err := range violations.Errors() {
				if !r.rooted(err.Field) {
					t.Errorf("%s, with %s: the error %q has no path", e.name, what, err)
				}
			}
		}
		r.edited(t, e, p, ns)
	}
}

// permitting is a namespace that permits exactly what a plan reads.
func permitting(p *plan.Plan) policy.Namespace {
	lines := map[string][]string{}
	permit := func(annotation, value string) {
		line := regexp.QuoteMeta(value)
		if value == "" {
			line = "()" // nothing, on a line that is not blank
		}
		lines[annotation] = append(lines[annotation], line)
	}
	for _, source := range p.Sources() {
		permit(names.AnnotationPermittedKeyName, source.Key)
	}
	if len(p.Entries) == 0 { // of a store: what is demanded of namespaces is demanded of its own
		permit(names.AnnotationPermittedKeyName, "")
	}
	for _, c := range p.Choices {
		permit(c.Annotation, c.Value)
	}
	demands := map[string]bool{}
	for _, store := range p.Stores() {
		of, _ := backend.Of(store.Backend)
		for _, limit := range of.Limits {
			value := store.Get(limit.Aspect)
			permit(limit.Annotation, value)
			if set, seen := demands[limit.Demand]; limit.Demand != "" {
				demands[limit.Demand] = value != "" && (set || !seen)
			}
		}
	}
	annotations := map[string]string{}
	for annotation, all := range lines {
		annotations[annotation] = strings.Join(all, "\n")
	}
	for annotation, set := range demands {
		annotations[annotation] = fmt.Sprint(set)
	}
	return policy.Namespace{Name: p.Object.Namespace, Annotations: annotations, Labels: labelsFor(p)}
}

// elsewhere are plans that differ from one in one key, one choice, one thing that other namespaces alone may use, or one aspect of one
// Store.
func elsewhere(p *plan.Plan) map[string]*plan.Plan {
	plans := map[string]*plan.Plan{}
	like := func() *plan.Plan {
		same := *p
		same.Entries, same.Choices, same.Places = slices.Clone(p.Entries), slices.Clone(p.Choices), map[plan.Store]plan.Places{}
		return &same
	}
	for i, e := range p.Entries {
		if e.IsSealed() {
			continue // whose scope is a choice
		}
		other := like()
		other.Entries[i].Source.Key += "-elsewhere"
		plans["another key of "+e.Field] = other
	}
	for i, c := range p.Choices {
		other := like()
		other.Choices[i].Value += "-elsewhere"
		plans["another "+c.At] = other
	}
	for i, c := range p.Confined {
		other := like()
		other.Confined = slices.Clone(p.Confined)
		other.Confined[i].To = []plan.NamespaceMatch{{Names: []string{p.Object.Namespace + "-elsewhere"}}}
		plans["another namespace that may use "+c.What] = other
	}
	for n, store := range p.Stores() {
		of, _ := backend.Of(store.Backend)
		for _, aspect := range plan.Aspects() {
			if !of.Uses(aspect) {
				continue
			}
			changed, other := store, like()
			changed.Set(aspect, store.Get(aspect)+"-elsewhere")
			for i := range other.Entries {
				if other.Entries[i].Source.Store == store {
					other.Entries[i].Source.Store = changed
				}
			}
			other.Places[changed] = p.Places[store]
			plans[fmt.Sprintf("another aspect %d of store %d", aspect, n)] = other
		}
	}
	return plans
}

// edited changes each text of an example, and of the stores that it refers to. No change is without an effect, unless a warning says
// so; and what is read then is denied where the example does not read it. Of a store, the effect is looked for in the examples, unless it
// is judged itself, which warns of what is without.
func (r *runner) edited(t *testing.T, e example, p *plan.Plan, ns policy.Namespace) {
	t.Helper()
	permitted, serves, judged := reach(p), r.serves(t, e, e.doc, r.known), 0
	check := func(what edit, doc document, known dialect.Resolved, warned bool) {
		object, err := decode(doc, e.New())
		if err != nil {
			return
		}
		resolved, _ := resolve(e, object, known)
		other, errs := e.Plan(object, resolved)
		if other == nil || len(errs) > 0 {
			return
		}
		ignored := func(warning string) bool {
			at, _, _ := strings.Cut(dotted.Replace(warning), " ") // the field, or what holds it
			return strings.HasPrefix(dotted.Replace(pathOf(what.at))+".", at+".")
		}
		same := diffPlans(p, other) == "" && serves == r.serves(t, e, doc, known)
		if e.kind != nil && same && !warned && !slices.ContainsFunc(slices.Concat(p.Warnings, other.Warnings), ignored) {
			t.Errorf("%s: %s: changes nothing, and no warning says so", e.name, what.what)
		}
		news := slices.DeleteFunc(reach(other), func(one string) bool { return slices.Contains(permitted, one) })
		if len(news) == 0 {
			return
		}
		judged++
		if violations := policy.Check(other, ns, strict); len(violations) == 0 {
			t.Errorf("%s: %s: reads %s, and is permitted", e.name, what.what, news)
		}
	}
	for _, edit := range longer(e.doc) {
		check(edit, edit.apply(e.doc), r.known, false)
	}
	wanted := r.wanted(t, e)
	for _, s := range r.stored {
		if !slices.Contains(wanted, s.ref) {
			continue
		}
		_, warned := s.kind.(dialect.Judged)
		for _, edit := range longer(s.doc) {
			other := s
			other.doc = edit.apply(s.doc)
			if _, err := decode(other.doc, s.kind.New()); err == nil {
				check(edit, e.doc, r.beside(t, &other), warned)
			}
		}
	}
	if judged == 0 && e.kind != nil && len(p.Sources()) > 0 {
		t.Errorf("%s: no text of it changes what is read", e.name)
	}
}

// serves reports whether the syncer serves an example, as a document has it.
func (r *runner) serves(t *testing.T, e example, doc document, known dialect.Resolved) bool {
	t.Helper()
	if e.kind == nil {
		return true
	}
	object := mustDecode(t, doc, e.New())
	resolved, _ := resolve(e, object, known)
	return e.kind.Serves(object, resolved)
}

// dotted writes members of maps and elements of lists like fields: both forms are in use.
var dotted = strings.NewReplacer("[", ".", "]", "")

// longer makes each text that an author writes below the first fields of a document another one of the same form.
func longer(doc document) (edits []edit) {
	visit(doc, nil, func(at []any, value any) {
		if text, ok := value.(string); ok && len(at) > 1 && at[0] != "metadata" && at[0] != "status" {
			edits = append(edits, edit{what: pathOf(at) + " with an x behind it", at: at, to: text + "x"})
		}
	})
	return edits
}

// reach lists what policy has to judge of a plan: each key, each choice, each thing that one namespace alone may use, and each aspect of
// each Store. That a Store leaves to the
// installation what none but the installation knows is not judged.
func reach(p *plan.Plan) (all []string) {
	for _, source := range p.Sources() {
		all = append(all, "key "+source.Key)
	}
	for _, c := range p.Choices {
		all = append(all, c.Annotation+" "+c.Value)
	}
	for _, c := range p.Confined {
		if only := onlyWay(c); only != "" {
			all = append(all, c.What+" of "+only)
		}
	}
	for _, store := range p.Stores() {
		of, _ := backend.Of(store.Backend)
		for _, limit := range of.Limits {
			if value := store.Get(limit.Aspect); value != "" || !limit.Chosen {
				all = append(all, limit.Annotation+" "+value)
			}
		}
	}
	return all
}

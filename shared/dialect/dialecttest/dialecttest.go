// Package dialecttest is the suite that every dialect passes. What it holds for all of them, their own tests need not: a Plan is
// pure and total, policy judges all that it reads, a status keeps what a sync remembers, deprecated fields mean what they are
// converted to, and nothing is missing that webhook and syncer ask for.
package dialecttest

import (
	"cmp"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// Suite is a dialect, and what it shows of itself.
type Suite struct {
	Dialect dialect.Dialect
	// Args are flags of the syncer's installation that differ from the defaults, such as --backend=azure-kv.
	Args []string
	// Policy is what the installation says for all dialects.
	Policy settings.Policy
	// Examples is a file of YAML documents: objects that are right, each named after what it shows, and all that they refer to.
	// Between them they use every field, deprecated ones too. Those with a status show what others write there.
	Examples string
}

// Run tests a dialect.
func Run(t *testing.T, s Suite) {
	t.Helper()
	r := &runner{Suite: s}
	services := map[string]dialect.Service{"webhook": dialect.Webhook, "syncer": dialect.Syncer, "check": dialect.Check}
	installations := map[string]dialect.Installation{}
	for name, service := range services {
		installations[name] = s.install(t, service)
	}
	r.kinds, r.stores = installations["syncer"].Kinds(), installations["syncer"].Stores()
	if s.Dialect.Name == "" || s.Dialect.Title == "" || (s.Dialect.Switch == "") != (s.Dialect.SwitchEnv == "") || len(r.kinds) == 0 {
		t.Fatalf("got %+v, want a name, a title, a kind, and a switch with its variable or neither", s.Dialect)
	}
	if !slices.Equal(installations["syncer"].Ring(), s.install(t, dialect.Syncer).Ring()) {
		t.Error("syncers of equal settings are in different rings")
	}
	r.roots = map[string]bool{}
	for _, kind := range r.kinds {
		fields, _ := schemaOf(kind.Type())["properties"].(document)
		for name := range fields {
			r.roots[name] = true
		}
	}
	r.load(t)
	for name, installation := range installations {
		t.Run("the plans of "+name, func(t *testing.T) { r.agreed(t, installation.Kinds()) })
	}
	t.Run("types", r.types)
	t.Run("words", r.words)
	t.Run("plans", r.plans)
	t.Run("references", r.references)
	t.Run("policy", r.policy)
	t.Run("deprecated fields", r.deprecated)
	t.Run("status", r.status)
}

// install sets the dialect up as a service does.
func (s Suite) install(t *testing.T, service dialect.Service) dialect.Installation {
	t.Helper()
	installation := s.Dialect.New()
	section := settings.NewSection(s.Dialect.Title, func(string) (string, bool) { return "", false })
	installation.Bind(section, service)
	for _, arg := range s.Args { // each service has some of the flags
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); section.Flags.Lookup(name) != nil {
			if err := section.Flags.Parse([]string{arg}); err != nil {
				t.Fatal(err)
			}
		}
	}
	section.Flags.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" {
			t.Errorf("flag --%s has no description", f.Name)
		}
	})
	if err := installation.Finish(s.Policy); err != nil {
		t.Fatal(err)
	}
	return installation
}

// runner runs a Suite.
type runner struct {
	Suite
	kinds    []dialect.Kind
	stores   []dialect.StoreKind
	roots    map[string]bool // the first fields of objects
	examples []example
	stored   []stored
}

// document is an object as JSON has it.
type document = map[string]any

// example is an object of one of the kinds.
type example struct {
	kind dialect.Kind
	name string
	doc  document
}

// stored is an object that examples refer to.
type stored struct {
	kind dialect.StoreKind
	ref  dialect.Reference
	doc  document
}

// load reads the examples. They are in a namespace of their own, unless they name one.
func (r *runner) load(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(r.Examples)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		doc := document{}
		if err := yaml.UnmarshalStrict([]byte(part), &doc); err != nil {
			t.Fatalf("%s: %v", r.Examples, err)
		}
		if len(doc) > 0 {
			r.add(t, doc)
		}
	}
	if len(r.examples) == 0 {
		t.Fatalf("%s: there are no objects of the dialect's kinds", r.Examples)
	}
}

func (r *runner) add(t *testing.T, doc document) {
	t.Helper()
	metadata, _ := doc["metadata"].(document)
	name, _ := metadata["name"].(string)
	namespace, _ := metadata["namespace"].(string)
	if metadata == nil || name == "" {
		t.Fatalf("%s: an object has no name: %v", r.Examples, doc)
	}
	is := func(in dialect.Type) bool {
		return doc["apiVersion"] == in.GroupVersion().String() && doc["kind"] == in.Kind
	}
	for _, kind := range r.kinds {
		if is(kind.Type()) {
			metadata["namespace"] = cmp.Or(namespace, "core")
			r.examples = append(r.examples, example{kind: kind, name: name, doc: doc})
			return
		}
	}
	for _, kind := range r.stores {
		if in := kind.Type(); is(in) {
			if !in.ClusterWide {
				namespace = cmp.Or(namespace, "core")
				metadata["namespace"] = namespace
			}
			ref := dialect.Reference{Kind: in.GroupKind(), Namespace: namespace, Name: name}
			r.stored = append(r.stored, stored{kind: kind, ref: ref, doc: doc})
			return
		}
	}
	t.Fatalf("%s: %s is of no kind of the dialect: %v", r.Examples, name, doc["kind"])
}

// decode makes an object of a document, as a client does.
func decode[O dialect.Object](doc document, into O) (O, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return into, err
	}
	return into, json.Unmarshal(raw, into)
}

// mustDecode is decode for what is right.
func mustDecode[O dialect.Object](t *testing.T, doc document, into O) O {
	t.Helper()
	object, err := decode(doc, into)
	if err != nil {
		t.Fatalf("%v: %v", doc["metadata"], err)
	}
	return object
}

// resolved is what there is, with one document in another's place.
func (r *runner) resolved(t *testing.T, other *stored) dialect.Resolved {
	t.Helper()
	all := dialect.Resolved{}
	for _, s := range r.stored {
		if other != nil && other.ref == s.ref {
			s.doc = other.doc
		}
		all[s.ref] = mustDecode(t, s.doc, s.kind.New())
	}
	return all
}

// mustPlan is the Plan of an example, which must be right.
func (r *runner) mustPlan(t *testing.T, e example) *plan.Plan {
	t.Helper()
	p, errs := e.kind.Plan(mustDecode(t, e.doc, e.kind.New()), r.resolved(t, nil))
	if len(errs) > 0 || p == nil {
		t.Fatalf("%s: got a plan: %t, and errors %v, want a plan alone", e.name, p != nil, errs)
	}
	return p
}

// agreed compares the Plans of two services: what one lets pass the other must not read otherwise.
func (r *runner) agreed(t *testing.T, kinds []dialect.Kind) {
	for _, e := range r.examples {
		for _, kind := range kinds {
			if kind.Type().GroupVersionKind != e.kind.Type().GroupVersionKind {
				continue
			}
			p, errs := kind.Plan(mustDecode(t, e.doc, kind.New()), r.resolved(t, nil))
			if len(errs) > 0 {
				t.Errorf("%s: %v", e.name, errs.ToAggregate())
				continue
			}
			if diff := diffPlans(r.mustPlan(t, e), p); diff != "" {
				t.Errorf("%s: differs from the syncer's, -syncer +here:\n%s", e.name, diff)
			}
		}
	}
}

// texts are errors as people read them.
func texts(errs field.ErrorList) []string {
	var all []string
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}

// sortedKeys are those of a map, in order.
func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }

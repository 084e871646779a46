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
	// Between them, and those of Denied, they use every field, deprecated ones too. Those with a status show what others write there.
	Examples string
	// Denied is a file of YAML documents, too: objects that are refused beside the examples. Each line of the annotation expect of such an
	// object is in one of its errors. Empty: there is no such file.
	Denied string
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
	for _, kind := range r.typed() {
		fields, _ := schemaOf(kind.Type())["properties"].(document)
		for name := range fields {
			r.roots[name] = true
		}
	}
	r.load(t)
	r.loadDenied(t)
	r.known = r.beside(t, nil)
	for name, installation := range installations {
		t.Run("the plans of "+name, func(t *testing.T) { r.agreed(t, installation.Kinds()) })
	}
	t.Run("types", r.types)
	t.Run("words", r.words)
	t.Run("plans", r.plans)
	t.Run("denials", r.denials)
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
	denied   []denied
	known    dialect.Resolved // all that is stored
}

// document is an object as JSON has it.
type document = map[string]any

// load reads the examples. They are in a namespace of their own, unless they name one.
func (r *runner) load(t *testing.T) {
	t.Helper()
	for _, doc := range documentsIn(t, r.Examples) {
		r.add(t, doc)
	}
	if len(r.examples) == 0 {
		t.Fatalf("%s: there are no objects of the dialect's kinds", r.Examples)
	}
}

// documentsIn reads a file of YAML documents.
func documentsIn(t *testing.T, file string) (all []document) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		doc := document{}
		if err := yaml.UnmarshalStrict([]byte(part), &doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(doc) > 0 {
			all = append(all, doc)
		}
	}
	return all
}

func (r *runner) add(t *testing.T, doc document) {
	t.Helper()
	name, namespace := named(t, r.Examples, doc)
	if kind, is := kindOf(r.kinds, doc); is {
		r.examples = append(r.examples, example{planner: kind, kind: kind, name: name, doc: inNamespace(doc, namespace)})
		return
	}
	kind, is := kindOf(r.stores, doc)
	if !is {
		t.Fatalf("%s: %s is of no kind of the dialect: %v", r.Examples, name, doc["kind"])
	}
	ref := dialect.Reference{Kind: kind.Type().GroupKind(), Name: name}
	if !kind.Type().ClusterWide {
		doc, ref.Namespace = inNamespace(doc, namespace), namespace
	}
	r.stored = append(r.stored, stored{kind: kind, ref: ref, doc: doc})
}

// named is the name of a document, and the namespace that it names or has without.
func named(t *testing.T, file string, doc document) (name, namespace string) {
	t.Helper()
	metadata, _ := doc["metadata"].(document)
	name, _ = metadata["name"].(string)
	namespace, _ = metadata["namespace"].(string)
	if name == "" {
		t.Fatalf("%s: an object has no name: %v", file, doc)
	}
	return name, cmp.Or(namespace, "core")
}

// inNamespace puts a document in a namespace.
func inNamespace(doc document, namespace string) document {
	return put(doc, dialect.Path{"metadata", "namespace"}, namespace)
}

// kindOf is the one of some kinds that a document is of.
func kindOf[K typed](kinds []K, doc document) (found K, is bool) {
	for _, kind := range kinds {
		if in := kind.Type(); doc["apiVersion"] == in.GroupVersion().String() && doc["kind"] == in.Kind {
			return kind, true
		}
	}
	return found, false
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

// agreed compares the Plans of two services: what one lets pass the other must not read otherwise.
func (r *runner) agreed(t *testing.T, kinds []dialect.Kind) {
	for _, e := range r.examples {
		for _, kind := range kinds {
			if kind.Type().GroupVersionKind != e.kind.Type().GroupVersionKind {
				continue
			}
			p, errs := kind.Plan(mustDecode(t, e.doc, kind.New()), r.known)
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

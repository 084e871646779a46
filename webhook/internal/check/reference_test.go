package check

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// stores is a kind whose objects say in data.role as whom to read.
type stores struct{}

func (stores) Type() dialect.Type {
	return dialect.Type{
		Dialect: "fake", GroupVersionKind: schema.GroupVersionKind{Group: "fake.example", Version: "v1", Kind: "Store"}, Resource: "stores",
		CRD: []byte(crd("Store", "Namespaced", "v1", "newer")),
	}
}
func (stores) New() dialect.Object   { return &corev1.ConfigMap{} }
func (stores) NewList() dialect.List { return &corev1.ConfigMapList{} }

// readers is a kind whose objects name a Store in data.store, and a key in data.key. All else is a SecretDefinition's.
type readers struct{ tuenti.Installation }

func (*readers) Type() dialect.Type {
	return dialect.Type{
		Dialect: "fake", GroupVersionKind: schema.GroupVersionKind{Group: "fake.example", Version: "v1", Kind: "Reader"}, Resource: "readers",
	}
}
func (*readers) New() dialect.Object { return &corev1.ConfigMap{} }

func (*readers) References(object dialect.Object, _ dialect.Resolved) []dialect.Reference {
	reader, _ := object.(*corev1.ConfigMap)
	return []dialect.Reference{{Kind: stores{}.Type().GroupKind(), Namespace: object.GetNamespace(), Name: reader.Data["store"]}}
}

func (r *readers) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	reader, _ := object.(*corev1.ConfigMap)
	b := plan.Build(object, r.Type().GroupVersionKind, &plan.Words{Kind: "Reader", Spec: "data"})
	wanted := r.References(object, nil)[0]
	store, found := resolved[wanted].(*corev1.ConfigMap)
	if !found {
		b.Fail(dialect.Missing(field.NewPath("data", "store"), wanted))
		return b.Done()
	}
	vault, _ := backend.Of(backend.Vault)
	source := plan.Source{Store: plan.Store{Backend: vault.Name, Role: store.Data["role"]}, Read: vault.Read(plan.Read{Key: reader.Data["key"]})}
	vault.Add(b, plan.Entry{Field: "data", KeyField: "data.key", Name: "a", Source: source}, field.NewPath("data", "key"))
	return b.Done()
}

// fake checks objects of kind Reader in namespace core, where roles that end in team are permitted.
func fake(c Checker) *Checker {
	c.Kinds, c.Stores = []dialect.Kind{&readers{}}, []dialect.StoreKind{stores{}}
	c.Namespace, c.Annotations = "core", map[string]string{names.AnnotationPermittedRole: ".*team"}
	return &c
}

const reader = "apiVersion: fake.example/v1\nkind: Reader\nmetadata: {name: a}\ndata: {store: vault, key: k}\n"

func store(role string) string {
	return "apiVersion: fake.example/v1\nkind: Store\nmetadata: {name: vault}\ndata: {role: " + role + "}\n"
}

func TestWhatAnObjectRefersToIsLookedFor(t *testing.T) {
	answering := func(role string, err error) LiveObject {
		return func(_ context.Context, resource schema.GroupVersionResource, namespace, name string) (map[string]any, bool, error) {
			if resource.Resource != "stores" || namespace != "core" || name != "vault" {
				t.Errorf("got a request for %s %s/%s", resource.Resource, namespace, name)
			}
			return map[string]any{"data": map[string]any{"role": role}}, role != "", err
		}
	}
	const denied = `4: error: core/a: data: Forbidden: "admin" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows ".*team"`
	const none = "core/a: data.store: there is no Store core/vault yet"
	const unjudged = "; what is read by it is not judged"
	for name, tc := range map[string]struct {
		checker Checker
		text    string
		more    string // text of a file with namespaces
		want    []string
	}{
		"in the file, before the object": {text: store("team") + "---\n" + reader},
		"in the file, behind the object": {text: reader + "---\n" + store("admin"), want: []string{denied}},
		"in the file of the namespaces":  {text: reader, more: store("admin"), want: []string{denied}},
		"in the cluster":                 {text: reader, checker: Checker{LiveObject: answering("admin", nil)}, want: []string{denied}},
		"in the files over the cluster":  {text: reader, more: store("team"), checker: Checker{LiveObject: answering("admin", nil)}},
		"in another namespace alone":     {text: reader, more: strings.Replace(store("team"), "{name", "{namespace: x, name", 1), want: []string{"4: warning: " + none + " among the files: name its file, too (--namespaces), or a cluster that has it (--kubeconfig)" + unjudged}},
		"nowhere": {text: reader, want: []string{
			"4: warning: " + none + " among the files: name its file, too (--namespaces), or a cluster that has it (--kubeconfig)" + unjudged}},
		"nowhere, which is an error": {text: reader, checker: Checker{StrictReferences: true}, want: []string{
			"4: error: " + none + " among the files: name its file, too (--namespaces), or a cluster that has it (--kubeconfig)" + unjudged}},
		"not in the cluster, either": {text: reader, checker: Checker{LiveObject: answering("", nil)}, want: []string{
			"4: warning: " + none + ", neither among the files nor in the cluster" + unjudged}},
		"in a cluster that does not answer": {text: reader, checker: Checker{LiveObject: answering("", errors.New("timeout"))}, want: []string{
			"4: warning: " + none + " among the files, and the cluster's cannot be read: timeout" + unjudged}},
		"in a form that nothing can read": {text: store("[]"), want: []string{
			`4: error: core/vault: data.role: Invalid value: "array": data.role in body must be of type string: "array"`}},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake(tc.checker)
			if tc.more != "" {
				c.NamespaceFiles = []string{file(t, "more.yaml", tc.more)}
			}
			var got []string
			path := file(t, "a.yaml", tc.text)
			for _, f := range run(t, c, path).Findings {
				line, said, _ := strings.Cut(strings.TrimPrefix(compiler(f), path+":"), ":")
				_, said, _ = strings.Cut(said, ":") // behind the column
				got = append(got, line+":"+said)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStoresAreCountedBesideObjects(t *testing.T) {
	report := run(t, fake(Checker{}), file(t, "a.yaml", reader+"---\n"+store("team")))
	if got, want := report.Summary(), "1 Reader and 1 Store in 1 file: 0 errors, 0 warnings"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var b strings.Builder
	if err := report.Write(&b, JSON, ""); err != nil {
		t.Fatal(err)
	}
	if want := "\"files\": 1,\n    \"readers\": 1,\n    \"stores\": 1,\n"; !strings.Contains(b.String(), want) {
		t.Errorf("got %s, want it to hold %s", b.String(), want)
	}
}

func TestAClusterIsAskedOnceForWhatObjectsReferTo(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/vault") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`))
			return
		}
		_, _ = w.Write([]byte(`{"kind": "Store", "apiVersion": "fake.example/v1", "metadata": {"name": "vault"}, "data": {"role": "admin"}}`))
	}))
	defer server.Close()
	live, err := ClusterObject(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	text := reader + "---\n" + reader + "---\n" + strings.Replace(reader, "vault", "gone", 1)
	var rules []Rule
	for _, f := range run(t, fake(Checker{LiveObject: live}), file(t, "a.yaml", text)).Findings {
		rules = append(rules, f.Rule)
	}
	if diff := cmp.Diff([]Rule{Policy, Policy, Invalid}, rules); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	slices.Sort(asked)
	want := []string{"GET /apis/fake.example/v1/namespaces/core/stores/gone", "GET /apis/fake.example/v1/namespaces/core/stores/vault"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// crd is a CustomResourceDefinition whose objects have one member of data beside store and key.
func crd(kind, scope, version, member string) string {
	return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ` + strings.ToLower(kind) + `s.fake.example}
spec:
  group: fake.example
  names: {kind: ` + kind + `, plural: ` + strings.ToLower(kind) + `s}
  scope: ` + scope + `
  versions:
    - name: v0
      schema: {openAPIV3Schema: {type: object}}
    - name: ` + version + `
      schema:
        openAPIV3Schema:
          type: object
          properties:
            data: {type: object, properties: {store: {type: string}, key: {type: string}, role: {type: string}, ` + member + `: {type: string}}}
`
}

func TestCRDsOfFilesCount(t *testing.T) {
	const refused = ": kubectl refuses it, other clients drop it silently"
	object := strings.Replace(reader, "key: k", "key: k, newer: x", 1) + "---\n" + store("team")
	for name, tc := range map[string]struct {
		crds []string // texts
		want []string
		err  string
	}{
		"none":                   {},
		"one that has the field": {crds: []string{crd("Reader", "Namespaced", "v1", "newer")}},
		"one that has it not": {crds: []string{crd("Reader", "Namespaced", "v1", "older")}, want: []string{
			"core/a: data.newer: is not a field of the CRD" + refused}},
		"one among others, in a list": {
			crds: []string{"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(crd("Reader", "Namespaced", "v1", "older")), "\n", "\n  ") + "\n- {kind: ConfigMap}\n"},
			want: []string{"core/a: data.newer: is not a field of the CRD" + refused}},
		"one of what no namespace holds": {crds: []string{crd("Store", "Cluster", "v1", "a")}, want: []string{
			"core/a: data.store: there is no Store core/vault yet among the files: name its file, too (--namespaces), or a cluster that has it " +
				"(--kubeconfig); what is read by it is not judged"}},
		"one of another kind": {crds: []string{crd("Writer", "Namespaced", "v1", "a")},
			err: "--crds: a.yaml holds no CustomResourceDefinition of Reader.fake.example, Store.fake.example"},
		"one that lacks the version": {crds: []string{crd("Reader", "Namespaced", "v2", "a")},
			err: "--crds: Reader: readers.fake.example has no schema of version v1, but v0, v2"},
		"what is no CRD": {crds: []string{"kind: CustomResourceDefinition\napiVersion: [\n"},
			err: "--crds: a.yaml:1: this is not YAML: "},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake(Checker{})
			for _, text := range tc.crds {
				c.CRDs = append(c.CRDs, file(t, "a.yaml", text))
			}
			report, err := c.Run(t.Context(), []string{file(t, "a.yaml", object)})
			if err != nil || tc.err != "" {
				if got := strings.ReplaceAll(errorText(err), strings.Join(c.CRDs, ""), "a.yaml"); tc.err == "" || !strings.HasPrefix(got, tc.err) {
					t.Errorf("got error %q, want %q", got, tc.err)
				}
				return
			}
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Object+": "+f.text())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestACRDOfAFileCountsInsteadOfTheBuiltInOne(t *testing.T) {
	builtIn := string((&kes.Installation{}).Type().CRD)
	newer := strings.Replace(builtIn, "              keyVaultName:\n", "              newer: {type: string}\n              keyVaultName:\n", 1)
	if newer == builtIn {
		t.Fatal("the built-in CRD has no field keyVaultName in its spec")
	}
	object := "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {backendType: vault, newer: x, dataFrom: [secret/data/a]}\n"
	for name, tc := range map[string]struct {
		crds []string
		want int
	}{
		"built in":  {nil, 1},
		"in a file": {[]string{file(t, "crd.yaml", newer)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			report := run(t, &Checker{CRDs: tc.crds, UnknownNamespace: UnknownPasses}, file(t, "a.yaml", object))
			if got := report.Count(Error); got != tc.want {
				t.Errorf("got %d errors, want %d:\n%s", got, tc.want, compilerLines(report.Findings))
			}
		})
	}
}

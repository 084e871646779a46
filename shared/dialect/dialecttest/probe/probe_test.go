package probe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	v1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

func TestDialect(t *testing.T) {
	dialecttest.Run(t, dialecttest.Suite{
		Dialect: probe.Dialect(), Examples: "testdata/examples.yaml", Denied: "testdata/denied.yaml",
	})
}

const (
	account = `server: https://vault:8200, method: kubernetes, mount: k, role: core, serviceAccountRef: {name: reader}`
	appRole = `server: https://vault:8200, method: appRole, mount: a, role: 8f2a, secretRef: {name: approle, key: secret-id}`
)

// parse plans an object of namespace core with a spec, beside a store of that name.
func parse(t *testing.T, spec, storeSpec string) (*plan.Plan, []string) {
	t.Helper()
	object, store := &v1.Probe{}, &v1.ProbeStore{}
	for into, text := range map[any]string{object: `{spec: {` + spec + `}}`, store: `{spec: {` + storeSpec + `}}`} {
		if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	object.Namespace, object.Name, store.Namespace, store.Name = "core", "db", "core", "vault"
	kind := schema.GroupKind{Group: "probe.secretgate.io", Kind: "ProbeStore"}
	p, errs := probe.Dialect().New().Kinds()[0].Plan(object, dialect.Resolved{{Kind: kind, Namespace: "core", Name: "vault"}: store})
	var problems []string
	for _, err := range errs {
		problems = append(problems, err.Error())
	}
	return p, problems
}

func TestWhatIsWrongIsSaidWhereItStands(t *testing.T) {
	const entry = `storeRef: {name: vault}, entries: [{name: a, key: secret/data/a}]`
	for name, test := range map[string]struct {
		spec, store string
		want        []string
	}{
		"nothing":             {entry, account, nil},
		"nothing, by AppRole": {entry, appRole, nil},
		"no such store, twice": {
			`storeRef: {name: other}, entries: [{name: a, key: x}, {name: b, key: y}, {name: c, key: z, storeRef: {name: third}}]`, account,
			[]string{
				`spec.storeRef: Not found: "other": there is no ProbeStore core/other yet`,
				`spec.entries[2].storeRef: Not found: "third": there is no ProbeStore core/third yet`,
			},
		},
		"a store of another namespace": {
			`storeRef: {name: vault, namespace: prod}, entries: [{name: a, key: x}]`, account,
			[]string{"spec.storeRef.namespace: Forbidden: must be core, the object's own namespace, or absent"},
		},
		"no store, and what needs none is judged": {
			`entries: [{name: a/b, key: a/../b}]`, account,
			[]string{
				"spec.entries[0].name: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' " +
					"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
				"spec.storeRef.name: Required value: the name of the ProbeStore",
				`spec.entries[0].key: Invalid value: "a/../b": must not contain the path segments . and ..`,
			},
		},
		"an empty store": {
			entry, ``,
			[]string{
				"ProbeStore[vault].spec.server: Required value: a store has no default", "ProbeStore[vault].spec.mount: Required value: a store has no default",
				`ProbeStore[vault].spec.method: Unsupported value: "": supported values: "kubernetes", "jwt", "appRole"`,
				"ProbeStore[vault].spec.role: Required value: a store has no default",
			},
		},
		"a store whose server has two spellings": {
			entry, `server: "https://Vault:8200/", method: kubernetes, mount: k, role: core, serviceAccountRef: {name: reader}`,
			[]string{`ProbeStore[vault].spec.server: Invalid value: "https://Vault:8200/": must be in lower case, and not end with a slash: write https://vault:8200`},
		},
		"a method without its credential": {
			entry, `server: "https://vault:8200", method: jwt, mount: k, role: core, secretRef: {name: approle, key: id}`,
			[]string{"ProbeStore[vault].spec.serviceAccountRef: Required value: method jwt needs a ServiceAccount, and no Secret"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := parse(t, test.spec, test.store)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAStoreIsJudgedWhereItStandsAndWithoutItTheKeysAre(t *testing.T) {
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{
		names.AnnotationPermittedKeyName: "secret/data/core/.*", names.AnnotationPermittedRole: "reader", names.AnnotationRequireRole: "true",
	}}
	const (
		key = `spec.entries[0].key: Forbidden: "secret/data/prod" is not permitted in namespace "core": ` +
			`annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/core/.*"`
		role = `ProbeStore[vault].spec.role: Forbidden: "core" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "reader"`
	)
	for store, want := range map[string][]string{"vault": {role, key}, "missing": {key}} {
		p, _ := parse(t, `storeRef: {name: `+store+`}, entries: [{name: a, key: secret/data/prod}]`, account)
		var got []string
		for _, err := range policy.Check(p, ns, policy.Settings{}).Errors() {
			got = append(got, err.Error())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("store %s: -want +got:\n%s", store, diff)
		}
	}
}

func TestAStoreOfTheClusterAdmitsTheNamespacesOfItsConditions(t *testing.T) {
	for name, test := range map[string]struct {
		conditions string
		namespace  policy.Namespace
		permitted  bool
	}{
		"all, where there is no condition":       {"[]", policy.Namespace{Name: "core"}, true},
		"those of a name":                        {"[{namespaces: [core]}]", policy.Namespace{Name: "core"}, true},
		"not those of another name":              {"[{namespaces: [core]}]", policy.Namespace{Name: "core-2"}, false},
		"those in whose name a pattern is found": {"[{namespaceRegexes: [or]}]", policy.Namespace{Name: "core"}, true},
		"those with a label": {
			"[{namespaces: [x]}, {namespaceSelector: {matchLabels: {team: a}}}]", policy.Namespace{Name: "core", Labels: map[string]string{"team": "a"}}, true,
		},
		"not those with another label": {
			"[{namespaceSelector: {matchLabels: {team: a}}}]", policy.Namespace{Name: "core", Labels: map[string]string{"team": "b"}}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			object, store := &v1.Probe{}, &v1.ClusterProbeStore{}
			for into, text := range map[any]string{
				object: `{spec: {storeRef: {kind: ClusterProbeStore, name: shared}, entries: [{name: a, key: secret/data/a}]}}`,
				store:  `{spec: {` + appRole + `, conditions: ` + test.conditions + `}}`,
			} {
				if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			object.Namespace, object.Name = test.namespace.Name, "db"
			ref := dialect.Reference{Kind: schema.GroupKind{Group: "probe.secretgate.io", Kind: "ClusterProbeStore"}, Name: "shared"}
			p, errs := probe.Dialect().New().Kinds()[0].Plan(object, dialect.Resolved{ref: store})
			if len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			violations := policy.Check(p, test.namespace, policy.Settings{}).Errors()
			if (len(violations) == 0) != test.permitted || len(violations) > 0 && violations[0].Field != "spec.storeRef" {
				t.Errorf("got %v, want permitted: %t", violations, test.permitted)
			}
		})
	}
}

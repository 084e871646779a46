package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/policy"
)

func TestPlans(t *testing.T) {
	const head = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: db, namespace: core}\n"
	for name, c := range map[string]struct {
		text  string
		keys  []string // that are read
		wrong string
		err   string
	}{
		"what is not deprecated": {text: head + "spec: {backendType: vault, data: [{key: secret/data/a, name: a}]}\n", keys: []string{"secret/data/a"}},
		"deprecated fields are converted first": {
			text: head + "secretDescriptor: {backendType: vault, properties: [{key: secret/data/a, name: a}]}\n", keys: []string{"secret/data/a"},
		},
		"both names of a field": {
			text: head + "spec: {backendType: vault, data: [{key: secret/data/a, name: a}], properties: [{key: secret/data/b, name: b}]}\n",
			keys: []string{"secret/data/a"}, wrong: "spec.properties: Forbidden: is the deprecated name of spec.data, which is set too: remove spec.properties",
		},
		"a status is not a client's": {
			text: head + "spec: {backendType: vault, data: [{key: secret/data/a, name: a}]}\nstatus: {lastSync: never}\n", keys: []string{"secret/data/a"},
		},
		"a type that does not fit": {text: head + "spec: {backendType: [vault]}\n", wrong: "spec: Invalid value: does not fit the CRD: spec.backendType must be a string, but is an array"},
		"no YAML":                  {text: head + "spec: [\n", err: "core.yaml:"},
		"objects of others":        {text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: core, annotations: {a: b}}\n---\n"
			checker := Checker{Kinds: kindsOf(kes.Installation{}, tuenti.Where{})}
			planned, known, err := checker.Plans(t.Context(), []string{file(t, "core.yaml", namespace+c.text)})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want an error that names %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]policy.Namespace{{Name: "core", Annotations: map[string]string{"a": "b"}, Labels: map[string]string{}}}, known); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
			var keys []string
			wrong := ""
			for _, one := range planned {
				if one.Object.GetName() != "db" || one.Object.GetNamespace() != "core" {
					t.Errorf("got %s/%s, want the object's own name", one.Object.GetNamespace(), one.Object.GetName())
				}
				if one.Plan != nil {
					for _, e := range one.Plan.Entries {
						keys = append(keys, e.Source.Key)
					}
				}
				if len(one.Wrong) > 1 {
					t.Errorf("got %q as wrong, want it said once", one.Wrong)
				}
				if len(one.Wrong) > 0 {
					wrong = one.Wrong.ToAggregate().Error()
				}
			}
			if diff := cmp.Diff(c.keys, keys); diff != "" || wrong != c.wrong {
				t.Errorf("got %q as wrong, want %q; keys (-want +got):\n%s", wrong, c.wrong, diff)
			}
		})
	}
}

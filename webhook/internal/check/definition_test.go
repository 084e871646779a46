package check

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestSecretDefinitionsAreChecked(t *testing.T) {
	manifests := file(t, "definitions.yaml", `apiVersion: v1
kind: Namespace
metadata:
  name: core
  annotations: {externalsecrets.kubernetes-client.io/permitted-key-name: secret/data/core/.*}
---
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata: {name: fine, namespace: core}
spec:
  name: fine
  keysMap:
    password: {path: secret/data/core/db, key: password}
---
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata: {name: wrong, namespace: core}
spec:
  name: wrong
  refresh: 5s
  keysMap:
    tls.crt:
      path: secret/data/other/db
      encoding: rot13
    dots: {path: secret/data/core/../other}
---
apiVersion: secrets-manager.tuenti.io/v1alpha1
kind: SecretDefinition
metadata: {name: empty, namespace: core}
spec: {}
`)
	report := run(t, &Checker{}, manifests)
	var got []string
	for _, f := range report.Findings {
		f.File = "definitions.yaml"
		var b bytes.Buffer
		if err := (&Report{Findings: []Finding{f}}).Write(&b, Text, ""); err != nil {
			t.Fatal(err)
		}
		got = append(got, b.String())
	}
	want := []string{
		"definitions.yaml:20:12: error: core/wrong: spec.refresh: is not a field of the CRD: kubectl refuses it, other clients drop it silently\n",
		"definitions.yaml:23:13: error: core/wrong: spec.keysMap[tls.crt].path: Forbidden: \"secret/data/other/db\" is not permitted in namespace \"core\": " +
			"annotation externalsecrets.kubernetes-client.io/permitted-key-name allows \"secret/data/core/.*\"\n",
		"definitions.yaml:24:17: error: core/wrong: spec.keysMap[tls.crt].encoding: Unsupported value: \"rot13\": supported values: \"text\", \"base64\"\n",
		"definitions.yaml:25:18: error: core/wrong: spec.keysMap[dots].path: Invalid value: \"secret/data/core/../other\": must not contain the path segments . and ..\n",
		"definitions.yaml:30:1: error: core/empty: spec.name: Required value: the name of the Secret\n",
		"definitions.yaml:30:1: error: core/empty: spec.keysMap: Required value: at least one entry is needed\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff("0 ExternalSecrets and 3 SecretDefinitions in 1 file: 6 errors, 0 warnings", report.Summary()); diff != "" {
		t.Error(diff)
	}
}

func TestSecretDefinitionsAreCheckedOneWayOrAnother(t *testing.T) {
	object := func(keysMap string) string {
		return "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: db}\nspec: {name: db, keysMap: " + keysMap + "}\n"
	}
	annotations := map[string]string{names.AnnotationPermittedKeyName: ".*/dev/.*"}
	azure := kindsOf(kes.Installation{}, tuenti.Where{Store: plan.Store{Backend: backend.AzureKeyVault, Container: "kv"}})
	for _, tc := range []struct {
		name    string
		checker Checker
		text    string
		want    []string
	}{
		{"as the backend has it", Checker{Kinds: azure, UnknownNamespace: UnknownPasses}, object("{a: {path: secret/data/db}}"), []string{
			"spec.keysMap[a].path: Invalid value: \"secret/data/db\": must be a secret's name, or name/version, of letters, digits and dashes"}},
		{"what the backend ignores is a warning", Checker{Kinds: azure, UnknownNamespace: UnknownPasses}, object("{a: {path: db, key: password}}"), []string{
			"spec.keysMap[a].key: has no meaning for Azure Key Vault, whose secrets have no keys, and is ignored: remove it"}},
		{"what is none is the schema's to say", Checker{UnknownNamespace: UnknownPasses}, object("[]"), []string{
			"spec.keysMap: Invalid value: \"array\": spec.keysMap in body must be of type object: \"array\""}},
		{"KES had none, so that its matching cannot differ", Checker{CompareMatching: true, Annotations: annotations}, object("{a: {path: prod/dev/../db}}"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			report := run(t, &tc.checker, file(t, "one.yaml", tc.text), file(t, "two.yaml", object("{a: {path: hello}}")+"---\nkind: ConfigMap\n"))
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Path+": "+f.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if report.Objects["SecretDefinition"] != 2 || report.Objects["ExternalSecret"] != 0 || report.Skipped != 1 {
				t.Errorf("got %v and %d others", report.Objects, report.Skipped)
			}
		})
	}
}

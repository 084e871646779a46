package admit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestSecretDefinitionsAreJudgedAlike(t *testing.T) {
	vault := tuenti.Where{Store: plan.Store{Backend: backend.Vault, Mount: "approle"}, EngineVersion: 2}
	azure := tuenti.Where{Store: plan.Store{Backend: backend.AzureKeyVault, Container: "hello-world"}}
	definition := func(keysMap string) string {
		return `{"apiVersion": "secrets-manager.tuenti.io/v1alpha1", "kind": "SecretDefinition", "metadata": {"name": "db"},
			"spec": {"name": "db", "keysMap": ` + keysMap + `}}`
	}
	for _, tc := range []struct {
		name    string
		where   tuenti.Where
		object  string
		message string // empty: allowed
		reason  metav1.StatusReason
	}{
		{"a path that is permitted", vault, definition(`{"a": {"path": "secret/data/dev/db", "key": "k"}}`), "", ""},
		{"one that is not", vault, definition(`{"a": {"path": "secret/data/prod/db"}, "b": {"path": "secret/data/dev/db"}}`),
			`spec.keysMap[a].path: Forbidden: "secret/data/prod/db" is not permitted in namespace "core": ` +
				`annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/dev/.*"`, metav1.StatusReasonForbidden},
		{"malformed and forbidden at once", vault, definition(`{"a": {"path": "secret/data/dev/../prod"}, "b": {"path": "x", "encoding": "rot13"}}`), `3 violations:
* spec.keysMap[a].path: Invalid value: "secret/data/dev/../prod": must not contain the path segments . and ..
* spec.keysMap[b].encoding: Unsupported value: "rot13": supported values: "text", "base64"
* spec.keysMap[b].path: Forbidden: "x" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/dev/.*"`,
			metav1.StatusReasonInvalid},
		{"a name in a Key Vault", azure, definition(`{"a": {"path": "hello/../world", "key": "k"}}`), `2 violations:
* spec.keysMap[a].path: Invalid value: "hello/../world": must be a secret's name, or name/version, of letters, digits and dashes
* spec.keysMap[a].path: Forbidden: "hello/../world" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/dev/.*"`,
			metav1.StatusReasonInvalid},
		{"no such object", vault, `{"spec": {"keysMap": []}}`,
			"the object of the request cannot be read: json: cannot unmarshal array into Go struct field SecretDefinitionSpec.spec.keysMap of type map[string]v1alpha1.DataSource",
			metav1.StatusReasonBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dev := permitting("secret/data/dev/.*")
			definitions := &tuenti.Installation{Where: tc.where}
			v := &Validator{Kinds: []dialect.Kind{&kes.Installation{}, definitions}, Namespaces: Namespaces{Cached: dev, Live: dev}}
			got := reviewOfKind(t, v, definitions, tc.object)
			if got.Allowed != (tc.message == "") {
				t.Errorf("allowed is %t", got.Allowed)
			}
			if diff := cmp.Diff(tc.message, got.Result.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.reason, got.Result.Reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	store "github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

func putGoogle(t *testing.T, secret store.Secret) {
	t.Helper()
	if err := theLab.Clouds.Google().PutSecrets(google.LabProject, secret); err != nil {
		t.Fatal(err)
	}
}

// KES README, GCP Secret Manager: its example as it stands there.
func TestGoogleSecretManager(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putGoogle(t, store.Secret{Name: "my-gsm-secret-name", String: fmt.Sprintf(`{"value": %q}`, value)})
	kubectl.MustApply(t, namespace, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: gcp-secrets-manager-example
spec:
  backendType: gcpSecretsManager
  projectId: my-gsm-secret-project
  data:
    - key: my-gsm-secret-name
      name: my-kubernetes-secret-name
      version: latest
      property: value
`)
	awaitData(t, namespace, "gcp-secrets-manager-example", map[string]string{"my-kubernetes-secret-name": value})
	if got := awaitReason(t, namespace, "gcp-secrets-manager-example", plan.ReasonSynced).Status.Status; got != "SUCCESS" {
		t.Errorf("status %q", got)
	}
	rotated := secretValue()
	putGoogle(t, store.Secret{Name: "my-gsm-secret-name", String: fmt.Sprintf(`{"value": %q}`, rotated)})
	awaitData(t, namespace, "gcp-secrets-manager-example", map[string]string{"my-kubernetes-secret-name": rotated})
}

// Versions by number and alias, bytes, base64 text, and a JSON object whole, in the project of the syncer's credentials.
func TestGoogleValues(t *testing.T) {
	t.Parallel()
	namespace, first, second, user := newNamespace(t, nil), secretValue(), secretValue(), secretValue()
	binary := secretValue() + "\x00\xff"
	name := func(s string) string { return namespace + "-" + s }
	putGoogle(t, store.Secret{Name: name("password"), String: first})
	putGoogle(t, store.Secret{Name: name("password"), String: second})
	putGoogle(t, store.Secret{Name: name("password"), String: secretValue()})
	putGoogle(t, store.Secret{Name: name("json"), String: fmt.Sprintf(`{"user":%q,"port":5432}`, user)})
	putGoogle(t, store.Secret{Name: name("bytes"), Binary: []byte(binary)})
	putGoogle(t, store.Secret{Name: name("base64"), String: base64.StdEncoding.EncodeToString([]byte(binary))})
	if err := theLab.Clouds.Google().Secrets().SetAlias(google.LabProject, name("password"), "stable", 2); err != nil {
		t.Fatal(err)
	}
	kubectl.MustApply(t, namespace, object("values", strings.ReplaceAll(`
  backendType: gcpSecretsManager
  dataFrom:
    - NAME-json
  data:
    - key: NAME-password
      name: first
      version: 1
    - key: NAME-password
      name: second
      version: stable
    - key: NAME-bytes
      name: bytes
    - key: NAME-base64
      name: decoded
      isBinary: true`, "NAME", namespace)))
	awaitData(t, namespace, "values", map[string]string{
		"user": user, "port": "5432", "first": first, "second": second, "bytes": binary, "decoded": binary,
	})
}

// A disabled version is gone, and the last good Secret stays.
func TestGoogleVersionIsDisabled(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	name := namespace + "-disabled"
	putGoogle(t, store.Secret{Name: name, String: value})
	kubectl.MustApply(t, namespace, object("disabled", `
  backendType: gcpSecretsManager
  data:
    - key: `+name+`
      name: value`))
	awaitData(t, namespace, "disabled", map[string]string{"value": value})
	if err := theLab.Clouds.Google().Secrets().SetState(google.LabProject, name, 1, store.Disabled); err != nil {
		t.Fatal(err)
	}
	said := awaitReason(t, namespace, "disabled", plan.ReasonSecretNotFound).Status.Status
	if !strings.Contains(said, "DISABLED") || !strings.Contains(said, name) {
		t.Errorf("the status does not say what is wrong: %s", said)
	}
	awaitData(t, namespace, "disabled", map[string]string{"value": value})
}

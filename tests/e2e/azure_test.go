package e2e

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

func putAzure(t *testing.T, vault string, secret keyvault.Secret) {
	t.Helper()
	if err := theLab.Clouds.Azure().PutSecrets(vault, secret); err != nil {
		t.Fatal(err)
	}
}

// newestAzure is the id of a secret's newest version.
func newestAzure(t *testing.T, vault, name string) string {
	t.Helper()
	for _, s := range theLab.Clouds.Azure().Secrets(vault) {
		if s.Name == name {
			return s.Versions[len(s.Versions)-1]
		}
	}
	t.Fatalf("there is no secret %s", name)
	return ""
}

// TestAzureKeyVaultExamples applies the examples of KES's README, section Azure Key Vault, as they stand there. In both
// credentials is the version, which only an emulator can call so.
func TestAzureKeyVaultExamples(t *testing.T) {
	t.Parallel()
	text, encoded := secretValue(), secretValue()
	for _, tc := range []struct{ name, value, manifest, want string }{
		{"KES README, Azure Key Vault", fmt.Sprintf(`{"value":%q}`, text), `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-keyvault-service
spec:
  backendType: azureKeyVault
  keyVaultName: hello-world
  data:
    - key: hello-service/credentials
      name: password
      property: value
`, text},
		{"KES README, Azure Key Vault: a binary secret", base64.StdEncoding.EncodeToString([]byte("\x00\xff" + encoded)), `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-keyvault-service
spec:
  backendType: azureKeyVault
  keyVaultName: hello-world
  data:
    - key: hello-service/credentials
      name: password
      isBinary: true
`, "\x00\xff" + encoded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			namespace := newNamespace(t, nil)
			putAzure(t, "hello-world", keyvault.Secret{Name: "hello-service", Version: "credentials", Value: tc.value})
			kubectl.MustApply(t, namespace, tc.manifest)
			awaitData(t, namespace, "hello-keyvault-service", map[string]string{"password": tc.want})
		})
	}
}

func TestValuesOfAzure(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	old, current, bundle, chain := secretValue(), secretValue(), secretValue(), "-----BEGIN CERTIFICATE-----\n"+secretValue()
	putAzure(t, namespace, keyvault.Secret{Name: "db", Value: old})
	first := newestAzure(t, namespace, "db")
	putAzure(t, namespace, keyvault.Secret{Name: "db", Value: current})
	putAzure(t, namespace, keyvault.Secret{
		Name: "bundle", Value: base64.StdEncoding.EncodeToString([]byte(bundle)), ContentType: "application/x-pkcs12",
	})
	putAzure(t, namespace, keyvault.Secret{Name: "chain", Value: chain, ContentType: "application/x-pem-file"})
	putAzure(t, namespace, keyvault.Secret{Name: "from", Value: fmt.Sprintf(`{"from": %q}`, old)})
	kubectl.MustApply(t, namespace, object("values", fmt.Sprintf(`
  backendType: azureKeyVault
  keyVaultName: %s
  dataFrom: [from]
  data:
    - {key: db, name: current}
    - {key: db/%s, name: first}
    - {key: bundle, name: keystore.p12, isBinary: true}
    - {key: chain, name: tls.pem, isBinary: true}`, namespace, first)))
	want := map[string]string{"from": old, "current": current, "first": old, "keystore.p12": bundle, "tls.pem": chain}
	awaitData(t, namespace, "values", want)
	want["current"] = secretValue()
	putAzure(t, namespace, keyvault.Secret{Name: "db", Value: want["current"]})
	awaitData(t, namespace, "values", want)
}

func TestFailuresOfAzure(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	spec := func(key string) string {
		return "{backendType: azureKeyVault, keyVaultName: " + namespace + ", data: [{key: " + key + ", name: password}]}"
	}
	putAzure(t, namespace, keyvault.Secret{Name: "db", Value: value})
	putAzure(t, namespace, keyvault.Secret{Name: "disabled", Value: secretValue(), Disabled: true})
	kubectl.MustApply(t, namespace, object("db", spec("db")))
	kubectl.MustApply(t, namespace, object("never", spec("never")))
	kubectl.MustApply(t, namespace, object("disabled", spec("disabled")))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitVersion(t, namespace, "db", newestAzure(t, namespace, "db"))
	says(t, awaitReason(t, namespace, "never", plan.ReasonSecretNotFound), "in vault "+namespace)
	says(t, awaitReason(t, namespace, "disabled", plan.ReasonAccessDenied), "enable the secret")

	outage := fault.Fault{Kind: fault.Outage, Cloud: azure.Name, Service: "keyvault", Key: namespace + "/db"}
	id, err := theLab.Clouds.Faults().Add(outage)
	if err != nil {
		t.Fatal(err)
	}
	awaitReason(t, namespace, "db", plan.ReasonUnavailable)
	awaitData(t, namespace, "db", map[string]string{"password": value})
	if err := theLab.Clouds.Faults().Remove(id); err != nil {
		t.Fatal(err)
	}
	awaitReason(t, namespace, "db", plan.ReasonSynced)
}

package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

func TestDefinitionsOfAzureKeyVault(t *testing.T) {
	t.Parallel()
	app := theLab.Clouds.Azure().LabApp()
	resource := "/subscriptions/1/resourceGroups/lab/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
	managed, err := theLab.Clouds.Azure().Entra().PutApp(entra.App{
		ClientID: "5ec4e79a-0000-4000-8000-0000000000d7", Managed: "user", Resource: resource, Permissions: azure.MayRead("*", "*"),
	})
	if err != nil {
		t.Fatal(err)
	}
	machine := []string{"IDENTITY_ENDPOINT=" + theLab.CloudsURL + azure.IdentityPath, "IDENTITY_HEADER=" + theLab.Clouds.Azure().IdentityHeader()}
	for _, tc := range []struct {
		name       string
		flags, env []string
	}{
		{"a service principal by flags", []string{
			"--azure-kv.name={namespace}", "--azure-kv.tenant-id=" + app.Tenant, "--azure-kv.client-id=" + app.ClientID, "--azure-kv.client-secret=" + app.Secret,
		}, nil},
		{"one by variables, which win", []string{"--azure-kv.name=elsewhere", "--azure-kv.tenant-id=x", "--azure-kv.client-id=x", "--azure-kv.client-secret=x"}, []string{
			"AZURE_KV_NAME={namespace}", "AZURE_TENANT_ID=" + app.Tenant, "AZURE_CLIENT_ID=" + app.ClientID, "AZURE_CLIENT_SECRET=" + app.Secret,
		}},
		{"a managed identity by its client id", []string{"--azure-kv.name={namespace}", "--azure-kv.managed-client-id=" + managed.ClientID}, machine},
		{"one by a variable, which goes before a service principal", []string{"--azure-kv.name={namespace}"}, append([]string{
			"AZURE_MANAGED_CLIENT_ID=" + managed.ClientID, "AZURE_TENANT_ID=" + app.Tenant, "AZURE_CLIENT_ID=x", "AZURE_CLIENT_SECRET=x"}, machine...)},
		{"a managed identity by its resource", []string{"--azure-kv.name={namespace}", "--azure-kv.managed-resource-id=" + resource}, machine},
		{"one by a variable", []string{"--azure-kv.name={namespace}"}, append([]string{"AZURE_MANAGED_RESOURCE_ID=" + resource}, machine...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			namespace, value := newNamespace(t, nil), secretValue()
			putAzure(t, namespace, keyvault.Secret{Name: "hello-service", Value: base64.StdEncoding.EncodeToString([]byte(value))})
			env := append([]string{"HTTPS_PROXY=" + theLab.CloudsProxy, "NODE_EXTRA_CA_CERTS=" + theLab.CloudsCA}, tc.env...)
			serveDefinitions(t, namespace, named(append([]string{"--backend=azure-kv"}, tc.flags...), namespace), named(env, namespace)...)
			kubectl.MustApply(t, namespace, definition("db", "db", "{password: {path: hello-service, key: ignored, encoding: base64}}"))
			awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
			awaitData(t, namespace, "db", map[string]string{"password": value})
			value = secretValue()
			putAzure(t, namespace, keyvault.Secret{Name: "hello-service", Value: base64.StdEncoding.EncodeToString([]byte(value))})
			awaitData(t, namespace, "db", map[string]string{"password": value})
			kubectl.MustApply(t, namespace, definition("never", "never", "{password: {path: never, key: value}}"))
			awaitDefinition(t, namespace, "never", plan.ReasonSecretNotFound, "in vault "+namespace)
		})
	}
}

// Of two syncers of one slow secret the one that waits for it has it. With the flag of secrets-manager for a leader both serve.
func TestTheBackendsTimeout(t *testing.T) {
	t.Parallel()
	patient, hasty, value := newNamespace(t, nil), newNamespace(t, nil), secretValue()
	putAzure(t, patient, keyvault.Secret{Name: "slow", Value: value})
	slow := fault.Fault{Kind: fault.Latency, Cloud: azure.Name, Service: "keyvault", Key: patient + "/slow", Latency: fault.Duration(3 * time.Second)}
	id, err := theLab.Clouds.Faults().Add(slow)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theLab.Clouds.Faults().Remove(id) }()
	app := theLab.Clouds.Azure().LabApp()
	for namespace, timeout := range map[string]string{patient: "30s", hasty: "1s"} {
		serveDefinitions(t, namespace, []string{
			"--backend=azure-kv", "--azure-kv.name=" + patient, "--config.backend-timeout=" + timeout, "--enable-leader-election",
		}, "HTTPS_PROXY="+theLab.CloudsProxy, "NODE_EXTRA_CA_CERTS="+theLab.CloudsCA,
			"AZURE_TENANT_ID="+app.Tenant, "AZURE_CLIENT_ID="+app.ClientID, "AZURE_CLIENT_SECRET="+app.Secret)
		kubectl.MustApply(t, namespace, definition("db", "db", "{password: {path: slow}}"))
	}
	awaitData(t, patient, "db", map[string]string{"password": value})
	awaitDefinition(t, hasty, "db", plan.ReasonUnavailable, "")
	if getSecret(t, hasty, "db") != nil {
		t.Error("what was given up has been read")
	}
}

// named puts a namespace's name for {namespace}.
func named(settings []string, namespace string) []string {
	var all []string
	for _, setting := range settings {
		all = append(all, strings.ReplaceAll(setting, "{namespace}", namespace))
	}
	return all
}

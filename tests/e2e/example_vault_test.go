package e2e

import (
	"os"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// External Secrets in Kubernetes (post), Configure Vault Cluster: its engine, its mount of kubernetes auth, its policy and role,
// read by an object of KES's kind. The syncer's own service account stands for vault-sa.
func TestVaultAtOtherMounts(t *testing.T) {
	t.Parallel()
	namespace, user, password := newNamespace(t, nil), secretValue(), secretValue()
	configureVaultOfPost(t)
	write := func(user, password string) {
		t.Helper()
		if _, err := theLab.Vault().KVv2("kv-secrets").Put(t.Context(), "postgres/config", map[string]any{"username": user, "password": password}); err != nil {
			t.Fatal(err)
		}
	}
	write(user, password)
	kubectl.MustApply(t, namespace, `
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: vault-postgres-secret
spec:
  backendType: vault
  vaultMountPoint: kubernetes-auth
  vaultRole: vault-k8s-role
  dataFrom:
    - kv-secrets/data/postgres/config
`)
	kubectl.MustApply(t, namespace, object("beyond", "{backendType: vault, vaultMountPoint: kubernetes-auth, vaultRole: vault-k8s-role, dataFrom: [secret/data/postgres/config]}"))
	awaitData(t, namespace, "vault-postgres-secret", map[string]string{"username": user, "password": password})
	says(t, awaitReason(t, namespace, "beyond", plan.ReasonAccessDenied), `as role "vault-k8s-role" at mount "kubernetes-auth"`)
	password = secretValue() // Rotate Vault Secret
	write(user, password)
	awaitData(t, namespace, "vault-postgres-secret", map[string]string{"username": user, "password": password})
}

func configureVaultOfPost(t *testing.T) {
	t.Helper()
	vault := theLab.Vault()
	sys := vault.Sys()
	if err := sys.MountWithContext(t.Context(), "kv-secrets", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
		t.Fatal(err)
	}
	if err := sys.PutPolicyWithContext(t.Context(), "kv-secrets-policy", `path "kv-secrets/data/postgres/config" { capabilities = ["read", "list"] }`); err != nil {
		t.Fatal(err)
	}
	if err := sys.EnableAuthWithOptionsWithContext(t.Context(), "kubernetes-auth", &api.EnableAuthOptions{Type: "vault-plugin-auth-kubernetes"}); err != nil {
		t.Fatal(err)
	}
	reviewer, err := theLab.ServiceAccountToken(t.Context(), "vault", "vault-auth")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(theLab.RESTConfig().CAFile)
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]map[string]any{
		"auth/kubernetes-auth/config": {
			"kubernetes_host": theLab.APIServer, "kubernetes_ca_cert": string(ca), "token_reviewer_jwt": reviewer, "disable_local_ca_jwt": true,
		},
		"auth/kubernetes-auth/role/vault-k8s-role": {
			"bound_service_account_names": "syncer", "bound_service_account_namespaces": lab.Namespace, "token_policies": "kv-secrets-policy", "token_ttl": "24h",
		},
	} {
		if _, err := vault.Logical().WriteWithContext(t.Context(), path, body); err != nil {
			t.Fatal(err)
		}
	}
	// The engine of the second version answers with errors until it has upgraded itself.
	harness.Eventually(t, func() error {
		_, err := vault.Logical().ReadWithContext(t.Context(), "kv-secrets/config")
		return err
	})
}

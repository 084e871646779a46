package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/tests/harness"
)

// followsTutorial applies the manifests of a tutorial, and has a value arrive that is changed in Vault. The Role that names the
// ServiceAccount is all that is new.
func (s vsoSite) followsTutorial(t *testing.T) {
	const ns, name = "secrets-demo", "vault-postgres-secret"
	s.kubectl.Must(t, "create", "namespace", ns)
	s.role(t, "vault-k8s-role", "vault-sa", ns, "postgres")
	first, second := secretValue(), secretValue()
	s.putVault(t, "postgres/config", map[string]any{"username": "admin", "password": first})
	text, err := os.ReadFile("testdata/vso-tutorial.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.kubectl.MustApply(t, "", strings.ReplaceAll(string(text), "VAULT", s.tap.URL))
	s.says(t, ns, name, "BackendUnauthenticated",
		"resourceNames: [vault-sa], verbs: [create]}") // as in the component token-requests
	s.account(t, ns, "vault-sa")

	holds := func(password string) error {
		secret, err := harness.Get[secretData](t.Context(), s.apiServer, harness.Secret(ns, name))
		if err != nil {
			return err
		}
		raw := string(secret.Data["_raw"])
		for _, part := range []string{`"data":{`, fmt.Sprintf("%q", password), `"metadata":{`, `"created_time":"`} {
			if !strings.Contains(raw, part) {
				return fmt.Errorf("_raw has %d bytes, without a part of what Vault answers", len(raw))
			}
		}
		delete(secret.Data, "_raw")
		return harness.Holds(secret.Data, map[string]string{"username": "admin", "password": password})
	}
	harness.Eventually(t, func() error { return holds(first) })
	s.says(t, ns, name, v1beta1.ReasonSynced, "Secret synced")
	said := s.kubectl.Must(t, "get", "vaultstaticsecrets", name, "-n", ns)
	for _, column := range []string{"SYNCED", "HEALTHY", "READY", "AGE", "True     True      True"} {
		if !strings.Contains(said, column) {
			t.Errorf("kubectl get says %q, want %s in it", said, column)
		}
	}

	s.putVault(t, "postgres/config", map[string]any{"username": "admin", "password": second})
	// refreshAfter, and a little more for the way.
	if err := (harness.Poll{Limit: 40 * time.Second}).Until(t.Context(), func() error { return holds(second) }); err != nil {
		t.Error(err)
	}
	s.kubectl.Must(t, "delete", "vaultstaticsecrets", name, "-n", ns)
	harness.Eventually(t, func() error { // the garbage collector takes what is owned
		if said, err := s.kubectl.Run(t.Context(), "get", "secret", name, "-n", ns, "--ignore-not-found"); err != nil || said != "" {
			return fmt.Errorf("got %q (%w), want no Secret any more", said, err)
		}
		return nil
	})
}

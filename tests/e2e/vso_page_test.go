package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/harness"
)

// vsoPage has commands for a cluster with the objects of Vault Secrets Operator, which the lab of all tests has not.
const vsoPage = "shared/dialect/vso/README.md"

// TestComingFromVSO runs the commands of the dialect's page, and looks for the Secret and the refusal that it promises.
func TestComingFromVSO(t *testing.T) {
	t.Parallel()
	s := newVSOSite(t)
	const namespace = "secrets-demo"
	programs, calls := standIns(t)
	user := newShellOf(t, s.lab, namespace, programs)
	user.addCheckout(t)
	var commands []fence.Block
	for _, b := range fence.Read(vsoPage, []byte(readPage(t, vsoPage))) {
		if b.Language == "sh" {
			commands = append(commands, b)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, err := s.kubectl.Run(context.Background(), "get", "vaultstaticsecrets", "--all-namespaces",
				"--output=jsonpath={range .items[*]}{.metadata.name}: {.status.conditions}{\"\\n\"}{end}")
			t.Log(said, err)
		}
	})
	user.runBlocks(t, commands, strings.NewReplacer("https://vault.example.com:8200", s.tap.URL), calls)
	const name = "vault-postgres-secret"
	want := map[string]string{"username": "admin", "password": "S3cr3tPassw0rd"}
	harness.Eventually(t, func() error {
		secret, err := harness.Get[secretData](t.Context(), s.apiServer, harness.Secret(namespace, name))
		if err != nil {
			return err
		}
		delete(secret.Data, "_raw")
		return harness.Holds(secret.Data, want)
	})
	s.denies(t, namespace, map[string]string{
		`spec.path: Forbidden: "kv-secrets/data/prod/db" is not permitted in namespace "secrets-demo"`: s.static("denied", "prod/db", makes("denied", "")),
	})
	for _, service := range []string{"webhook", "syncer"} {
		if _, refused := s.log.requests(t, service, nil); len(refused) > 0 {
			t.Errorf("the API server refused the %s %q, want the component to grant what it needs", service, refused)
		}
	}
}

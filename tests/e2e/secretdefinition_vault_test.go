package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// Every flag of Vault, with the one dash of secrets-manager's own deployments: the engine of the first version, and AppRole at
// another mount. Values that are no text are rendered as those of ExternalSecrets.
func TestFlagsOfVault(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	if err := theLab.Vault().Sys().EnableAuthWithOptionsWithContext(t.Context(), namespace, &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"data": value, "number": json.Number("12345678901234567890"), "object": map[string]any{"a": []any{true, nil}}}
	if _, err := theLab.Vault().Logical().WriteWithContext(t.Context(), "kv1/"+namespace, data); err != nil {
		t.Fatal(err)
	}
	role, metrics := appRole(t, namespace, nil), "127.0.0.1:"+freePort(t)
	startSyncerWith(t, namespace, []string{
		"-secret-definitions", "-backend=vault", "-vault.url=" + theLab.VaultAddr, "-vault.role-id=" + role.roleID, "-vault.secret-id=" + role.secretID,
		"-vault.engine=kv1", "-vault.auth-method=approle", "-vault.approle-path=" + namespace, "-vault.max-token-ttl=120",
		"-vault.token-polling-period=1s", "-vault.renew-ttl-increment=600", "-reconcile-period=1s", "-config.backend-timeout=5s",
		"-enable-debug-log", "-enable-leader-election", "-controller-name=of-" + namespace, "-watch-namespaces=" + namespace, "-metrics-addr=" + metrics,
	}, "VAULT_ADDR=")
	kubectl.MustApply(t, namespace, definition("db", "secret-of-db", in(namespace,
		"{default: {path: kv1/NS}, number: {path: kv1/NS, key: number}, object: {path: kv1/NS, key: object, encoding: text}}")))
	awaitData(t, namespace, "secret-of-db", map[string]string{"default": value, "number": "12345678901234567890", "object": `{"a":[true,null]}`})

	kubectl.MustApply(t, namespace, definition("broken", "secret-of-broken", in(namespace, "{a: {path: kv1/NS/nowhere}}")))
	awaitDefinition(t, namespace, "broken", plan.ReasonSecretNotFound, "")
	vault := fmt.Sprintf(`{vault_address=%q,vault_cluster_id="`, theLab.VaultAddr)
	awaitSeries(t, metrics, "secrets_manager_vault_max_token_ttl"+vault, fmt.Sprintf(`vault_engine="kv1",vault_version=%q} 120`, strings.TrimPrefix(servers.Vault, "v")))
	awaitSeries(t, metrics, "secrets_manager_vault_token_ttl"+vault, "")
	labels := func(name string) string { return fmt.Sprintf("{name=%q,namespace=%q}", name, namespace) }
	awaitSeries(t, metrics, "secrets_manager_controller_last_sync_status"+labels("secret-of-db"), " 1")
	awaitSeries(t, metrics, "secrets_manager_controller_last_sync_status"+labels("secret-of-broken"), " 0")
	awaitSeries(t, metrics, "secrets_manager_controller_sync_errors_total"+labels("secret-of-db"), " 0")
	awaitSeries(t, metrics, "secrets_manager_controller_sync_errors_total"+labels("secret-of-broken"), "")
	awaitSeries(t, metrics, "secrets_manager_controller_secret_read_errors_total"+labels("secret-of-db"), " 0")
	awaitSeries(t, metrics, `controller_runtime_max_concurrent_reconciles{controller="of-`+namespace+`"}`, "")
	log, err := os.ReadFile(theLab.LogFile(namespace))
	if err != nil || !strings.Contains(string(log), `"level":20`) {
		t.Errorf("nothing is logged for debugging: %v", err)
	}
	kubectl.Must(t, "delete", "secretdefinition", "-n", namespace, "broken")
	harness.Eventually(t, func() error {
		if strings.Contains(string(harness.MustScrape(t, metrics)), "secret-of-broken") {
			return fmt.Errorf("the series of an object that is gone are still there")
		}
		return nil
	})
}

func TestDefinitionsByServiceAccount(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	serveDefinitions(t, namespace, []string{
		"--vault.auth-method=kubernetes", "--vault.kubernetes-path=my-kubernetes-vault-mount-point", "--vault.kubernetes-role=my-vault-role",
	})
	kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/NS, key: password}}")))
	awaitData(t, namespace, "db", map[string]string{"password": value})
}

// A token of 20 seconds is renewed when half of them are left. Where that is allowed, it is renewed later.
func TestTheTokenIsRenewedAsLateAsAllowed(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	if err := theLab.Vault().Sys().EnableAuthWithOptionsWithContext(t.Context(), namespace, &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	role := appRole(t, namespace, map[string]any{"token_ttl": "20s", "token_max_ttl": "1h"})
	s := serveDefinitions(t, namespace, []string{
		"--vault.approle-path=" + namespace, "--vault.token-polling-period=1s", "--vault.renew-ttl-increment=60", "--reconcile-period=1h",
		"--vault.max-token-ttl=3",
	}, role.env()...)
	for _, as := range []struct {
		is   func(left float64) bool
		what string
	}{
		{func(left float64) bool { return left > 0 && left <= 5 }, "falls to a quarter of its life"},
		{func(left float64) bool { return left > 20 }, "is renewed"},
	} {
		harness.Eventually(t, func() error {
			if n := tokenTTL(t, s); !as.is(n) {
				return fmt.Errorf("the token has %v s left, before it %s", n, as.what)
			}
			return nil
		})
	}
}

// tokenTTL is how many seconds a syncer's token has left; 0 where it has none.
func tokenTTL(t *testing.T, s *ownSyncer) float64 {
	t.Helper()
	series, err := harness.MustScrape(t, s.metrics).Series("secrets_manager_vault_token_ttl")
	if err != nil {
		t.Fatal(err)
	}
	if len(series) == 0 {
		return 0
	}
	return series[0].Value
}

// Nothing is read but at the start: what renews the token is the poll. One that was revoked is replaced.
func TestTheTokenIsKept(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	if err := theLab.Vault().Sys().EnableAuthWithOptionsWithContext(t.Context(), namespace, &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	role := appRole(t, namespace, map[string]any{"token_ttl": "8s", "token_max_ttl": "1h"})
	s := serveDefinitions(t, namespace, []string{
		"--vault.approle-path=" + namespace, "--vault.token-polling-period=1s", "--vault.renew-ttl-increment=20", "--reconcile-period=1h",
	}, role.env()...)
	kubectl.MustApply(t, namespace, definition("db", "db", in(namespace, "{password: {path: secret/data/NS, key: password}}")))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitDefinition(t, namespace, "db", plan.ReasonSynced, "")
	harness.Eventually(t, func() error {
		if n := tokenTTL(t, s); n < 12 { // more than a login gives
			return fmt.Errorf("the token has %v s left", n)
		}
		return nil
	})

	if err := theLab.Vault().Sys().RevokePrefixWithContext(t.Context(), "auth/"+namespace); err != nil {
		t.Fatal(err)
	}
	value = secretValue()
	putVault(t, namespace, map[string]any{"password": value})
	kubectl.Must(t, "annotate", "secretdefinition", "-n", namespace, "db", names.AnnotationForceSync+"=now")
	awaitData(t, namespace, "db", map[string]string{"password": value})

	if _, err := theLab.Vault().Logical().DeleteWithContext(t.Context(), "auth/"+namespace+"/role/"+role.name); err != nil {
		t.Fatal(err)
	}
	if err := theLab.Vault().Sys().RevokePrefixWithContext(t.Context(), "auth/"+namespace); err != nil {
		t.Fatal(err)
	}
	awaitSeries(t, s.metrics, `secrets_manager_vault_token_renewal_errors_total{error="`, "")
}

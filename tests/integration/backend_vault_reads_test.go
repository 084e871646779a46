package integration

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/tests/lab"
)

func TestVaultReads(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	store := l.role(t, "reader", `path "*" { capabilities = ["read"] }`, nil)
	l.write(t, "secret/data/reads/kept", map[string]any{"data": map[string]any{"a": "planted"}})
	l.write(t, "secret/data/reads/deleted", map[string]any{"data": map[string]any{"a": "planted"}})
	l.write(t, "kv1/reads/kept", map[string]any{"a": "planted"})
	if _, err := l.Vault().Logical().DeleteWithContext(t.Context(), "secret/data/reads/deleted"); err != nil {
		t.Fatal(err)
	}
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: l.driver(t, hashivault.Config{})}}
	for name, c := range map[string]struct {
		read plan.Read
		want string // what the value, or the error, says
	}{
		"KV 2": {plan.Read{Key: "secret/data/reads/kept", EngineVersion: 2}, `{"a":"planted"}`},
		"KV 1": {plan.Read{Key: "kv1/reads/kept", EngineVersion: 1}, `{"a":"planted"}`},
		"a deleted version of KV 2": {
			plan.Read{Key: "secret/data/reads/deleted", EngineVersion: 2}, "not found: the current version is deleted or destroyed",
		},
		"a path of KV 2 without data/":                {plan.Read{Key: "secret/reads/kept", EngineVersion: 2}, "Invalid path for a versioned"},
		"a KV 2 secret read as KV 1":                  {plan.Read{Key: "secret/data/reads/kept", EngineVersion: 1}, "set {engine 2}"},
		"a KV 1 secret read as KV 2":                  {plan.Read{Key: "kv1/reads/kept", EngineVersion: 2}, "set {engine 1}"},
		"a mount that is not there":                   {plan.Read{Key: "nowhere/a", EngineVersion: 1}, "no handler for route"},
		"the syncer's own token":                      {plan.Read{Key: "auth/token/lookup-self", EngineVersion: 1}, "one of Vault's own"},
		"the syncer's own token, of another spelling": {plan.Read{Key: "/auth/token/lookup-self", EngineVersion: 1}, "one of Vault's own"},
	} {
		t.Run(name, func(t *testing.T) {
			values, err := client.Get(t.Context(), plan.Source{Store: store, Read: c.read})
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = string(values[0].Data)
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestVaultAppRole(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	l.write(t, "secret/data/approle/a", map[string]any{"data": map[string]any{"a": "planted"}})
	l.write(t, "auth/approle/role/syncer", map[string]any{"token_policies": lab.VaultPolicy})
	config := hashivault.Config{
		RoleID: l.field(t, "role_id", func() (*api.Secret, error) { return l.Vault().Logical().Read("auth/approle/role/syncer/role-id") }),
		SecretID: l.field(t, "secret_id", func() (*api.Secret, error) {
			return l.Vault().Logical().Write("auth/approle/role/syncer/secret-id", nil)
		}),
	}
	source := plan.Source{Store: vaultStore(""), Read: plan.Read{Key: "secret/data/approle/a", EngineVersion: 2}}
	wrong := config
	wrong.SecretID = "00000000-0000-0000-0000-000000000000"
	read := func(config hashivault.Config) string {
		value, err := l.driver(t, config).Get(t.Context(), source.Store, source.Read)
		if err != nil {
			return l.driver(t, config).Classify(err).String()
		}
		return string(value.Data)
	}
	got := []string{read(config), read(wrong), read(hashivault.Config{})}
	if diff := cmp.Diff([]string{`{"a":"planted"}`, "unauthenticated", "invalid"}, got); diff != "" {
		t.Errorf("with AppRole, with a wrong secret id, and with neither role nor AppRole (-want +got):\n%s", diff)
	}
}

func (l vaultLab) field(t *testing.T, name string, ask func() (*api.Secret, error)) string {
	t.Helper()
	secret, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	text, ok := secret.Data[name].(string)
	if !ok {
		t.Fatalf("Vault's answer has no %s", name)
	}
	return text
}

func TestVaultNamespaceHeader(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	got := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("X-Vault-Namespace")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	t.Setenv("VAULT_NAMESPACE", "of-the-environment")
	t.Setenv("VAULT_TOKEN", "of-the-environment")
	d := l.driver(t, hashivault.Config{Address: server.URL, Namespace: "team"})
	_, _ = d.Get(t.Context(), vaultStore("a"), plan.Read{Key: "secret/data/a"})
	if namespace := <-got; namespace != "team" {
		t.Errorf("the namespace is %q, want team", namespace)
	}
}

package integration

import (
	"net/http"
	"net/http/httptest"
	"slices"
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
	for _, text := range []string{"first", "second", "third"} {
		l.write(t, "secret/data/reads/versions", map[string]any{"data": map[string]any{"a": text}})
	}
	l.write(t, "secret/delete/reads/versions", map[string]any{"versions": []int{2}})
	version := func(version string) plan.Read {
		return plan.Read{Key: "secret/data/reads/versions", EngineVersion: 2, Version: version}
	}
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
		"a version of KV 2":                     {version("1"), `{"a":"first"}`},
		"the current version, by its number":    {version("3"), `{"a":"third"}`},
		"the current version, without a number": {version(""), `{"a":"third"}`},
		"another version that is deleted": {
			version("2"), "(version 2) from vault as role \"reader\" at mount \"kubernetes\": not found: version 2 is deleted or destroyed; undelete it, or read another version",
		},
		"a version that is not there yet":                  {version("4"), "not found: there is no such secret, or it has no version 4; check the path, and that Vault still keeps the version"},
		"version 0, which Vault takes for the current one": {version("0"), "not a valid request: the version is none of a KV engine of version 2; write a number from 1 up"},
		"a version that is no number":                      {version("1&version=3"), "not a valid request: the version is none of a KV engine of version 2"},
		"a version of another spelling":                    {version("01"), "not a valid request: the version is none of a KV engine of version 2"},
		"a version of KV 1": {
			plan.Read{Key: "kv1/reads/kept", EngineVersion: 1, Version: "1"}, "not a valid request: a KV engine of version 1 has no versions of a secret; ask for no version",
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

// TestVaultFinds reads what is below folders of real engines, one of which is mounted below another path.
func TestVaultFinds(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	if err := l.Vault().Sys().MountWithContext(t.Context(), "team/kv", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
		t.Fatal(err)
	}
	store := l.role(t, "finder", `
path "team/kv/metadata/*" { capabilities = ["read", "list"] }
path "team/kv/data/*" { capabilities = ["read"] }
path "kv1/find/*" { capabilities = ["read", "list"] }`, nil)
	unlisted := l.role(t, "unlisted", `path "team/kv/data/*" { capabilities = ["read"] }`, nil)
	l.write(t, "kv1/find/a", map[string]any{"n": 1})
	l.write(t, "kv1/find/b/c", map[string]any{"n": 2})
	l.write(t, "kv1/finder", map[string]any{"n": 3})
	for _, name := range []string{"shop/a", "shop/a/b", "shop/gone", "shop/Grüße & more", "top"} {
		l.eventually(t, "team/kv/data/"+name, map[string]any{"data": map[string]any{"at": name}})
	}
	l.write(t, "team/kv/metadata/shop/a", map[string]any{"custom_metadata": map[string]any{"team": "a", "tier": "1"}})
	l.write(t, "team/kv/metadata/shop/a/b", map[string]any{"custom_metadata": map[string]any{"team": "a"}})
	if _, err := l.Vault().Logical().DeleteWithContext(t.Context(), "team/kv/data/shop/gone"); err != nil {
		t.Fatal(err)
	}
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: l.driver(t, hashivault.Config{})}}
	folder := func(key string, tags ...string) plan.Read {
		return plan.Read{Key: key, Path: true, Recursive: true, EngineVersion: 2, EngineMount: "team/kv", Tags: plan.ListOf(tags...)}
	}
	for name, c := range map[string]struct {
		store plan.Store
		read  plan.Read
		want  string // the names and values, or what the error says
	}{
		"a folder": {store, folder("team/kv/data/shop"), `team/kv/data/shop/Grüße & more={"at":"shop/Grüße & more"} ` +
			`team/kv/data/shop/a/b={"at":"shop/a/b"} team/kv/data/shop/a={"at":"shop/a"}`},
		"a folder in it":      {store, folder("team/kv/data/shop/a"), `team/kv/data/shop/a/b={"at":"shop/a/b"}`},
		"what has a tag":      {store, folder("team/kv/data", "team=a"), `team/kv/data/shop/a/b={"at":"shop/a/b"} team/kv/data/shop/a={"at":"shop/a"}`},
		"what has both tags":  {store, folder("team/kv/data", "team=a", "tier=1"), `team/kv/data/shop/a={"at":"shop/a"}`},
		"a tag of no secret":  {store, folder("team/kv/data", "team=b"), "not found: no secret is below team/kv/data and has the tags; check the path, and the custom metadata"},
		"a folder of nothing": {store, folder("team/kv/data/none"), "not found: no secret is below team/kv/data/none; check the path: "},
		"a folder of KV 1": {store, plan.Read{Key: "kv1/find", Path: true, Recursive: true, EngineVersion: 1},
			`kv1/find/a={"n":1} kv1/find/b/c={"n":2}`},
		"one who may not list": {unlisted, folder("team/kv/data/shop"), "permission denied; give role \"unlisted\" at mount \"kubernetes\" " +
			"a policy with the capability list on team/kv/metadata/shop/*, and read on team/kv/data/shop/*"},
	} {
		t.Run(name, func(t *testing.T) {
			values, err := client.Get(t.Context(), plan.Source{Store: c.store, Read: c.read})
			found := make([]string, len(values))
			for i, v := range values {
				found[i] = v.Name + "=" + string(v.Data)
			}
			slices.Sort(found)
			if got := strings.Join(found, " "); err == nil && got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			} else if err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// eventually writes into an engine that has been mounted just now, and answers with errors until it is ready.
func (l vaultLab) eventually(t *testing.T, to string, data map[string]any) {
	t.Helper()
	for {
		_, err := l.Vault().Logical().WriteWithContext(t.Context(), to, data)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Upgrading from non-versioned to versioned data") {
			t.Fatalf("%s cannot be written", to)
		}
	}
}

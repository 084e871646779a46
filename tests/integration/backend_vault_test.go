package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/tests/lab"
)

// vaultMount is where the tests' own roles are.
const vaultMount = "kubernetes"

// vaultLab is the lab's Vault with roles for the tests.
type vaultLab struct {
	*lab.Lab
}

// write is the admin's hand. What it writes is never shown.
func (l vaultLab) write(t *testing.T, to string, data map[string]any) {
	t.Helper()
	if _, err := l.Vault().Logical().WriteWithContext(t.Context(), to, data); err != nil {
		t.Fatalf("%s cannot be written", to)
	}
}

func (l vaultLab) policy(t *testing.T, name, rules string) {
	t.Helper()
	if err := l.Vault().Sys().PutPolicyWithContext(t.Context(), name, rules); err != nil {
		t.Fatal(err)
	}
}

// role adds a role of the syncer's ServiceAccount whose tokens have one policy.
func (l vaultLab) role(t *testing.T, name, rules string, more map[string]any) plan.Store {
	t.Helper()
	l.policy(t, name, rules)
	role := map[string]any{
		"bound_service_account_names": "syncer", "bound_service_account_namespaces": lab.Namespace,
		"token_policies": name, "token_ttl": "1h",
	}
	maps.Copy(role, more)
	l.write(t, path.Join("auth", vaultMount, "role", name), role)
	return vaultStore(name)
}

func vaultStore(role string) plan.Store {
	return plan.Store{Backend: backends.Vault, Mount: vaultMount, Role: role}
}

func (l vaultLab) driver(t *testing.T, config hashivault.Config) driver.Driver {
	t.Helper()
	if config.Address == "" {
		config.Address = l.VaultAddr
	}
	if config.JWTPath == "" {
		config.JWTPath = l.VaultJWTPath
	}
	d, err := hashivault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// revoke takes back every token that a login of the tests' mount gave.
func (l vaultLab) revoke(t *testing.T) {
	t.Helper()
	if err := l.Vault().Sys().RevokePrefixWithContext(t.Context(), path.Join("auth", vaultMount, "login")); err != nil {
		t.Fatal(err)
	}
}

// wrapped finds the text that Put wrapped in an object, since Vault keeps nothing else.
func wrapped(data []byte) (string, error) {
	var object struct{ Text string }
	err := json.Unmarshal(data, &object)
	return object.Text, err
}

// engine is how one version of the KV engine names what it keeps.
type engine struct {
	version  int32
	data     string // before names of secrets in reads and writes
	metadata string // before names in deletions
	mount    string
}

func (l vaultLab) harness(t *testing.T, e engine) backendtest.Harness {
	stores := make([]plan.Store, 3)
	for i := range stores {
		rules := fmt.Sprintf("path %q { capabilities = [\"read\", \"list\"] }\npath %q { capabilities = [\"list\"] }",
			fmt.Sprintf("%s/team%d/*", e.data, i), fmt.Sprintf("%s/team%d/*", e.metadata, i))
		stores[i] = l.role(t, fmt.Sprintf("%s-team%d", e.mount, i), rules, nil)
	}
	put := func(t *testing.T, key string, object map[string]any) {
		if e.version == 2 {
			object = map[string]any{"data": object}
		}
		l.write(t, key, object)
	}
	return backendtest.Harness{
		New:    func(t *testing.T) driver.Driver { return l.driver(t, hashivault.Config{}) },
		At:     func(t *testing.T, url string) driver.Driver { return l.driver(t, hashivault.Config{Address: url}) },
		Stores: stores,
		Key:    func(store int, name string) string { return fmt.Sprintf("%s/team%d/%s", e.data, store, name) },
		Read:   func(key string) plan.Read { return plan.Read{Key: key, EngineVersion: e.version} },
		Path: func(store int, name string, recursive bool) plan.Read {
			return plan.Read{Key: fmt.Sprintf("%s/team%d/%s", e.data, store, name), Path: true, Recursive: recursive, EngineVersion: e.version}
		},
		Put: func(t *testing.T, key, text string) {
			put(t, key, map[string]any{"text": text})
		},
		Text: wrapped,
		PutJSON: func(t *testing.T, key, object string) {
			decoder := json.NewDecoder(strings.NewReader(object))
			decoder.UseNumber()
			var data map[string]any
			if err := decoder.Decode(&data); err != nil {
				t.Fatal(err)
			}
			put(t, key, data)
		},
		Delete: func(t *testing.T, key string) {
			_, err := l.Vault().Logical().DeleteWithContext(t.Context(), e.metadata+strings.TrimPrefix(key, e.data))
			if err != nil {
				t.Fatal(err)
			}
		},
		InexactNumbers: e.version == 2,
		Unversioned:    e.version == 1,
		Described:      e.version == 2,
		Refused:        l.refused(t),
		Unproved:       l.unproved(t),
		Nowhere: map[string]plan.Source{"an engine that is not mounted": {
			Store: l.role(t, e.mount+"-nowhere", `path "nowhere/*" { capabilities = ["read"] }`, nil),
			Read:  plan.Read{Key: "nowhere/data/team0/never", EngineVersion: e.version},
		}},
		Faults: []backendtest.Fault{
			{Name: "connections are cut", Want: driver.Unavailable, Begin: func(*testing.T) func() {
				l.VaultOutage(true)
				return func() { l.VaultOutage(false) }
			}},
			{Name: "a rate limit", Want: driver.Throttled, Begin: l.throttle(e.mount)},
		},
		Logins:      func(t *testing.T) int { return len(l.accessors(t)) },
		Expire:      l.revoke,
		Credentials: l.credentials(t),
	}
}

// nothing is a policy that permits nothing of use.
const nothing = `path "nothing/here" { capabilities = ["read"] }`

func (l vaultLab) refused(t *testing.T) map[string]plan.Store {
	elsewhere := map[string]any{"bound_service_account_namespaces": "default"}
	return map[string]plan.Store{
		"a role that does not exist":             vaultStore("absent"),
		"a role for another ServiceAccount":      l.role(t, "for-others", nothing, map[string]any{"bound_service_account_names": "default"}),
		"a role for another namespace":           l.role(t, "for-elsewhere", nothing, elsewhere),
		"a role without a policy for the path":   l.role(t, "powerless", nothing, nil),
		"a role that may not even know its name": l.role(t, "nameless", nothing, map[string]any{"token_no_default_policy": true}),
	}
}

// forged is the syncer's token with a signature that is not the API server's.
func (l vaultLab) forged(t *testing.T) string {
	t.Helper()
	token, err := os.ReadFile(l.VaultJWTPath)
	if err != nil {
		t.Fatal(err)
	}
	end := strings.LastIndex(string(token), ".") + 1
	signature := slices.Clone(token[end:])
	slices.Reverse(signature)
	return string(token[:end]) + string(signature)
}

func (l vaultLab) unproved(t *testing.T) map[string]func(*testing.T) driver.Driver {
	with := func(token string) func(*testing.T) driver.Driver {
		return func(t *testing.T) driver.Driver {
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
			return l.driver(t, hashivault.Config{JWTPath: file})
		}
	}
	return map[string]func(*testing.T) driver.Driver{
		"with a forged token":     with(l.forged(t)),
		"with a token of no form": with("not-a-token-at-all"),
		"without a token file": func(t *testing.T) driver.Driver {
			return l.driver(t, hashivault.Config{JWTPath: filepath.Join(t.TempDir(), "none")})
		},
	}
}

// throttle limits each client of a mount to one request in an hour, and uses it up.
func (l vaultLab) throttle(mount string) func(*testing.T) func() {
	return func(t *testing.T) func() {
		const quota = "sys/quotas/rate-limit/tests"
		l.write(t, quota, map[string]any{"rate": 1, "interval": "1h", "path": mount + "/"})
		_, _ = lab.Get(t.Context(), l.VaultAddr+"/v1/"+mount+"/anything")
		return func() {
			if _, err := l.Vault().Logical().DeleteWithContext(t.Context(), quota); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (l vaultLab) credentials(t *testing.T) []string {
	t.Helper()
	jwt, err := os.ReadFile(l.VaultJWTPath)
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(jwt), l.VaultToken, l.forged(t), "not-a-token-at-all", "hvs."}
}

func engines() map[string]engine {
	return map[string]engine{
		"KV version 2": {version: 2, mount: "secret", data: "secret/data", metadata: "secret/metadata"},
		"KV version 1": {version: 1, mount: "kv1", data: "kv1", metadata: "kv1"},
	}
}

func TestVaultConforms(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) { backendtest.Run(t, l.harness(t, e)) })
	}
}

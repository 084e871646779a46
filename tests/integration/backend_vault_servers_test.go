package integration

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// client reads one secret of KV version 1 by a driver, and tells it, or the error, as text.
func (l vaultLab) client(t *testing.T, name string, config hashivault.Config) func() string {
	t.Helper()
	l.write(t, "kv1/"+name, map[string]any{"a": "planted"})
	store := l.role(t, name, `path "kv1/*" { capabilities = ["read"] }`, nil)
	c := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: l.driver(t, config)}}
	return func() string {
		values, err := c.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: "kv1/" + name, EngineVersion: 1}})
		if err != nil {
			return err.Error()
		}
		return string(values[0].Data)
	}
}

const planted = `{"a":"planted"}`

// TestVaultSealed seals the real server: it says so with and without a session, and after that the session goes on.
func TestVaultSealed(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	known, fresh := l.client(t, "sealed", hashivault.Config{}), l.client(t, "sealed-fresh", hashivault.Config{})
	if got := known(); got != planted {
		t.Fatal(got)
	}
	before := l.accessors(t)
	l.seal(t)()
	got := []string{known(), fresh()}
	l.unseal(t)()
	for i, text := range got {
		if !strings.Contains(text, "unavailable: ") || !strings.Contains(text, "Vault is sealed") {
			t.Errorf("driver %d says %s", i, text)
		}
	}
	if got := known(); got != planted {
		t.Errorf("after it was unsealed: %s", got)
	}
	if tokens := l.since(t, before); len(tokens) != 0 {
		t.Errorf("%d new tokens were needed for a session that had one", len(tokens))
	}
	if got := fresh(); got != planted {
		t.Errorf("after it was unsealed, without a session: %s", got)
	}
}

// TestVaultSaysWhenToAskAgain has the real server's quotas say when, which they do only if told to.
func TestVaultSaysWhenToAskAgain(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	quotas := func(say bool) {
		l.write(t, "sys/quotas/config", map[string]any{"enable_rate_limit_response_headers": say})
	}
	quotas(true)
	defer quotas(false)
	store := l.role(t, "throttled", `path "kv1/*" { capabilities = ["read"] }`, nil)
	c := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: l.driver(t, hashivault.Config{})}}
	defer l.throttle("kv1")(t)()
	_, err := c.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: "kv1/throttled", EngineVersion: 1}})
	failed, ok := err.(*backend.Error) //nolint:errorlint // what Get says that it returns
	if !ok || failed.Kind != driver.Throttled || failed.RetryAfter <= 50*time.Minute || failed.RetryAfter > time.Hour {
		t.Errorf("got %+v, want to be throttled for the quota's hour", err)
	}
}

// TestVaultBehindAStandby reads through a node that sends all to the active one, as Vault's standby nodes do.
func TestVaultBehindAStandby(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	standby := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, l.VaultAddr+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(standby.Close)
	read := l.client(t, "standby", hashivault.Config{Address: standby.URL})
	if got := read(); got != planted {
		t.Fatal(got)
	}
	l.revoke(t)
	if got := read(); got != planted {
		t.Errorf("after its token was revoked: %s", got)
	}
}

// TestVaultTokenFileIsReadAgain is what a projected token needs: kubelet replaces it, and the old one ends.
func TestVaultTokenFileIsReadAgain(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	good, err := os.ReadFile(l.VaultJWTPath)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(l.forged(t))
	read := l.client(t, "token-file", hashivault.Config{JWTPath: file})
	if got := read(); !strings.Contains(got, "not authenticated: no login") {
		t.Errorf("with a forged token: %s", got)
	}
	write(string(good))
	if got := read(); got != planted {
		t.Errorf("with the right one: %s", got)
	}
	write(l.forged(t))
	if got := read(); got != planted {
		t.Errorf("while the session goes on, whatever the file says: %s", got)
	}
	l.revoke(t)
	if got := read(); !strings.Contains(got, "not authenticated: no login") {
		t.Errorf("after it was revoked: %s", got)
	}
}

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// clock is the driver's; Vault's own stands still beside it, so that tokens work on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// accessors names the tokens that Vault has given out and not taken back.
func (l vaultLab) accessors(t *testing.T) []string {
	t.Helper()
	listed, err := l.Vault().Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := listed.Data["keys"].([]any)
	if !ok {
		t.Fatal("Vault lists no tokens")
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = fmt.Sprint(key)
	}
	return names
}

// since lists the tokens that have come to be since.
func (l vaultLab) since(t *testing.T, before []string) []string {
	return slices.DeleteFunc(l.accessors(t), func(a string) bool { return slices.Contains(before, a) })
}

// renewed says whether a token has ever been renewed.
func (l vaultLab) renewed(t *testing.T, accessor string) bool {
	t.Helper()
	token, err := l.Vault().Auth().Token().LookupAccessorWithContext(t.Context(), accessor)
	if err != nil {
		t.Fatal(err)
	}
	return token.Data["last_renewal_time"] != nil
}

func TestVaultTokensAreRenewed(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	l.write(t, "kv1/renewed", map[string]any{"a": "planted"})
	store := l.role(t, "renewer", `path "kv1/*" { capabilities = ["read"] }`, nil)
	var c clock
	d := l.driver(t, hashivault.Config{Now: c.now})
	before := l.accessors(t)

	readKV1(t, d, store)
	c.advance(30 * time.Minute)
	readKV1(t, d, store)
	tokens := l.since(t, before)
	if len(tokens) != 1 || l.renewed(t, tokens[0]) {
		t.Fatalf("after half of its time there are %d tokens, want the first one, not renewed", len(tokens))
	}
	c.advance(20 * time.Minute)
	readKV1(t, d, store)
	readKV1(t, d, store)
	if tokens := l.since(t, before); len(tokens) != 1 || !l.renewed(t, tokens[0]) {
		t.Fatalf("with a sixth of its time left there are %d tokens, want the first one, renewed", len(tokens))
	}
	c.advance(2 * time.Hour)
	readKV1(t, d, store)
	if tokens := l.since(t, before); len(tokens) != 2 {
		t.Errorf("after its end there are %d tokens, want a second one", len(tokens))
	}
}

func TestVaultTokenIsUsedWhileItWorks(t *testing.T) {
	l := vaultLab{sharedLab(t)}
	l.write(t, "kv1/renewed", map[string]any{"a": "planted"})
	// Without Vault's default policy a token may not renew itself.
	store := l.role(t, "unrenewable", `path "kv1/*" { capabilities = ["read"] }`, map[string]any{"token_no_default_policy": true})
	file := filepath.Join(t.TempDir(), "token")
	text, err := os.ReadFile(l.VaultJWTPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var c clock
	d := l.driver(t, hashivault.Config{Now: c.now, JWTPath: file})
	before := l.accessors(t)
	readKV1(t, d, store)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.advance(50 * time.Minute)
	readKV1(t, d, store) // can neither renew nor log in
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	readKV1(t, d, store) // too early to try again
	if tokens := l.since(t, before); len(tokens) != 1 {
		t.Errorf("there are %d tokens, want the first one alone", len(tokens))
	}
	c.advance(5 * time.Minute)
	readKV1(t, d, store)
	if tokens := l.since(t, before); len(tokens) != 2 {
		t.Errorf("once it can log in again there are %d tokens, want a second one", len(tokens))
	}
}

func readKV1(t *testing.T, d driver.Driver, store plan.Store) {
	t.Helper()
	if _, err := d.Get(t.Context(), store, plan.Read{Key: "kv1/renewed", EngineVersion: 1}); err != nil {
		t.Fatal(err)
	}
}

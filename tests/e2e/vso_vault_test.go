package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/tests/harness"
)

// Of the tutorial whose manifests testdata/vso-tutorial.yaml has.
const (
	vsoEngine = "kv-secrets"
	vsoMount  = "kubernetes-auth"
)

// setUpVault does what the tutorial's script does, as far as a lab outside of the cluster can.
func (s vsoSite) setUpVault(t *testing.T) {
	t.Helper()
	vault := s.lab.Vault()
	err := vault.Sys().MountWithContext(t.Context(), vsoEngine, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	usual, err := vault.Sys().ListAuthWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enabled := &api.EnableAuthOptions{Type: usual["kubernetes/"].Type}
	if err := vault.Sys().EnableAuthWithOptionsWithContext(t.Context(), vsoMount, enabled); err != nil {
		t.Fatal(err)
	}
	reviewer, err := s.lab.ServiceAccountToken(t.Context(), "vault", "vault-auth")
	if err != nil {
		t.Fatal(err)
	}
	plantJWT(reviewer)
	ca, err := os.ReadFile(filepath.Join(s.lab.Dir, "state", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, path.Join("auth", vsoMount, "config"), map[string]any{
		"kubernetes_host": s.lab.APIServer, "kubernetes_ca_cert": string(ca), "token_reviewer_jwt": reviewer, "disable_local_ca_jwt": true,
	})
}

// write writes at a path of Vault. The engine of version 2 takes a moment to upgrade itself.
func (s vsoSite) write(t *testing.T, at string, data map[string]any) {
	t.Helper()
	harness.Eventually(t, func() error {
		_, err := s.lab.Vault().Logical().WriteWithContext(t.Context(), at, data)
		return err
	})
}

func (s vsoSite) putVault(t *testing.T, name string, data map[string]any) {
	t.Helper()
	s.write(t, path.Join(vsoEngine, "data", name), map[string]any{"data": data})
}

// role lets a ServiceAccount of a namespace log in to read below a folder, with the audience that tutorials have.
func (s vsoSite) role(t *testing.T, name, account, namespace, folder string) {
	t.Helper()
	rules := fmt.Sprintf("path %q { capabilities = [\"read\"] }", path.Join(vsoEngine, "data", folder, "*"))
	if err := s.lab.Vault().Sys().PutPolicyWithContext(t.Context(), name, rules); err != nil {
		t.Fatal(err)
	}
	s.write(t, path.Join("auth", vsoMount, "role", name), map[string]any{
		"bound_service_account_names": account, "bound_service_account_namespaces": namespace, "audience": "vault", "token_policies": name,
		"token_ttl": "24h",
	})
}

// endSessions has every client log in again.
func (s vsoSite) endSessions(t *testing.T) {
	t.Helper()
	if err := s.lab.Vault().Sys().RevokePrefixWithContext(t.Context(), path.Join("auth", vsoMount, "login")); err != nil {
		t.Fatal(err)
	}
}

func (s vsoSite) unseal(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(s.lab.LogFile("vault"))
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`Unseal Key: (\S+)`).FindSubmatch(log)
	if key == nil {
		t.Fatal("Vault's log does not name the key to unseal it")
	}
	if _, err := s.lab.Vault().Sys().UnsealWithContext(t.Context(), string(key[1])); err != nil {
		t.Fatal("Vault cannot be unsealed")
	}
}

// vaultTap stands before Vault, and remembers what it is asked for.
type vaultTap struct {
	*httptest.Server
	mu        sync.Mutex
	requests  map[string]int  // by path
	audiences map[string]bool // of the tokens that logins came with
}

func newVaultTap(t *testing.T, vault string) *vaultTap {
	t.Helper()
	to, err := url.Parse(vault)
	if err != nil {
		t.Fatal(err)
	}
	tap := &vaultTap{requests: map[string]int{}, audiences: map[string]bool{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	tap.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		tap.remember(strings.TrimPrefix(r.URL.Path, "/v1/"), body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(tap.Close)
	return tap
}

func (v *vaultTap) remember(requested string, body []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests[requested]++
	for _, audience := range audiencesIn(body) {
		v.audiences[audience] = true
	}
}

// audiencesIn are those of the token of a ServiceAccount that a login holds.
func audiencesIn(login []byte) []string {
	var holds struct{ JWT string }
	if json.Unmarshal(login, &holds) != nil {
		return nil
	}
	parts := strings.Split(holds.JWT, ".")
	if len(parts) != 3 { //nolint:mnd // header, claims, signature
		return nil
	}
	plantJWT(holds.JWT)
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var of struct{ Aud []string }
	if err != nil || json.Unmarshal(claims, &of) != nil {
		return []string{"a token that cannot be read"}
	}
	return of.Aud
}

// below counts the requests so far whose paths have a prefix, by path.
func (v *vaultTap) below(prefix string) map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	counts := maps.Clone(v.requests)
	maps.DeleteFunc(counts, func(of string, _ int) bool { return !strings.HasPrefix(of, prefix) })
	return counts
}

// sent are the audiences of all tokens that were sent so far.
func (v *vaultTap) sent() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.audiences))
}

package hashivault_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// wire answers as Vault does, as far as these tests need it: it keeps what it was asked. The integration tests read a real one.
type wire struct {
	mu   sync.Mutex
	seen []string // method, path, namespace, token and wrapping, of each request
	jwts []string
	// renewals are the bodies of what asks for them.
	renewals []string
	// fail answers instead, where it returns true.
	fail func(http.ResponseWriter, *http.Request) bool
}

func (w *wire) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	namespace, token := r.Header.Get("X-Vault-Namespace"), r.Header.Get("X-Vault-Token")
	w.seen = append(w.seen, strings.TrimSpace(strings.Join([]string{r.Method, r.URL.Path, namespace, token, r.Header.Get("X-Vault-Wrap-TTL")}, " ")))
	if w.fail != nil && w.fail(response, r) {
		return
	}
	auth := fmt.Sprintf(`{"auth":{"client_token":"token%d","lease_duration":3600,"renewable":true}}`, len(w.jwts)+1)
	switch r.URL.Path {
	case "/v1/auth/k8s/login":
		body, _ := io.ReadAll(r.Body)
		w.jwts = append(w.jwts, string(body))
		_, _ = response.Write([]byte(auth))
	case "/v1/auth/token/renew-self":
		body, _ := io.ReadAll(r.Body)
		w.renewals = append(w.renewals, string(body))
		_, _ = response.Write([]byte(strings.Replace(auth, fmt.Sprintf("token%d", len(w.jwts)+1), token, 1)))
	default:
		_, _ = response.Write([]byte(`{"data":{"a":"b"}}`))
	}
}

// reads makes a driver for an address, and what reads by it.
func reads(t *testing.T, config hashivault.Config) func() string {
	t.Helper()
	if config.JWTPath == "" {
		config.JWTPath = file(t, "token", "jwt")
	}
	d, err := hashivault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return readsOf(t, d, plan.Store{Mount: "k8s", Role: "r"})
}

// readsOf reads a Store by a driver.
func readsOf(t *testing.T, d driver.Driver, store plan.Store) func() string {
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}
	store.Backend = backends.Vault
	return func() string {
		values, err := client.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: "kv/a", EngineVersion: 1}})
		if failed, ok := errors.AsType[*backend.Error](err); ok {
			return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
		}
		return string(values[0].Data)
	}
}

const value = `{"a":"b"}`

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func certificate(t *testing.T, server *httptest.Server) string {
	t.Helper()
	return file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestCAsByTLS(t *testing.T) {
	server := httptest.NewTLSServer(&wire{})
	t.Cleanup(server.Close)
	ca := certificate(t, server)
	for name, test := range map[string]struct {
		config hashivault.Config
		want   string
	}{
		"VAULT_CACERT":                    {hashivault.Config{CACert: ca}, value},
		"NODE_EXTRA_CA_CERTS":             {hashivault.Config{ExtraCACerts: ca}, value},
		"neither":                         {hashivault.Config{}, "certificate signed by unknown authority"},
		"both, of which the second is it": {hashivault.Config{CACert: otherCA(t), ExtraCACerts: ca}, value},
		"VAULT_CACERT of another CA":      {hashivault.Config{CACert: otherCA(t)}, "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Address = server.URL
			if got := reads(t, test.config)(); !strings.Contains(got, test.want) || test.want != value && !strings.HasPrefix(got, "unavailable") {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// otherCA is the certificate of a CA that has signed nothing.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "other.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// The namespace is a header of every request, and what the environment says for others' programs is not.
func TestNamespaceOnTheWire(t *testing.T) {
	t.Setenv("VAULT_NAMESPACE", "of-the-environment")
	t.Setenv("VAULT_TOKEN", "of-the-environment")
	t.Setenv("VAULT_WRAP_TTL", "5m")
	for namespace, want := range map[string][]string{
		"team/a": {"PUT /v1/auth/k8s/login team/a", "GET /v1/kv/a team/a token1", "PUT /v1/auth/token/renew-self team/a token1", "GET /v1/kv/a team/a token1"},
		"":       {"PUT /v1/auth/k8s/login", "GET /v1/kv/a  token1", "PUT /v1/auth/token/renew-self  token1", "GET /v1/kv/a  token1"},
	} {
		t.Run("the namespace "+namespace, func(t *testing.T) {
			w, now := &wire{}, time.Now()
			read := reads(t, hashivault.Config{Address: serve(t, w).URL, Namespace: namespace, Now: func() time.Time { return now }})
			for range 2 {
				if got := read(); got != value {
					t.Fatal(got)
				}
				now = now.Add(50 * time.Minute) // the token is to be renewed
			}
			if diff := cmp.Diff(want, w.seen); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokenFileIsReadAtEachLogin(t *testing.T) {
	w, now := &wire{}, time.Now()
	jwt := file(t, "token", "first\n")
	read := reads(t, hashivault.Config{Address: serve(t, w).URL, JWTPath: jwt, Now: func() time.Time { return now }})
	read()
	if err := os.WriteFile(jwt, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	read() // the token that it got with the first still works
	now = now.Add(2 * time.Hour)
	read()
	if diff := cmp.Diff([]string{`{"jwt":"first","role":"r"}`, `{"jwt":"second","role":"r"}`}, w.jwts); diff != "" {
		t.Errorf("logins (-want +got):\n%s", diff)
	}
}

// A token that is revoked between two reads costs one login and no failure.
func TestRevokedTokenIsReplaced(t *testing.T) {
	w := &wire{}
	read := reads(t, hashivault.Config{Address: serve(t, w).URL})
	read()
	w.fail = func(response http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Vault-Token") != "token1" {
			return false
		}
		response.WriteHeader(http.StatusForbidden)
		_, _ = response.Write([]byte(`{"errors":["permission denied","invalid token"]}`))
		return true
	}
	if got := read(); got != value {
		t.Error(got)
	}
	want := []string{"PUT /v1/auth/k8s/login", "GET /v1/kv/a  token1", "GET /v1/kv/a  token1", "PUT /v1/auth/k8s/login", "GET /v1/kv/a  token2"}
	if diff := cmp.Diff(want, w.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// What a server says that is sealed, or stands by and knows no active one, is no fault of the object's or of the credentials.
func TestServersThatDoNotServe(t *testing.T) {
	for said, status := range map[string]int{
		"Vault is sealed": http.StatusServiceUnavailable,
		"local node not active but active cluster node not found": http.StatusInternalServerError,
		"node is in standby and does not serve":                   473,
	} {
		for when, path := range map[string]string{"at the login": "/v1/auth/k8s/login", "at the read": "/v1/kv/a"} {
			t.Run(said+" "+when, func(t *testing.T) {
				w := &wire{fail: func(response http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != path {
						return false
					}
					response.WriteHeader(status)
					_, _ = fmt.Fprintf(response, `{"errors":[%q]}`, said)
					return true
				}}
				read := reads(t, hashivault.Config{Address: serve(t, w).URL})
				if got := read(); !strings.HasPrefix(got, "unavailable: ") || !strings.Contains(got, said) {
					t.Errorf("got %s", got)
				}
				w.fail = nil
				if got := read(); got != value {
					t.Errorf("once it serves again: %s", got)
				}
			})
		}
	}
}

func TestRedirects(t *testing.T) {
	active := &wire{}
	plain := serve(t, active)
	secure := httptest.NewTLSServer(&wire{})
	t.Cleanup(secure.Close)
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", url+r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = w.Write([]byte("a page that is not needed"))
		}
	}
	loop := httptest.NewUnstartedServer(nil)
	loop.Config.Handler = to("http://" + loop.Listener.Addr().String())
	loop.Start()
	t.Cleanup(loop.Close)
	downgrade := httptest.NewTLSServer(to(plain.URL))
	t.Cleanup(downgrade.Close)
	upgrade := serve(t, to(secure.URL))
	nowhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTemporaryRedirect) }))
	for name, test := range map[string]struct {
		config hashivault.Config
		want   string
	}{
		"a standby's to the active node": {hashivault.Config{Address: serve(t, to(plain.URL)).URL}, value},
		"from http to https":             {hashivault.Config{Address: upgrade.URL, ExtraCACerts: certificate(t, secure)}, value},
		"from https to http": {hashivault.Config{Address: downgrade.URL, ExtraCACerts: certificate(t, downgrade)},
			"unavailable: no login: Put \"" + downgrade.URL + "/v1/auth/k8s/login\": the answer leads to nowhere, or from https to http; " +
				"check VAULT_ADDR, and the api_addr of Vault's nodes"},
		"to nowhere": {hashivault.Config{Address: nowhere.URL},
			"unavailable: no login: Put \"" + nowhere.URL + "/v1/auth/k8s/login\": the answer leads to nowhere, or from https to http; " +
				"check VAULT_ADDR, and the api_addr of Vault's nodes"},
		"in a circle": {hashivault.Config{Address: loop.URL}, "unavailable: no login: the answer is not Vault's; check VAULT_ADDR, and the proxy on the way"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reads(t, test.config)(); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
	if n := len(active.seen); n != 2 {
		t.Errorf("the active node was asked %d times, want for the first case's login and read alone: %v", n, active.seen)
	}
}

// A connection to a standby is used again, although the body of its answer is not needed.
func TestRedirectsKeepNoConnection(t *testing.T) {
	active := serve(t, &wire{})
	var mu sync.Mutex
	connections := 0
	standby := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", active.URL+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = w.Write([]byte("a page that is not needed"))
	}))
	standby.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		mu.Lock()
		defer mu.Unlock()
		connections++
		return ctx
	}
	standby.Start()
	t.Cleanup(standby.Close)
	read := reads(t, hashivault.Config{Address: standby.URL})
	for range 5 {
		if got := read(); got != value {
			t.Fatal(got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if connections != 1 {
		t.Errorf("%d connections were opened, want 1", connections)
	}
}

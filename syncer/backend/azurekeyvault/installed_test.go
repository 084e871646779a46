package azurekeyvault

import (
	encodingpem "encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// azure answers as Entra ID does, to a service principal with its secret, and as a vault that tells as whom it was read.
type azure struct {
	mu     sync.Mutex
	logins []string
}

func (a *azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const login = "https://login.example.com/home"
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		_, _ = fmt.Fprintf(w, `{"authorization_endpoint":%[1]q,"token_endpoint":%[1]q,"issuer":"%[2]s/v2.0"}`, login+"/oauth2/v2.0/token", login)
	case strings.HasSuffix(r.URL.Path, "/token"):
		id := r.PostFormValue("client_id")
		if r.PostFormValue("client_secret") != "secret-of-"+id {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.logins = append(a.logins, id)
		_, _ = fmt.Fprintf(w, `{"access_token":"token-of-%s","token_type":"Bearer","expires_in":3600}`, id)
	case strings.HasPrefix(r.URL.Path, "/secrets/"):
		who, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer token-of-")
		if !ok {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization=%q, resource="https://example.com"`, login))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"value":%q,"id":"https://v.example.com/secrets/a/1"}`, "as "+who)
	}
}

// proxied serves azure for every host, by a proxy that the environment names. It returns a file of the CA to trust.
func proxied(t *testing.T, a *azure) (ca string) {
	t.Helper()
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = to.Close()
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "")
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := encodingpem.EncodeToMemory(&encodingpem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestAnInstalledLoginIsKeptApart(t *testing.T) {
	a := &azure{}
	principal := func(id string) entra.Credentials {
		return entra.Credentials{TenantID: "home", ClientID: id, ClientSecret: "secret-of-" + id}
	}
	wrong := principal("wrong")
	wrong.ClientSecret = "planted"
	d, err := New(Config{
		AuthorityHost: "https://login.example.com", DNSSuffix: "example.com", ExtraCACerts: proxied(t, a), Credentials: principal("own"),
		Installed: map[string]Installed{"sm": {Credentials: principal("sm")}, "wrong": {Credentials: wrong}},
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(credential plan.Credential) string {
		value, err := d.Get(t.Context(), plan.Store{Container: "v", Credential: credential}, plan.Read{Key: "a"})
		if err != nil {
			return d.Classify(err).String() + ": " + d.Explain(err)
		}
		return string(value.Data)
	}
	of := func(name string) plan.Credential { return plan.Credential{Kind: plan.InstalledCredential, Name: name} }
	got := map[string]string{}
	for range 2 {
		got = map[string]string{
			"the syncer's own": read(plan.Credential{}), "an installed one": read(of("sm")), "one that Entra refuses": read(of("wrong")),
			"one that is not installed": read(of("none")), "a Secret's": read(plan.Credential{Kind: plan.SecretCredential, Name: "sm"}),
		}
	}
	want := map[string]string{
		"the syncer's own": "as own", "an installed one": "as sm", "one that Entra refuses": "unauthenticated: no login: invalid_client",
		"one that is not installed": "invalid: the syncer was given no credential of this name for Azure",
		"a Secret's":                "invalid: the store has a credential of its own, with which the syncer cannot read this backend",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads of one vault (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"own", "sm"}, a.logins); diff != "" {
		t.Errorf("logins (-want +got):\n%s", diff)
	}
}

func TestAStoreWithAServerOfItsOwnIsRefused(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Get(t.Context(), plan.Store{Container: "v", Address: "https://a.example"}, plan.Read{Key: "a"})
	if err == nil || d.Classify(err) != driver.Invalid || !strings.Contains(err.Error(), "an address of its own") {
		t.Errorf("got %v, want it refused", err)
	}
}

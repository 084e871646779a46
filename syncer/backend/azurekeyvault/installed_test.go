package azurekeyvault

import (
	"context"
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

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
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
		AuthorityHost: "https://login.example.com", DNSSuffix: "example.com", ExtraCACerts: proxied(t, a), Own: principal("own"),
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

func TestStoresThatAreRefusedBeforeAnythingIsSent(t *testing.T) {
	d, err := New(Config{Credentials: func(context.Context, plan.Credential) (string, error) {
		t.Error("a credential is read")
		return "planted", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	const id = "5ec4e79a-0000-4000-8000-000000000001"
	secret := plan.Credential{Kind: plan.SecretCredential, Namespace: "team", Name: "login", Key: "id"}
	account := plan.Credential{Kind: plan.AccountCredential, Namespace: "team", Name: "reader"}
	principal := plan.Store{
		Container: "v", Method: backend.AzureServicePrincipal, Role: id, Credential: secret, Login: plan.Login{Directory: "home"},
	}
	with := func(change func(*plan.Store)) plan.Store {
		s := principal
		change(&s)
		return s
	}
	for name, test := range map[string]struct {
		store plan.Store
		want  string // the kind and what the problem begins with
	}{
		"a vault of another cloud": {
			with(func(s *plan.Store) { s.Address = "vault.azure.cn" }),
			"denied: this installation reads vaults of vault.azure.net, and none of vault.azure.cn",
		},
		"a vault of another domain, by the syncer's own identity": {
			plan.Store{Container: "v", Address: "evil.example"}, "denied: this installation reads vaults of vault.azure.net, and none of evil.example",
		},
		"a vault whose name is a host": {with(func(s *plan.Store) { s.Container = "evil.example/" }), "invalid: no Key Vault is named"},
		"a CA of its own":              {with(func(s *plan.Store) { s.CA = "pem" }), "invalid: the store has a CA of its own"},
		"an unknown method":            {with(func(s *plan.Store) { s.Method = "Password" }), "invalid: the store logs in by a method"},
		"a Secret without a method":    {with(func(s *plan.Store) { s.Method = "" }), "invalid: the store has a credential and a directory"},
		"a client id without a method": {plan.Store{Container: "v", Role: id}, "invalid: the store names a client id, but not how"},
		"a client secret of a ServiceAccount": {
			with(func(s *plan.Store) { s.Credential = account }), "invalid: the store logs in by a method",
		},
		"a managed identity of the team's": {
			with(func(s *plan.Store) { s.Method = backend.AzureManagedIdentity }), "invalid: the store logs in by a method",
		},
		"a service principal of the syncer's": {
			with(func(s *plan.Store) { s.Credential = plan.Credential{} }), "invalid: the store logs in by a method",
		},
		"no client id":               {with(func(s *plan.Store) { s.Role = "" }), "invalid: the store names no client id"},
		"two client ids":             {with(func(s *plan.Store) { s.Login.Identifier = secret }), "invalid: the store names no client id, or one"},
		"no tenant":                  {with(func(s *plan.Store) { s.Login.Directory = "" }), "invalid: the store names no tenant"},
		"a client id of a ConfigMap": {with(func(s *plan.Store) { s.Role, s.Login.Identifier.Kind = "", plan.ConfigMapCredential }), "invalid: the store says more"},
		"a role that an annotation keeps, of no ServiceAccount": {
			with(func(s *plan.Store) { s.Login.RoleFrom = plan.Credential{Kind: plan.AnnotationCredential} }), "invalid: the store says more",
		},
		"a chain of roles": {with(func(s *plan.Store) { s.Login.Chain = "role" }), "invalid: the store says more"},
		"a tenant beside a managed identity": {
			plan.Store{Container: "v", Method: backend.AzureManagedIdentity, Login: plan.Login{Directory: "home"}}, "invalid: the store says more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Get(t.Context(), test.store, plan.Read{Key: "a"})
			if err == nil || !strings.HasPrefix(d.Classify(err).String()+": "+d.Explain(err), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

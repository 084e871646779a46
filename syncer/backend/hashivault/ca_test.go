package hashivault_test

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// shelf is a ConfigMap with a CA, and counts how often it is read.
type shelf struct {
	ca    string // empty: there is no ConfigMap
	reads int
}

var caFrom = plan.Credential{Kind: plan.ConfigMapCredential, Namespace: "team-a", Name: "cas", Key: "ca.crt"}

func (s *shelf) get(_ context.Context, c plan.Credential) (string, error) {
	if c != caFrom {
		return "jwt", nil
	}
	s.reads++
	if s.ca == "" {
		return "", &driver.Error{Kind: driver.Unauthenticated, Problem: "ConfigMap team-a/cas does not exist", Hint: "create it"}
	}
	return s.ca, nil
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// caLab reads a server by TLS, whose CA a ConfigMap keeps.
type caLab struct {
	*shelf

	driver                 *hashivault.Driver
	store                  plan.Store
	read                   func() string
	now                    time.Time
	right, wrong, wrongToo string
}

func newCALab(t *testing.T) *caLab {
	t.Helper()
	server := httptest.NewTLSServer(&strict{admits: map[string]string{" k8s r": "jwt"}})
	t.Cleanup(server.Close)
	l := &caLab{shelf: &shelf{}, now: time.Now(), right: textOf(t, certificate(t, server)), wrong: textOf(t, otherCA(t)), wrongToo: textOf(t, otherCA(t))}
	d, err := hashivault.New(hashivault.Config{
		Address: "http://127.0.0.1:1", Servers: []string{server.URL}, Credentials: l.get, Now: func() time.Time { return l.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.driver = d
	l.store = plan.Store{Address: server.URL, Mount: "k8s", Role: "r", Credential: account, Login: plan.Login{CAFrom: caFrom}}
	l.read = readsOf(t, d, l.store)
	return l
}

const reading = `{"as":" k8s r"}`

func TestTheCAThatTheClusterKeepsIsReadSeldom(t *testing.T) {
	l := newCALab(t)
	l.ca = l.right
	for _, after := range []time.Duration{0, time.Minute, 3 * time.Minute, 2 * time.Minute} { // the last is 6 minutes after the first
		l.now = l.now.Add(after)
		if got := l.read(); got != reading {
			t.Fatal(got)
		}
	}
	if l.reads != 2 {
		t.Errorf("it was read %d times in six minutes, want twice", l.reads)
	}
}

func TestTheCAThatTheClusterKeepsIsUsedWhileItCannotBeRead(t *testing.T) {
	l := newCALab(t)
	l.ca = l.right
	l.read()
	l.ca, l.now = "", l.now.Add(50*time.Minute)
	if got := l.read(); got != reading {
		t.Errorf("after 50 minutes without it: got %s, want the value", got)
	}
	l.now = l.now.Add(10 * time.Minute)
	const want = "unauthenticated: ConfigMap team-a/cas does not exist; create it"
	if got := l.read(); got != want {
		t.Errorf("after an hour: got %s, want %s", got, want)
	}
}

// A rotated CA heals by the first read that it fails, and one that is wrong costs the server no second connection until it changes.
func TestTheCAThatTheClusterKeepsIsReadAgainWhereItDoesNotFit(t *testing.T) {
	l := newCALab(t)
	for _, moment := range []struct{ ca, want string }{
		{"", "unauthenticated: no login: ConfigMap team-a/cas does not exist; create it"},
		{"planted", "invalid: no login: the key ca.crt of ConfigMap team-a/cas holds no certificate; write PEM certificates there"},
		{l.wrong, "unavailable: no login: "},
		{l.wrongToo, "unavailable: no login: "},
		{l.right, reading},
	} {
		l.ca = moment.ca
		got := l.read()
		if !strings.HasPrefix(got, moment.want) || strings.Contains(got, "planted") {
			t.Errorf("got %s, want %s…", got, moment.want)
		}
		if strings.HasPrefix(got, "unavailable: ") && !strings.HasSuffix(got, "; write the CA of the server into ConfigMap team-a/cas") {
			t.Errorf("got %s, want what to do about the CA", got)
		}
	}
}

func TestTheCAThatTheClusterKeepsIsForgotten(t *testing.T) {
	l := newCALab(t)
	l.ca = l.right
	l.read()
	l.driver.Forget(l.store)
	if l.ca = ""; strings.HasPrefix(l.read(), "{") {
		t.Error("a store of the same words reads by a CA that is not there any more")
	}
}

// A CA that the store itself has is the one, and another one is not even read.
func TestTheStoresOwnCAComesFirst(t *testing.T) {
	l := newCALab(t)
	l.store.CA = l.right
	if got := readsOf(t, l.driver, l.store)(); got != reading || l.reads > 0 {
		t.Errorf("got %s after %d reads of the other one, want the value after none", got, l.reads)
	}
}

// The address of a server may be one that its certificate does not have.
func TestTheNameThatAStoreHasForAServer(t *testing.T) {
	l := newCALab(t)
	l.ca = l.right
	l.store.Address = strings.Replace(l.store.Address, "127.0.0.1", "localhost", 1)
	d := mustNew(t, hashivault.Config{Servers: []string{l.store.Address}, Credentials: l.get})
	for _, test := range []struct{ name, want string }{
		{"", "unavailable: no login: "},
		{"example.com", reading},
		{"127.0.0.1", reading},
		{"example.net", "unavailable: no login: "},
	} {
		l.store.ServerName = test.name
		if got := readsOf(t, d, l.store)(); !strings.HasPrefix(got, test.want) {
			t.Errorf("by the name %q: got %s, want %s…", test.name, got, test.want)
		}
	}
}

func TestWhatIsToBeTrustedIsSaid(t *testing.T) {
	l := newCALab(t)
	for want, change := range map[string]func(*plan.Store){
		"write the CA of the server into the store": func(s *plan.Store) { s.CA = l.wrong },
		"name the CA of the server in the store":    func(s *plan.Store) { s.Login.CAFrom = plan.Credential{} },
	} {
		store := l.store
		change(&store)
		if got := readsOf(t, l.driver, store)(); !strings.HasPrefix(got, "unavailable: ") || !strings.HasSuffix(got, "; "+want) {
			t.Errorf("got %s, want …%s", got, want)
		}
	}
	elsewhere := l.store
	elsewhere.Address, elsewhere.CA = strings.Replace(l.store.Address, "127.0.0.1", "localhost", 1), l.right
	named := mustNew(t, hashivault.Config{Servers: []string{elsewhere.Address}, Credentials: l.get})
	if got, want := readsOf(t, named, elsewhere)(), "; name the server as its certificate does, or give it a certificate with this name"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want …%s", got, want)
	}
	elsewhere.ServerName = "vault.example.net" // the certificate is for example.com and 127.0.0.1
	const wrong = "; write a name that the server's certificate has into the store, or give it a certificate with this one"
	if got := readsOf(t, named, elsewhere)(); !strings.HasPrefix(got, "unavailable: ") || !strings.HasSuffix(got, wrong) {
		t.Errorf("got %s, want …%s", got, wrong)
	}
	own := readsOf(t, mustNew(t, hashivault.Config{Address: l.store.Address, JWTPath: file(t, "token", "jwt")}), plan.Store{Mount: "k8s", Role: "r"})
	if got, want := own(), "; have the syncer trust the CA of the server (VAULT_CACERT)"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want …%s", got, want)
	}
}

func mustNew(t *testing.T, config hashivault.Config) *hashivault.Driver {
	t.Helper()
	d, err := hashivault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

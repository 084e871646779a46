package wire

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

func TestClientTakesNothingFromTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://other.example", "VAULT_AGENT_ADDR": "http://other.example", "VAULT_TOKEN": "other",
		"VAULT_NAMESPACE": "other", "VAULT_HEADERS": `{"X-Other":"x"}`,
	} {
		t.Setenv(name, value)
	}
	client, err := NewClients(Config{}).Of(t.Context(), Server{Namespace: "team"})
	if err != nil {
		t.Fatal(err)
	}
	if client.Address() != DefaultAddress || client.Token() != "" || client.Namespace() != "team" || client.Headers().Get("X-Other") != "" {
		t.Errorf("address %q, namespace %q, headers %v", client.Address(), client.Namespace(), client.Headers())
	}
	// Vault's agents and proxies may ask for it, against forged requests.
	if client.Headers().Get("X-Vault-Request") != "true" {
		t.Error("the header X-Vault-Request is lost")
	}
}

// VAULT_CACERT is for Vaults whose CA alone is to be trusted.
func TestACAOfOnesOwnIsTrustedAlone(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Config{CACert: file}.roots("")
	if err != nil {
		t.Fatal(err)
	}
	if want, err := transport.OnlyRoots(file); err != nil || !got.Equal(want) {
		t.Errorf("others are trusted, too (%v)", err)
	}
}

// A store's author may choose CAs, and so make many servers of one.
func TestClientsAreKeptUpToABound(t *testing.T) {
	clients := NewClients(Config{})
	first, err := clients.Of(t.Context(), Server{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxClients {
		if _, err := clients.Of(t.Context(), Server{Address: "http://127.0.0.1:" + strconv.Itoa(1+i)}); err != nil {
			t.Fatal(err)
		}
		if again, err := clients.Of(t.Context(), Server{}); err != nil || again != first {
			t.Fatalf("after %d others the client that is in use is another one (%v)", i+1, err)
		}
	}
	if got := clients.held.Len(); got != maxClients {
		t.Errorf("%d clients are kept, want %d", got, maxClients)
	}
}

func TestANamespaceIsThatOfItsOwnCallsAlone(t *testing.T) {
	clients := NewClients(Config{})
	for _, namespace := range []string{"", "a", "b", ""} {
		client, err := clients.Of(t.Context(), Server{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		if got := As(client, "t").Namespace(); got != namespace {
			t.Errorf("got namespace %q, want %q", got, namespace)
		}
	}
	if got := clients.held.Len(); got != 1 {
		t.Errorf("%d clients are kept, want one whose connections all namespaces share", got)
	}
}

func TestAClientThatCannotBeMadeIsNotKept(t *testing.T) {
	clients := NewClients(Config{})
	for range 2 {
		if client, err := clients.Of(t.Context(), Server{CA: "none"}); client != nil || !errors.Is(err, errNoCA) {
			t.Errorf("got %v (%v), want the error alone", client, err)
		}
	}
}

package wire

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	client, err := New(Config{Namespace: "team"})
	if err != nil {
		t.Fatal(err)
	}
	if client.Address() != defaultAddress || client.Token() != "" || client.Namespace() != "team" || client.Headers().Get("X-Other") != "" {
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
	got, err := Config{CACert: file}.roots()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := transport.OnlyRoots(file); err != nil || !got.Equal(want) {
		t.Errorf("others are trusted, too (%v)", err)
	}
}

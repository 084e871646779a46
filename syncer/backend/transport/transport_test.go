package transport

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRootsAreTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		roots   func() (*x509.CertPool, error)
		trusted bool
	}{
		"an extra CA is":                      {func() (*x509.CertPool, error) { return Roots("", file) }, true},
		"the only CA is":                      {func() (*x509.CertPool, error) { return OnlyRoots(file, "") }, true},
		"the system's CAs are left as it was": {func() (*x509.CertPool, error) { return Roots("") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			roots, err := test.roots()
			if err != nil {
				t.Fatal(err)
			}
			client := Client(HTTP(roots), 0)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err == nil {
				_ = response.Body.Close()
			}
			if trusted := err == nil; trusted != test.trusted {
				t.Errorf("trusted: %t, want %t (%v)", trusted, test.trusted, err)
			}
		})
	}
}

func TestRootsNameTheFileThatIsWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{empty: "holds no certificate", empty + ".none": "cannot be read"} {
		if _, err := Roots(file); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v, want that %s %s", err, file, says)
		}
	}
}

package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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
			client := Client(HTTP(roots), 0, 1<<20)
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

// As many connections as are needed at once are kept for the next time.
func TestConnectionsAreUsedAgain(t *testing.T) {
	const n = 20
	var connections atomic.Int64
	var together sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait() // so that no two share a connection
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		connections.Add(1)
		return ctx
	}
	server.Start()
	defer server.Close()
	client := Client(HTTP(nil), 0, 1<<20)
	for range 3 {
		together.Add(n)
		var asking sync.WaitGroup
		for range n {
			asking.Go(func() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			})
		}
		asking.Wait()
	}
	if got := connections.Load(); got > n+n/2 {
		t.Errorf("%d requests at a time opened %d connections", n, got)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it is spoken to") }))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := Client(HTTP(roots), 0, 1<<20).Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v, want that the version is refused", err)
	}
}

func TestTheSystemsCAsAreTrustedBesideExtraOnes(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	system, err := x509.SystemCertPool()
	if err != nil {
		system = x509.NewCertPool()
	}
	for name, test := range map[string]struct {
		roots func(...string) (*x509.CertPool, error)
		want  *x509.CertPool
	}{"Roots": {Roots, system}, "OnlyRoots": {OnlyRoots, x509.NewCertPool()}} {
		test.want.AppendCertsFromPEM(bundle)
		if pool, err := test.roots(file); err != nil || !pool.Equal(test.want) {
			t.Errorf("%s trusts others (%v)", name, err)
		}
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

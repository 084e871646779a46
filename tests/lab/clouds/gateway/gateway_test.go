package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/gateway"
)

// start serves a gateway to upstream for *.example, and returns a client that goes through it.
func start(t *testing.T, upstream string) *http.Client {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&gateway.Gateway{Authority: ca, Hosts: []string{"*.example"}, Upstream: upstream})
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.PEM()) {
		t.Fatal("the authority's PEM holds no certificate")
	}
	transport := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get returns the body, or the error's text.
func get(t *testing.T, client *http.Client, at string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func TestGateway(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "this is "+r.Host)
	}))
	t.Cleanup(upstream.Close)
	client := start(t, strings.TrimPrefix(upstream.URL, "http://"))
	for name, test := range map[string]struct{ url, want string }{
		"a host that is emulated is led to the emulator": {"https://a.vault.example/x", "this is a.vault.example"},
		"a connection that the emulator cuts is cut":     {"https://a.vault.example/cut", "EOF"},
		"another host is refused":                        {"https://vault.azure.net/x", "Forbidden"},
		"another port is refused":                        {"https://a.vault.example:8443/x", "Forbidden"},
		"what is no tunnel is refused":                   {"http://a.vault.example/x", "takes CONNECT"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := get(t, client, test.url); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestNoServerBehindTheGateway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	client := start(t, strings.TrimPrefix(gone.URL, "http://"))
	if got := get(t, client, "https://a.example"); !strings.Contains(got, "Bad Gateway") {
		t.Errorf("got %q, want a Bad Gateway", got)
	}
}

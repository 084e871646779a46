package azurekeyvault

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

const (
	// metadataHost is where virtual machines find their managed identity; no proxy leads there.
	metadataHost = "169.254.169.254"
	// dialTimeout ends the search for it where there is none before the read itself is out of time.
	dialTimeout = 5 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes. Key Vault's values have 25 KiB at most.
	maxAnswer = 1 << 20
)

// wire is the transport of all requests.
type wire struct {
	transport *http.Transport
	// metadata stands in for metadataHost, as AZURE_POD_IDENTITY_AUTHORITY_HOST says; nil: nothing does.
	metadata *url.URL
}

func newWire(c Config) (*wire, error) {
	roots, err := transport.Roots(c.ExtraCACerts)
	if err != nil {
		return nil, err
	}
	w := &wire{}
	if host := os.Getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST"); host != "" {
		if w.metadata, err = url.Parse(host); err != nil || w.metadata.Host == "" {
			return nil, fmt.Errorf("AZURE_POD_IDENTITY_AUTHORITY_HOST must be a URL such as http://%s", metadataHost)
		}
	}
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	w.transport = &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == metadataHost {
				return nil, nil
			}
			return proxy(r.URL)
		},
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
		IdleConnTimeout:     90 * time.Second,
	}
	return w, nil
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.metadata != nil && r.URL.Host == metadataHost {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = w.metadata.Scheme, w.metadata.Host, ""
	}
	response, err := w.transport.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}

// httpClient follows no redirect: neither Entra nor Key Vault sends any.
func httpClient(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// record remembers the last call of a request for a token. The SDK turns what went wrong into text, from which it could
// not be told any more.
type record struct {
	http.RoundTripper

	mu   sync.Mutex
	last outcome
}

// outcome is how a call ended: with an error of the network's, or with an answer, whose body is kept unless it is a success.
type outcome struct {
	host   string
	err    error
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (r *record) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	last := outcome{host: request.URL.Hostname(), err: err}
	if err == nil {
		last.status, last.header = response.StatusCode, response.Header
	}
	if last.status >= http.StatusBadRequest {
		last.body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(last.body))
		last.err = err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = last
	return response, err
}

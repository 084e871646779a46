package azurekeyvault

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"

	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// maxAnswer bounds what is read of an answer, in bytes. Key Vault's values have 25 KiB at most.
const maxAnswer = 1 << 20

// wire is the transport of all requests.
type wire struct {
	transport *http.Transport
	// metadata stands in for entra.MetadataHost, as AZURE_POD_IDENTITY_AUTHORITY_HOST says; nil: nothing does.
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
			return nil, fmt.Errorf("AZURE_POD_IDENTITY_AUTHORITY_HOST must be a URL such as http://%s", entra.MetadataHost)
		}
	}
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	w.transport = transport.HTTP(roots)
	// Where no managed identity answers, the search for one ends before the read itself is out of time.
	w.transport.DialContext = (&net.Dialer{Timeout: c.Timeout / 2}).DialContext
	w.transport.TLSHandshakeTimeout = c.Timeout / 2
	w.transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == entra.MetadataHost {
			return nil, nil
		}
		return proxy(r.URL)
	}
	return w, nil
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.metadata != nil && r.URL.Host == entra.MetadataHost {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = w.metadata.Scheme, w.metadata.Host, ""
	}
	response, err := w.transport.RoundTrip(r)
	if err == nil {
		response.Body = transport.Bound(response.Body, maxAnswer) // here, since package entra reads before any client does
	}
	return response, err
}

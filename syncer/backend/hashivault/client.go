package hashivault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

const defaultAddress = "http://127.0.0.1:8200"

// newClient makes a client without a token. Nothing of the environment is taken over but the proxy (HTTPS_PROXY, NO_PROXY):
// what the api package reads there by itself (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_HEADERS …) is undone. It follows one
// redirect, as standby nodes answer with, never from https to http.
func newClient(config Config) (*api.Client, error) {
	roots, err := config.roots()
	if err != nil {
		return nil, err
	}
	t := cleanhttp.DefaultPooledTransport()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	t.MaxIdleConnsPerHost = t.MaxIdleConns // there is but one host
	address := config.Address
	if address == "" {
		address = defaultAddress
	}
	client, err := api.NewClient(&api.Config{
		Address: address,
		Timeout: config.Timeout,
		HttpClient: &http.Client{
			Transport:     redirects{next: t},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// Whoever calls us tries again.
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("the configuration of Vault (VAULT_ variables) cannot be used: %w", err)
	}
	client.ClearToken()
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	if config.Namespace != "" {
		client.SetNamespace(config.Namespace)
	}
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	return client, nil
}

func (c Config) roots() (*x509.CertPool, error) {
	if c.CACert != "" {
		return transport.OnlyRoots(c.CACert, c.ExtraCACerts)
	}
	return transport.Roots(c.ExtraCACerts)
}

// as is the client with a token. The client itself is only ever copied: api's own Clone would read the environment and
// load CAs again, for each call.
func as(client *api.Client, token string) *api.Client {
	return client.WithRequestCallbacks(func(r *api.Request) { r.ClientToken = token })
}

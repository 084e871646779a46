// Package wire is how Vault is spoken to: the client, the redirects of standby nodes, and what answers mean.
package wire

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// defaultAddress is KES's.
const defaultAddress = "http://127.0.0.1:8200"

// MaxAnswer bounds what is read of an answer, in bytes. A value of 1 MiB, the most that a Secret holds, fits in with every
// character escaped.
const MaxAnswer = 8 << 20

// Config of the client: see the driver's.
type Config struct {
	Address, Namespace   string
	CACert, ExtraCACerts string
	Timeout              time.Duration
}

// New makes a client without a token. Nothing of the environment is taken over but the proxy (HTTPS_PROXY, NO_PROXY):
// what the api package reads there by itself (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_HEADERS …) is undone. It follows one
// redirect, as standby nodes answer with, never from https to http.
func New(config Config) (*api.Client, error) {
	roots, err := config.roots()
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(&api.Config{
		Address:    cmp.Or(config.Address, defaultAddress),
		Timeout:    config.Timeout,
		HttpClient: transport.Client(redirects{next: transport.HTTP(roots)}, 0, MaxAnswer),
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

// As is the client with a token. The client itself is only ever copied: api's own Clone would read the environment and
// load CAs again, for each call.
func As(client *api.Client, text string) *api.Client {
	return client.WithRequestCallbacks(func(r *api.Request) { r.ClientToken = text })
}

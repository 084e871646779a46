// Package wire is how Vault is spoken to: the clients, the redirects of standby nodes, and what answers mean.
package wire

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"k8s.io/utils/lru"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/session"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// DefaultAddress is KES's.
const DefaultAddress = "http://127.0.0.1:8200"

// MaxAnswer bounds what is read of an answer, in bytes. A value of 1 MiB, the most that a Secret holds, fits in with every
// character escaped.
const MaxAnswer = 8 << 20

// maxClients is how many are kept, since a store's author may choose its CAs. Installations have a few servers; beyond
// the bound the one goes that was not used for longest, which costs its next read a handshake. Its connections end when they
// are idle.
const maxClients = 256

// Server is a Vault, or a part of one. It is comparable.
type Server struct {
	Address   string          // a URL; empty: DefaultAddress
	Name      string          // which the certificate must have; empty: the host of Address
	CA        string          // PEM of the only CAs to trust; empty: those of CAFrom, else of the Config
	CAFrom    plan.Credential // where the cluster keeps CA, in its stead; the zero value: nowhere
	Namespace string          // of Vault Enterprise; empty: none
}

// caElsewhere reports whether the CA is one that the cluster keeps.
func (s Server) caElsewhere() bool { return s.CA == "" && s.CAFrom != plan.Credential{} }

// Config of the clients: see the driver's.
type Config struct {
	CACert, ExtraCACerts string
	Timeout              time.Duration
	Credentials          credential.Source // nil: no Server may have a CAFrom
	Now                  func() time.Time  // nil means time.Now
}

// Clients makes clients without a token. They share the connections to an address, whatever the namespace.
type Clients struct {
	config Config
	cas    *session.Cache[plan.Credential, string]
	mu     sync.Mutex
	held   *lru.Cache // *api.Client by Server, without its namespace, and with the CA itself
}

// NewClients makes Clients; it makes no calls.
func NewClients(config Config) *Clients {
	return &Clients{config: config, cas: newCAs(config), held: lru.New(maxClients)}
}

// Of is the client of a server. It makes no calls, unless the cluster keeps the server's CA.
func (c *Clients) Of(ctx context.Context, server Server) (*api.Client, error) {
	namespace := server.Namespace
	if server.caElsewhere() {
		ca, err := c.cas.Get(ctx, server.CAFrom)
		if err != nil {
			return nil, err
		}
		server.CA = ca
	}
	server.Namespace, server.CAFrom = "", plan.Credential{}
	client, err := c.of(server)
	if err != nil || namespace == "" {
		return client, err
	}
	return client.WithNamespace(namespace), nil
}

func (c *Clients) of(server Server) (*api.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.held.Get(server); ok {
		return known.(*api.Client), nil //nolint:errcheck // nothing else is kept
	}
	roots, err := c.config.roots(server.CA)
	if err != nil {
		return nil, err
	}
	client, err := open(server, roots, c.config.Timeout)
	if err == nil {
		c.held.Add(server, client)
	}
	return client, err
}

// open makes a client. Nothing of the environment is taken over but the proxy (HTTPS_PROXY, NO_PROXY):
// what the api package reads there by itself (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_HEADERS …) is undone. It follows one
// redirect, as standby nodes answer with, never from https to http.
func open(server Server, roots *x509.CertPool, timeout time.Duration) (*api.Client, error) {
	connections := transport.HTTP(roots)
	connections.TLSClientConfig.ServerName = server.Name
	client, err := api.NewClient(&api.Config{
		Address:    cmp.Or(server.Address, DefaultAddress),
		Timeout:    timeout,
		HttpClient: transport.Client(redirects{next: connections}, 0, MaxAnswer),
		// The caller retries.
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("the configuration of Vault (VAULT_ variables) cannot be used: %w", err)
	}
	client.ClearToken()
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	return client, nil
}

// roots are the CAs to trust. A server's own take the place of all others.
func (c Config) roots(own string) (*x509.CertPool, error) {
	switch {
	case own != "":
		return pool(own)
	case c.CACert != "":
		return transport.OnlyRoots(c.CACert, c.ExtraCACerts)
	}
	return transport.Roots(c.ExtraCACerts)
}

// As is the client with a token. The client itself is only ever copied: api's own Clone would read the environment and
// load CAs again, for each call.
func As(client *api.Client, text string) *api.Client {
	return client.WithRequestCallbacks(func(r *api.Request) { r.ClientToken = text })
}

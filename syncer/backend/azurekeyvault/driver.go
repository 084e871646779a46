// Package azurekeyvault reads the secrets of Azure Key Vault, certificates' included.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
package azurekeyvault

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Config of the driver. The zero value reads the public cloud with the credentials that the environment offers: see
// package entra. Proxies are those of HTTPS_PROXY and NO_PROXY.
type Config struct {
	// Environment names the cloud; empty means AzureCloud. AZURE_ENVIRONMENT.
	Environment string
	// AuthorityHost is the URL of Entra ID in place of the cloud's. AZURE_AUTHORITY_HOST.
	AuthorityHost string
	// DNSSuffix is what the names of vaults get, in place of the cloud's. AZURE_KEY_VAULT_DNS_SUFFIX.
	DNSSuffix string
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Credentials to prove with who the syncer is; the zero value: what the environment offers.
	Credentials entra.Credentials
	// Timeout of a request for a token, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
}

// maxClients bounds the clients that are kept: objects may name any number of vaults.
const maxClients = 1000

// pem is the content type of a certificate that Key Vault hands out as text. Others are base64, as isBinary takes it.
const pem = "application/x-pem-file"

// Driver reads Key Vault.
type Driver struct {
	cloud  entra.Cloud
	http   *http.Client
	tokens *entra.Tokens

	mu      sync.Mutex
	clients map[string]*azsecrets.Client // by vault
}

// New makes a driver; it calls nobody, and does not look for credentials yet.
func New(config Config) (*Driver, error) {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	cloud, err := entra.ChooseCloud(config.Environment, config.AuthorityHost, config.DNSSuffix)
	if err != nil {
		return nil, err
	}
	wire, err := newWire(config)
	if err != nil {
		return nil, err
	}
	return &Driver{
		cloud: cloud, http: transport.Client(wire, 0, maxAnswer), tokens: entra.New(cloud, config.Credentials, wire, config.Timeout),
		clients: map[string]*azsecrets.Client{},
	}, nil
}

// Get reads the newest version or, with a key of name/version, that one. A certificate in PEM counts as bytes, since
// isBinary, which certificates are documented to need, would find no base64 in it.
func (d *Driver) Get(ctx context.Context, scope plan.Scope, read plan.Read) (driver.Value, error) {
	client, err := d.client(scope.KeyVault)
	if err != nil {
		return driver.Value{}, err
	}
	name, version, _ := strings.Cut(read.Key, "/")
	secret, err := client.GetSecret(ctx, name, version, nil)
	if err != nil {
		return driver.Value{}, postpone(err)
	}
	if secret.Value == nil {
		return driver.Value{}, driver.ErrNoValue
	}
	if secret.ID != nil && !isAnswer(*secret.ID, scope.KeyVault, name, version) {
		return driver.Value{}, driver.ErrOther
	}
	value := driver.Value{Data: []byte(*secret.Value)}
	value.Bytes = secret.ContentType != nil && *secret.ContentType == pem
	if secret.ID != nil {
		value.Version = secret.ID.Version()
	}
	return value, nil
}

// isAnswer reports whether an id (https://vault.suffix/secrets/name/version) is of what was asked for. Key Vault keeps capitals
// and does not tell them from small letters.
func isAnswer(id azsecrets.ID, vault, name, version string) bool {
	at, err := url.Parse(string(id))
	if err != nil {
		return false
	}
	host, _, _ := strings.Cut(at.Hostname(), ".")
	return strings.EqualFold(host, vault) && strings.EqualFold(id.Name(), name) && (version == "" || strings.EqualFold(id.Version(), version))
}

// client finds or makes the client of a vault. That the challenge's resource fits the vault's name is verified, which keeps
// tokens from going to whoever pretends to be a vault.
func (d *Driver) client(vault string) (*azsecrets.Client, error) {
	if vault == "" {
		return nil, errNoVault
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.clients[vault]; ok {
		return known, nil
	}
	client, err := azsecrets.NewClient("https://"+vault+"."+d.cloud.Suffix, d.tokens, &azsecrets.ClientOptions{
		ClientOptions: azcore.ClientOptions{
			Transport: d.http, PerRetryPolicies: []policy.Policy{d.tokens},
			Retry: policy.RetryOptions{MaxRetries: -1}, // whoever calls us tries again
		},
	})
	if err != nil {
		return nil, err
	}
	for other := range d.clients {
		if len(d.clients) < maxClients {
			break
		}
		delete(d.clients, other)
	}
	d.clients[vault] = client
	return client, nil
}

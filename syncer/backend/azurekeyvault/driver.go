// Package azurekeyvault reads the secrets of Azure Key Vault, certificates' included.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
package azurekeyvault

import (
	"cmp"
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
	// Installed are credentials beside those, by the names that Stores refer to them by.
	Installed map[string]Installed
	// Timeout of a request for a token, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
}

// Installed are credentials that the installation gives the syncer for some Stores. Fields mean what they mean in Config.
type Installed struct {
	Credentials entra.Credentials
	Timeout     time.Duration // 0: that of the Config
}

// maxClients bounds the clients that are kept for the vaults of one login: objects may name any number of vaults.
const maxClients = 1000

// pem is the content type of a certificate that Key Vault hands out as text. Others are base64, as isBinary takes it.
const pem = "application/x-pem-file"

var errNotInstalled = &driver.Error{
	Kind: driver.Invalid, Problem: "the syncer was given no credential of this name for Azure", Hint: "configure it at the syncer",
}

// Driver reads Key Vault.
type Driver struct {
	cloud  entra.Cloud
	own    *installed
	others map[string]*installed
}

// installed is a login of the installation's, and the clients of the vaults that are read by it.
type installed struct {
	suffix string // of the cloud
	http   *http.Client
	tokens *entra.Tokens

	mu      sync.Mutex
	clients map[string]*azsecrets.Client // by vault
}

// New makes a driver; it makes no calls, and does not look for credentials yet.
func New(config Config) (*Driver, error) {
	config.Timeout = cmp.Or(config.Timeout, 10*time.Second)
	cloud, err := entra.ChooseCloud(config.Environment, config.AuthorityHost, config.DNSSuffix)
	if err != nil {
		return nil, err
	}
	d := &Driver{cloud: cloud, others: map[string]*installed{}}
	if d.own, err = install(cloud, config); err != nil {
		return nil, err
	}
	for name, i := range config.Installed {
		other := config
		other.Credentials, other.Timeout = i.Credentials, cmp.Or(i.Timeout, config.Timeout)
		if d.others[name], err = install(cloud, other); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func install(cloud entra.Cloud, config Config) (*installed, error) {
	wire, err := newWire(config)
	if err != nil {
		return nil, err
	}
	return &installed{
		suffix: cloud.Suffix, http: transport.Client(wire, 0, maxAnswer),
		tokens: entra.New(cloud, config.Credentials, wire, config.Timeout), clients: map[string]*azsecrets.Client{},
	}, nil
}

// by is the login that a Store refers to.
func (d *Driver) by(store plan.Store) (*installed, error) {
	if err := driver.CheckStore(store, plan.InstalledCredential); err != nil {
		return nil, err
	}
	if store.Credential.Kind == plan.OwnCredential {
		return d.own, nil
	}
	known, ok := d.others[store.Credential.Name]
	if !ok {
		return nil, errNotInstalled
	}
	return known, nil
}

// Get reads the newest version or, with a key of name/version, that one. A certificate in PEM counts as bytes, since
// isBinary, which certificates are documented to need, would find no base64 in it.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	by, err := d.by(store)
	if err != nil {
		return driver.Value{}, err
	}
	client, err := by.client(store.Container)
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
	if secret.ID != nil && !isAnswer(*secret.ID, store.Container, name, version) {
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
// tokens from going to a server that pretends to be a vault.
func (i *installed) client(vault string) (*azsecrets.Client, error) {
	if vault == "" {
		return nil, errNoVault
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if known, ok := i.clients[vault]; ok {
		return known, nil
	}
	client, err := azsecrets.NewClient("https://"+vault+"."+i.suffix, i.tokens, &azsecrets.ClientOptions{
		ClientOptions: azcore.ClientOptions{
			Transport: i.http, PerRetryPolicies: []policy.Policy{i.tokens},
			Retry: policy.RetryOptions{MaxRetries: -1}, // the caller retries
		},
	})
	if err != nil {
		return nil, err
	}
	for other := range i.clients {
		if len(i.clients) < maxClients {
			break
		}
		delete(i.clients, other)
	}
	i.clients[vault] = client
	return client, nil
}

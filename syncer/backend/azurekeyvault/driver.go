// Package azurekeyvault reads the secrets of Azure Key Vault, certificates and public keys.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
package azurekeyvault

import (
	"cmp"
	"sync"
	"time"

	"k8s.io/utils/lru"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/credential"
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
	// Own are those that prove who the syncer is; the zero value: what the environment offers.
	Own entra.Credentials
	// Installed are credentials beside those, by the names that Stores refer to them by.
	Installed map[string]Installed
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// Timeout of a request for a token, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
}

// Installed are credentials that the installation gives the syncer for some Stores. Fields mean what they mean in Config.
type Installed struct {
	Credentials entra.Credentials
	Timeout     time.Duration // 0: that of the Config
}

// maxStores bounds the logins that are kept for Stores which say how to log in: tenants write them. Beyond it the least recently used one
// logs in anew.
const maxStores = 4096

var errNotInstalled = &driver.Error{
	Kind: driver.Invalid, Problem: "the syncer was given no credential of this name for Azure", Hint: "configure it at the syncer",
}

// Driver reads Key Vault.
type Driver struct {
	cloud       entra.Cloud
	credentials credential.Source
	timeout     time.Duration
	wire        *wire
	own         *vaults
	others      map[string]*vaults

	mu     sync.Mutex
	stores *lru.Cache // *vaults by plan.Store
}

// New makes a driver; it makes no calls, and does not look for credentials yet.
func New(config Config) (*Driver, error) {
	config.Timeout = cmp.Or(config.Timeout, 10*time.Second)
	cloud, err := entra.ChooseCloud(config.Environment, config.AuthorityHost, config.DNSSuffix)
	if err != nil {
		return nil, err
	}
	d := &Driver{
		cloud: cloud, credentials: config.Credentials, timeout: config.Timeout, others: map[string]*vaults{}, stores: lru.New(maxStores),
	}
	if d.wire, err = newWire(config); err != nil {
		return nil, err
	}
	d.own = d.vaultsBy(entra.New(cloud, config.Own, d.wire, config.Timeout), d.wire)
	for name, i := range config.Installed {
		other := config
		other.Timeout = cmp.Or(i.Timeout, config.Timeout)
		wire, err := newWire(other)
		if err != nil {
			return nil, err
		}
		d.others[name] = d.vaultsBy(entra.New(cloud, i.Credentials, wire, other.Timeout), wire)
	}
	return d, nil
}

func (d *Driver) vaultsBy(tokens *entra.Tokens, wire *wire) *vaults {
	return &vaults{suffix: d.cloud.Suffix, http: transport.Client(wire, 0, maxAnswer), tokens: tokens, held: map[string]*vault{}}
}

// by is the login that a Store refers to or says. Nothing is sent for one that is refused.
func (d *Driver) by(store plan.Store) (*vaults, error) {
	if err := d.reaches(store); err != nil {
		return nil, err
	}
	rest := store
	rest.Address = ""
	if store.Method != "" {
		rest.Method, rest.Login = "", plan.Login{} // package entra judges them
		if err := driver.CheckStore(rest, plan.SecretCredential, plan.AccountCredential); err != nil {
			return nil, err
		}
		return d.ofStore(store)
	}
	if err := driver.CheckStore(rest, plan.InstalledCredential); err != nil {
		return nil, err
	}
	if store.Role != "" {
		return nil, errNoMethod
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

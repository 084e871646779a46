// Package hashivault reads HashiCorp Vault's key-value secrets, and whatever else answers a read with a JSON object.
// https://developer.hashicorp.com/vault/api-docs/secret/kv
package hashivault

import (
	"cmp"
	"context"
	"time"

	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// Config of the driver. The zero value reads the Vault of this machine as a pod would.
type Config struct {
	// Address of Vault, a URL; empty means http://127.0.0.1:8200, KES's default. VAULT_ADDR.
	Address string
	// Namespace of Vault Enterprise to work in, for Stores that name neither one nor an address. VAULT_NAMESPACE.
	Namespace string
	// Servers are the addresses that Stores may name, beside Address, such as https://vault.example.com:8200. A server learns the
	// credentials that Stores refer to.
	Servers []string
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// Installed are logins beside the one of this Config, by the names that Stores refer to them by.
	Installed map[string]Installed
	// JWTPath is the file of the service-account token, read anew at each login; empty means the pod's own. VAULT_JWT_PATH.
	JWTPath string
	// RoleID and SecretID are the AppRole login for objects without a Vault role. VAULT_ROLE_ID, VAULT_SECRET_ID.
	RoleID, SecretID string
	// AppRoleMount is the mount of the AppRole auth method; empty means approle.
	AppRoleMount string
	// RenewThreshold is how long before its end a token is renewed; 0 means min(3 × RefreshInterval, TTL/3). More than half
	// of a token's TTL counts as half, or each read would renew it. VAULT_TOKEN_RENEW_THRESHOLD, in seconds.
	RenewThreshold time.Duration
	// RenewIncrement is the TTL that a renewal asks for; 0: what the token was given.
	RenewIncrement time.Duration
	// Failed is called for each login and renewal that failed (login.OperationLogin, login.OperationRenew); nil: not called.
	Failed func(operation string, err error)
	// RefreshInterval is how often objects are read by default. POLLER_INTERVAL_MILLISECONDS.
	RefreshInterval time.Duration
	// CACert is a PEM file of the only CAs to trust; empty: the system's. VAULT_CACERT.
	CACert string
	// ExtraCACerts is a PEM file of CAs to trust beside them. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Timeout of one HTTP request, and of a login, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Installed is a login that the installation gives the syncer for some Stores: a server, an AppRole, and how its tokens are kept. For a
// Store that names a role, it logs in with the syncer's service-account token. Fields mean what they mean in Config.
type Installed struct {
	Address          string // empty: that of the Config
	RoleID, SecretID string
	AppRoleMount     string
	RenewThreshold   time.Duration
	RenewIncrement   time.Duration
	RefreshInterval  time.Duration
	Timeout          time.Duration // of a login; 0: that of the Config
	Failed           func(operation string, err error)
}

// Driver reads Vault.
type Driver struct {
	clients   *wire.Clients
	namespace string
	servers   []string // that Stores may name
	own       installed
	others    map[string]installed
}

// installed is a login of the installation's, and the sessions of the Stores that are read by it.
type installed struct {
	address string
	logins  *login.Logins
}

// New makes a driver; it makes no calls.
func New(config Config) (*Driver, error) {
	config.Timeout = cmp.Or(config.Timeout, 10*time.Second)
	config.Address = cmp.Or(config.Address, wire.DefaultAddress)
	servers, err := config.servers()
	if err != nil {
		return nil, err
	}
	longest := config.Timeout
	for _, i := range config.Installed {
		longest = max(longest, i.Timeout)
	}
	d := &Driver{
		clients: wire.NewClients(wire.Config{
			CACert: config.CACert, ExtraCACerts: config.ExtraCACerts, Timeout: longest, Credentials: config.Credentials, Now: config.Now,
		}),
		namespace: config.Namespace, servers: servers, others: map[string]installed{},
	}
	d.own, err = d.install(config, Installed{
		RoleID: config.RoleID, SecretID: config.SecretID, AppRoleMount: config.AppRoleMount, RenewThreshold: config.RenewThreshold,
		RenewIncrement: config.RenewIncrement, RefreshInterval: config.RefreshInterval, Failed: config.Failed,
	})
	if err != nil {
		return nil, err
	}
	for name, i := range config.Installed {
		if d.others[name], err = d.install(config, i); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// install makes a login of the installation's. Its server must have an address that can be called.
func (d *Driver) install(c Config, i Installed) (installed, error) {
	address := cmp.Or(i.Address, c.Address)
	_, err := d.clients.Of(context.Background(), wire.Server{Address: address}) // which calls nothing
	return installed{address, login.New(d.clients, login.Config{
		JWTPath: c.JWTPath, RoleID: i.RoleID, SecretID: i.SecretID, AppRoleMount: i.AppRoleMount, Credentials: c.Credentials,
		RenewThreshold: i.RenewThreshold, RenewIncrement: i.RenewIncrement, Failed: i.Failed,
		RefreshInterval: i.RefreshInterval, Timeout: cmp.Or(i.Timeout, c.Timeout), Now: c.Now,
	})}, err
}

// Package azure emulates Microsoft Entra ID, the metadata endpoints of managed identities, and Azure Key Vault, as the
// Azure SDKs speak to them. Services are told apart by host name and path, so they are reached as the real ones are: by
// https://login.microsoftonline.com and https://<vault>.vault.azure.net, through the proxy of package gateway.
package azure

import (
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// Name is the cloud's name in counters and faults.
const Name = "azure"

// Tenant owns all vaults.
const Tenant = entra.Tenant

// Cloud is the emulated Azure. Make it with New.
type Cloud struct {
	clock    func() time.Time
	faults   *fault.Set
	counters *counter.Set

	directory      *entra.Directory
	vaults         keyvault.Service
	labApp         entra.App
	identityHeader string
}

// New returns an Azure with the lab's application (see seed) and no vaults.
func New(clock func() time.Time, faults *fault.Set, counters *counter.Set) *Cloud {
	c := &Cloud{clock: clock, faults: faults, counters: counters, directory: entra.NewDirectory()}
	c.seed()
	return c
}

// Hosts are the names that the emulated services go by, for a gateway.
func Hosts() []string {
	var hosts []string
	for _, s := range sovereignties() {
		hosts = append(hosts, s.login, "*."+s.vaults)
	}
	return hosts
}

// sovereignty is one of the clouds that Azure is.
type sovereignty struct{ login, vaults string }

func sovereignties() []sovereignty {
	return []sovereignty{
		{"login.microsoftonline.com", "vault.azure.net"},
		{"login.chinacloudapi.cn", "vault.azure.cn"},
		{"login.microsoftonline.us", "vault.usgovcloudapi.net"},
	}
}

// Entra returns the applications, to add to.
func (c *Cloud) Entra() *entra.Directory { return c.directory }

// LabApp returns the application LabClientID with its client secret, which is made anew in each process.
func (c *Cloud) LabApp() entra.App { return c.labApp }

// IdentityHeader is the secret that proves to IdentityPath that a caller runs on this machine: IDENTITY_HEADER.
func (c *Cloud) IdentityHeader() string { return c.identityHeader }

// PutSecrets makes each value the newest version of its secret in the vault; vault and secrets are created where they do
// not exist. If one is refused, none is written.
func (c *Cloud) PutSecrets(vault string, secrets ...keyvault.Secret) error {
	return c.vaults.Put(vault, c.clock(), secrets...)
}

// DeleteSecrets deletes secrets; names that do not exist are passed over.
func (c *Cloud) DeleteSecrets(vault string, names ...string) { c.vaults.Delete(vault, names...) }

// Secrets lists a vault's secrets by name, without values.
func (c *Cloud) Secrets(vault string) []keyvault.Listed { return c.vaults.List(vault) }

// ExpireTokens ends all access tokens now.
func (c *Cloud) ExpireTokens() { c.directory.ExpireTokens() }

var _ http.Handler = (*Cloud)(nil)

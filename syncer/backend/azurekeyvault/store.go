package azurekeyvault

import (
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

var errNoMethod = &driver.Error{
	Kind: driver.Invalid, Problem: "the store names a client id, but not how to log in as it",
	Hint: "log in by ServicePrincipal, WorkloadIdentity or ManagedIdentity",
}

// reaches refuses a Store whose vault is not of the installation's cloud: a server there would learn the token.
func (d *Driver) reaches(store plan.Store) error {
	if store.Address == "" || store.Address == d.cloud.Suffix {
		return nil
	}
	return &driver.Error{
		Kind: driver.Denied, Problem: "this installation reads vaults of " + d.cloud.Suffix + ", and none of " + driver.Word(store.Address),
		Hint: "name a vault of " + d.cloud.Suffix + "; another cloud is up to the syncer's AZURE_ENVIRONMENT and AZURE_KEY_VAULT_DNS_SUFFIX",
	}
}

// ofStore is the login that a Store says. Two that differ in anything never share one: neither is a token of one used for the other, nor
// what a vault said to the other.
func (d *Driver) ofStore(store plan.Store) (*vaults, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, _ := d.stores.Get(store)
	if by, ok := known.(*vaults); ok {
		return by, nil
	}
	tokens, err := entra.Of(d.cloud, store, d.credentials, d.wire, d.timeout)
	if err != nil {
		return nil, err
	}
	by := d.vaultsBy(tokens, d.wire)
	d.stores.Add(store, by)
	return by, nil
}

// Forget implements driver.Forgetter. The tokens of the installation's own credentials stay.
func (d *Driver) Forget(store plan.Store) {
	if store.Credential.OfCluster() {
		d.stores.Remove(store)
	}
}

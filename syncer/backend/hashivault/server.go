package hashivault

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

var (
	errOwnElsewhere = &driver.Error{
		Kind:    driver.Denied,
		Problem: "the store names a server or a CA of its own, which the syncer's own credentials may not be sent to",
		Hint:    "refer to a Secret or a ServiceAccount in the store, or name neither an address nor a CA",
	}
	errNotInstalled = &driver.Error{
		Kind: driver.Invalid, Problem: "the syncer was given no credential of this name for Vault", Hint: "configure it at the syncer",
	}
	errCredential = &driver.Error{
		Kind: driver.Invalid, Problem: "the store refers to a credential of a kind that the syncer does not know",
		Hint: "refer to a Secret or a ServiceAccount",
	}
)

// servers are the addresses that Stores may name, of which there is one spelling each.
func (c Config) servers() ([]string, error) {
	vault, _ := backends.Of(backends.Vault)
	for _, address := range c.Servers {
		if problem := vault.Unusable(plan.Address, address); problem != "" || address == "" {
			return nil, fmt.Errorf("the list of Vault's servers has %q: %s", address, cmp.Or(problem, "an empty address"))
		}
	}
	return append(slices.Clone(c.Servers), strings.TrimSuffix(c.Address, "/")), nil
}

// at is where a Store is read, and who logs in there. A tenant may have written the Store. So it reaches only servers that the installation
// lists, and what the installation logs in with goes to the installation's own alone, past no CA but its own. What is refused is refused
// before anything is sent.
func (d *Driver) at(s plan.Store) (wire.Server, *login.Logins, error) {
	by, ofInstallation := d.own, true
	switch s.Credential.Kind {
	case plan.OwnCredential:
	case plan.InstalledCredential:
		var ok bool
		if by, ok = d.others[s.Credential.Name]; !ok {
			return wire.Server{}, nil, errNotInstalled
		}
	case plan.SecretCredential, plan.AccountCredential:
		ofInstallation = false
	default:
		return wire.Server{}, nil, errCredential
	}
	switch {
	case ofInstallation && (s.Address != "" || s.CA != ""):
		return wire.Server{}, nil, errOwnElsewhere
	case s.Address == "":
		return wire.Server{Address: by.address, CA: s.CA, Namespace: cmp.Or(s.Namespace, d.namespace)}, by.logins, nil
	case !slices.Contains(d.servers, s.Address):
		return wire.Server{}, nil, unlisted(s.Address)
	}
	return wire.Server{Address: s.Address, CA: s.CA, Namespace: s.Namespace}, by.logins, nil
}

func unlisted(address string) error {
	return &driver.Error{
		Kind: driver.Denied, Problem: driver.Word(address) + " is not among the servers of Vault that this installation permits",
		Hint: "name a permitted one, or have it added to --vault-servers",
	}
}

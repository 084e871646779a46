package hashivault

import (
	"cmp"
	"fmt"
	"net/url"
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
		Problem: "the store names a server, a server name or a CA of its own, which the syncer's own credentials may not be sent to",
		Hint: "refer to a Secret or a ServiceAccount in the store, or name neither, and no address but the syncer's own (VAULT_ADDR), " +
			"in lower case and without a slash at the end",
	}
	errNotInstalled = &driver.Error{
		Kind: driver.Invalid, Problem: "the syncer was given no credential of this name for Vault", Hint: "configure it at the syncer",
	}
	errCredential = &driver.Error{
		Kind: driver.Invalid, Problem: "the store refers to a credential of a kind that the syncer does not know",
		Hint: "refer to a Secret or a ServiceAccount",
	}
	errLogin = &driver.Error{
		Kind: driver.Invalid, Problem: "the store says of its login what has no meaning for Vault", Hint: "remove that from the store",
	}
	errServerName = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a server's certificate by what is no name",
		Hint: "write a host name in lower case, such as vault.example.com, or an address",
	}
	errNamespace = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a namespace of Vault that none can have",
		Hint: "write it as in team/a: without slashes at its ends, dots as a segment, and characters that a URL gives a meaning",
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
	return append(slices.Clone(c.Servers), canonical(c.Address)), nil
}

// canonical is an address of the installation's as Stores spell it. One that no Store can name, such as one with a path, stays as it is.
func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return address
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// at is where a Store is read, and who logs in there. A tenant may have written the Store. So it reaches only servers that the installation
// lists, and what the installation logs in with goes to the installation's own alone, past no CA but its own, by no other name. What is
// refused is refused before anything is sent.
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
	server := wire.Server{Address: s.Address, Name: s.ServerName, CA: s.CA, CAFrom: s.Login.CAFrom, Namespace: s.Namespace}
	switch {
	case ofInstallation && (trusts(s) || s.Address != "" && s.Address != canonical(by.address)):
		return wire.Server{}, nil, errOwnElsewhere
	case s.Address == "" || ofInstallation:
		server.Address, server.Namespace = by.address, cmp.Or(s.Namespace, d.namespace)
	case !slices.Contains(d.servers, s.Address):
		return wire.Server{}, nil, unlisted(s.Address)
	}
	return server, by.logins, malformed(s)
}

// trusts reports whether a Store says itself by what its server is to be known.
func trusts(s plan.Store) bool {
	return s.CA != "" || s.ServerName != "" || s.Login.CAFrom != plan.Credential{}
}

// malformed is the error of a Store that says what Vault's logins do not know, or a name that could be taken for another one. To
// ignore that would be to read as another identity, or elsewhere, than its author meant and policy has judged.
func malformed(s plan.Store) error {
	known := plan.Login{CAFrom: s.Login.CAFrom, Namespace: s.Login.Namespace, Root: s.Login.Root, Identifier: s.Login.Identifier}
	if s.Login != known || s.Login.Root && s.Login.Namespace != "" {
		return errLogin
	}
	if s.ServerName != "" && plan.ServerName(s.ServerName) != "" {
		return errServerName
	}
	vault, _ := backends.Of(backends.Vault)
	if vault.Unusable(plan.Namespace, s.Namespace) != "" || vault.Unusable(plan.Namespace, s.Login.Namespace) != "" {
		return errNamespace
	}
	return nil
}

func unlisted(address string) error {
	return &driver.Error{
		Kind: driver.Denied, Problem: driver.Word(address) + " is not among the servers of Vault that this installation permits",
		Hint: "name a permitted one, or have it added to --vault-servers",
	}
}

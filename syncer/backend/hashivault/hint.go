package hashivault

import (
	"crypto/x509"
	"errors"
	"strings"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, of plan.Source) string {
	_, noLogin := errors.AsType[*login.Error](err)
	_, nowhere := errors.AsType[*pathError](err)
	switch kind := d.Classify(err); {
	case kind == driver.NotFound && of.Version != "":
		return "check the path, and that Vault still keeps the version (max_versions)"
	case kind == driver.NotFound, nowhere:
		return "check the path: with {engine 2} it is <mount>/data/<name>, and <mount>/<name> with {engine 1}"
	case kind == driver.Denied && noLogin:
		return "create the role, or let it accept " + account(of.Credential) + " (bound_service_account_names and _namespaces)"
	case kind == driver.Denied:
		return "give " + driver.TermIdentity + " a policy with " + capabilities(of.Read)
	case kind == driver.Unauthenticated:
		return checkLogin(err, of.Store)
	case wire.Says(err, "Vault is sealed"):
		return "unseal Vault: it is tried again"
	case wire.Untrusted(err):
		return trust(err, of.Store)
	}
	return ""
}

// account is whose role Vault's Kubernetes auth method would give.
func account(c plan.Credential) string {
	if c.Kind == plan.OwnCredential {
		return "the syncer's ServiceAccount"
	}
	return driver.Proof(c)
}

// capabilities are those that a read takes.
func capabilities(read plan.Read) string {
	if !read.Path {
		return "the capability read on the path"
	}
	w, err := newWalk(read)
	if err != nil {
		return "the capabilities list and read below the path"
	}
	below := strings.TrimSuffix("/"+w.folder, "/") + "/*"
	switch {
	case w.lists == w.data:
		return "the capabilities list and read on " + w.data + below
	case read.Tags != "":
		return "the capabilities list and read on " + w.lists + below + ", and read on " + w.data + below
	}
	return "the capability list on " + w.lists + below + ", and read on " + w.data + below
}

// trust is what to do about a server's certificate that is not to be trusted for a Store; empty: what one does about the network.
func trust(err error, s plan.Store) string {
	if _, other := errors.AsType[x509.HostnameError](err); other {
		if s.ServerName != "" {
			return "write a name that the server's certificate has into the store, or give it a certificate with this one"
		}
		return "name the server as its certificate does, or give it a certificate with this name"
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		return ""
	}
	switch {
	case s.CA != "":
		return "write the CA of the server into the store"
	case s.Login.CAFrom != plan.Credential{}:
		return "write the CA of the server into " + wire.CAIn(s.Login.CAFrom)
	case s.Credential.OfCluster():
		return "name the CA of the server in the store"
	}
	return "have the syncer trust the CA of the server (VAULT_CACERT)"
}

// checkLogin is for credentials that Vault does not accept; empty: what one does about others than the syncer's.
func checkLogin(err error, s plan.Store) string {
	switch {
	case s.Method == backends.VaultToken:
		return "write a token that Vault accepts into Secret " + named(s.Credential) + ": tokens expire, and Secretgate renews none of a Secret's"
	case s.Method == backends.VaultAppRole && wire.Says(err, "permission denied"):
		return "check that Vault's AppRole auth method is at this mount; " +
			"if so, too many wrong secret ids have locked the role, usually for 15 minutes"
	case s.Method == backends.VaultAppRole && s.Login.Identifier != plan.Credential{}:
		return "check the secret id in Secret " + named(s.Credential) + " and the role id in Secret " + named(s.Login.Identifier)
	case s.Credential.Kind == plan.AccountCredential:
		return "check that Vault's auth method is at this mount and accepts tokens of " + driver.Proof(s.Credential)
	case s.Credential.Kind != plan.OwnCredential:
		return ""
	case s.Role == "":
		return "check VAULT_ROLE_ID and VAULT_SECRET_ID, and that Vault's AppRole auth method is enabled"
	}
	return "check that Vault's Kubernetes auth method is at this mount and accepts the syncer's service-account token (VAULT_JWT_PATH)"
}

func named(c plan.Credential) string { return driver.Word(c.Namespace) + "/" + driver.Word(c.Name) }

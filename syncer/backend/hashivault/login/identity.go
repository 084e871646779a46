package login

import (
	"cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// appRoleDefault is where Vault mounts the AppRole auth method by itself.
const appRoleDefault = "approle"

// identity is who logs in where, and how, and where they read. Those who differ in nothing share a token.
type identity struct {
	server      wire.Server // with the namespace to log in to
	reads       string      // the namespace to read in
	method      string      // one of package backend's
	mount, role string      // without a role it is that of identifier, or the AppRole of the Config
	credential  plan.Credential
	identifier  plan.Credential
}

// identity is that of a Store. Without a method, a Store that names no role logs in by the AppRole of the Config, if there is one, at that
// one's mount: its own is of the Kubernetes auth method. A Store that refers to a credential never does.
func (l *Logins) identity(at wire.Server, s plan.Store) (identity, error) {
	id := identity{server: at, reads: at.Namespace, method: s.Method, mount: s.Mount, role: s.Role, identifier: s.Login.Identifier}
	if id.server.Namespace = cmp.Or(s.Login.Namespace, at.Namespace); s.Login.Root {
		id.server.Namespace = ""
	}
	if s.Credential.OfCluster() {
		id.credential = s.Credential
	}
	configured := id.credential == none && id.identifier == none && s.Role == "" && l.config.RoleID != ""
	if s.Method == "" {
		id.method = backend.VaultKubernetes
		if configured {
			id.method, id.mount = backend.VaultAppRole, ""
		}
	}
	switch id.method {
	case backend.VaultAppRole:
		if configured {
			id.mount = cmp.Or(id.mount, l.config.AppRoleMount, appRoleDefault)
			return id, nil
		}
		return id, appRoleOf(s)
	case backend.VaultToken:
		return id, tokenAlone(s)
	case backend.VaultKubernetes, backend.VaultJWT:
		return id, incomplete(s)
	}
	return id, errMethod
}

// none is no credential.
var none plan.Credential

// appRoleOf is the error of a Store that does not say which AppRole, or by what.
func appRoleOf(s plan.Store) error {
	id := s.Login.Identifier
	switch {
	case s.Credential.Kind != plan.SecretCredential:
		return errNoSecretID
	case id == none:
		return incomplete(s)
	case id.Kind != plan.SecretCredential:
		return errIdentifier
	case s.Role != "":
		return errTwoRoleIDs
	case s.Mount == "":
		return errIncomplete
	}
	return nil
}

// tokenAlone is the error of a Store that refers to no token, or to more.
func tokenAlone(s plan.Store) error {
	switch {
	case s.Credential.Kind != plan.SecretCredential:
		return errNoToken
	case s.Role != "", s.Mount != "", s.Login.Identifier != none:
		return errTokenAlone
	}
	return nil
}

// incomplete is the error of a Store that lacks a role or a mount.
func incomplete(s plan.Store) error {
	switch {
	case s.Login.Identifier != none:
		return errIdentifier
	case s.Role != "" && s.Mount != "":
		return nil
	case s.Method != "":
		return errIncomplete
	case s.Role == "" && s.Mount == "":
		return ErrNeither
	case s.Role == "":
		return ErrNoRole
	}
	return ErrNoMount
}

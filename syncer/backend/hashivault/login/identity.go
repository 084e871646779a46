package login

import (
	"cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// appRoleDefault is where Vault mounts the AppRole auth method by itself.
const appRoleDefault = "approle"

// identity is who logs in where, and how. Those who differ in nothing share a token.
type identity struct {
	server      wire.Server
	method      string // VaultKubernetes, VaultJWT or VaultAppRole
	mount, role string // without a role it is the AppRole of the Config
	credential  plan.Credential
}

// identity is that of a Store. Without a method, a Store that names no role logs in by the AppRole of the Config, if there is one, at that
// one's mount: its own is of the Kubernetes auth method. A Store that refers to a credential never does.
func (l *Logins) identity(at wire.Server, s plan.Store) (identity, error) {
	id := identity{server: at, method: s.Method, mount: s.Mount, role: s.Role}
	ofCluster := s.Credential.OfCluster()
	if ofCluster {
		id.credential = s.Credential
	}
	configured := !ofCluster && s.Role == "" && l.config.RoleID != ""
	if s.Method == "" {
		id.method = backend.VaultKubernetes
		if configured {
			id.method, id.mount = backend.VaultAppRole, ""
		}
	}
	switch {
	case id.method == backend.VaultAppRole && configured:
		id.mount = cmp.Or(id.mount, l.config.AppRoleMount, appRoleDefault)
		return id, nil
	case id.method == backend.VaultAppRole && s.Credential.Kind != plan.SecretCredential:
		return id, errNoSecretID
	case id.method != backend.VaultAppRole && id.method != backend.VaultKubernetes && id.method != backend.VaultJWT:
		return id, errMethod
	}
	return id, incomplete(s)
}

// incomplete is the error of a Store that lacks a role or a mount.
func incomplete(s plan.Store) error {
	switch {
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

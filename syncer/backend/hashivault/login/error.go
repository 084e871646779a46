package login

import (
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// Whoever sets up the syncer or its objects has forgotten something.
var (
	ErrNoRole = &driver.Error{
		Kind: driver.Invalid, Problem: "no Vault role is given",
		Advice: "set spec.vaultRole, or DEFAULT_VAULT_ROLE for webhook and syncer",
	}
	ErrNeither = &driver.Error{
		Kind: driver.Invalid, Problem: "no Vault role is given, and no mount of Vault's Kubernetes auth method",
		Advice: "set spec.vaultRole and spec.vaultMountPoint, or DEFAULT_VAULT_ROLE and DEFAULT_VAULT_MOUNT_POINT for webhook and syncer",
	}
	ErrNoMount = &driver.Error{
		Kind: driver.Invalid, Problem: "no mount of Vault's Kubernetes auth method is given",
		Advice: "set spec.vaultMountPoint, or DEFAULT_VAULT_MOUNT_POINT for webhook and syncer",
	}
	ErrNoJWT = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the service-account token cannot be read", Advice: "mount it where VAULT_JWT_PATH says",
	}
)

// Error says that no token could be had.
type Error struct{ Err error }

func (e *Error) Error() string { return "no login: " + wire.Explain(e.Err) }

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// Kind tells a role that is not for us from credentials that are not accepted.
func (e *Error) Kind() driver.Kind {
	switch kind := wire.Kind(e.Err); {
	case kind == driver.Unavailable, kind == driver.Throttled:
		return kind
	case wire.Says(e.Err, "not authorized", "invalid role name"):
		return driver.Denied
	}
	return driver.Unauthenticated
}

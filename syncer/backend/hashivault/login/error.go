package login

import (
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// The setup of the syncer or of its objects lacks something.
var (
	ErrNoRole = &driver.Error{
		Kind: driver.Invalid, Problem: "no Vault role is given",
		Hint: "set {role}, or DEFAULT_VAULT_ROLE for webhook and syncer",
	}
	ErrNeither = &driver.Error{
		Kind: driver.Invalid, Problem: "no Vault role is given, and no mount of Vault's Kubernetes auth method",
		Hint: "set {role} and {mount}, or DEFAULT_VAULT_ROLE and DEFAULT_VAULT_MOUNT_POINT for webhook and syncer",
	}
	ErrNoMount = &driver.Error{
		Kind: driver.Invalid, Problem: "no mount of Vault's Kubernetes auth method is given",
		Hint: "set {mount}, or DEFAULT_VAULT_MOUNT_POINT for webhook and syncer",
	}
	ErrNoJWT = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the service-account token cannot be read", Hint: "mount it where VAULT_JWT_PATH says",
	}
	errIncomplete = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names no role, or no mount of Vault's auth method", Hint: "name both in the store",
	}
	errMethod = &driver.Error{
		Kind: driver.Invalid, Problem: "the store logs in by a method that the syncer does not know",
		Hint: "log in by kubernetes, jwt, appRole or token",
	}
	errNoSecretID = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names no Secret with the secret id of its AppRole", Hint: "refer to that Secret in the store",
	}
	errIdentifier = &driver.Error{
		Kind: driver.Invalid, Problem: "the store refers to a role id that is not of an AppRole, or in no Secret",
		Hint: "keep the role id of an AppRole in a Secret",
	}
	errTwoRoleIDs = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a role id, and a Secret with another one", Hint: "remove one of them",
	}
	errNoToken = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names no Secret with the token to read with", Hint: "refer to that Secret in the store",
	}
	errTokenAlone = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a role or a mount beside a token, which needs neither",
		Hint: "refer to the token alone",
	}
	errTokenForm = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "what the Secret holds is no token of Vault's, which has neither spaces nor lines",
		Hint: "write the token there, and nothing else",
	}
)

// Error says that no token could be had.
type Error struct {
	Err error
	// Namespace is that of the login, where reads are in another one.
	Namespace string
}

func (e *Error) Error() string {
	if e.Namespace != "" {
		return "no login in namespace " + driver.Word(e.Namespace) + ": " + wire.Explain(e.Err)
	}
	return "no login: " + wire.Explain(e.Err)
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// Kind distinguishes a role that is not for us from credentials that are not accepted.
func (e *Error) Kind() driver.Kind {
	switch kind := wire.Kind(e.Err); {
	case kind == driver.Unavailable, kind == driver.Throttled:
		return kind
	case wire.Says(e.Err, "not authorized", "invalid role name"):
		return driver.Denied
	}
	return driver.Unauthenticated
}

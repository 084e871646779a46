package driver

import (
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
)

// CheckStore refuses a Store that says how its server is reached or logged in to, for a driver which has one server and a way of its own.
// To ignore that would be to read elsewhere, or as another identity, than its author meant and policy has judged. known are the kinds of
// credentials that the driver can log in with beside the syncer's own. A driver that makes use of more calls it with a Store without that.
// The error is an *Error of kind Invalid.
func CheckStore(store plan.Store, known ...plan.CredentialKind) error {
	var foreign []string
	for _, part := range append([]part{
		{"an address", store.Address != ""},
		{"a server name", store.ServerName != ""},
		{"a CA", store.CA != ""},
		{"a namespace", store.Namespace != ""},
		{"a login method", store.Method != ""},
		{"a credential", store.Credential.Kind != plan.OwnCredential && !slices.Contains(known, store.Credential.Kind)},
		{"a tenant", store.Tenant != plan.Tenant{}},
	}, loginParts(store.Login)...) {
		if part.given {
			foreign = append(foreign, part.name)
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return &Error{
		Kind: Invalid, Problem: "the store has " + strings.Join(foreign, " and ") + " of its own, with which the syncer cannot read this backend",
		Hint: "leave that to the installation",
	}
}

// part is one part of a Store, and whether it has that.
type part struct {
	name  string
	given bool
}

// loginParts are all parts of a Login.
func loginParts(login plan.Login) []part {
	none := plan.Credential{}
	return []part{
		{"a CA", login.CAFrom != none},
		{"a namespace to log in to", login.Namespace != ""},
		{"a login at the root", login.Root},
		{"a directory", login.Directory != ""},
		{"an annotation with a role", login.RoleFrom != none},
		{"a role of its ServiceAccount", login.Account != ""},
		{"an identifier", login.Identifier != none},
		{"a session token", login.Session != none},
		{"a chain of roles", login.Chain != ""},
		{"an external id", login.ExternalID != ""},
		{"session tags", login.Tags != ""},
		{"transitive tags", login.Transitive != ""},
	}
}

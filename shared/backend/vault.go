package backend

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// Vault is HashiCorp's.
const Vault plan.Backend = "vault"

// The methods of a login to Vault, which a Store names. Without one, a role means VaultKubernetes, and no role an AppRole of the syncer's.
const (
	VaultKubernetes = "kubernetes" // Role and a token of a ServiceAccount, which Vault has the API server review
	VaultJWT        = "jwt"        // Role and a token, whose signature Vault verifies
	VaultAppRole    = "appRole"    // Role or Login.Identifier is the role id, and the credential the secret id
	VaultToken      = "token"      // the credential is a token of Vault's itself, which has neither a role nor a mount
)

var vault = Backend{
	Name: Vault,
	Key:  vaultKey,
	Store: map[plan.Aspect]plan.Rule{
		plan.Role: plan.PlainText, plan.Mount: plan.Path, plan.Namespace: plan.Path, plan.Address: server, plan.Account: plan.ObjectName,
	},
	Nouns: map[plan.Aspect]string{plan.Role: "role", plan.Mount: "mount", plan.Namespace: "namespace"},
	Limits: []Limit{
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Demand: names.AnnotationRequireRole},
		{Aspect: plan.Mount, Annotation: names.AnnotationPermittedVaultMount},
		{Aspect: plan.Address, Annotation: names.AnnotationPermittedVaultServer, Chosen: true},
		{Aspect: plan.Namespace, Annotation: names.AnnotationPermittedVaultNamespace, Chosen: true},
		account,
	},
	Finds:   true,
	Folders: true,
	Read: func(r plan.Read) plan.Read {
		read := bare(r)
		read.EngineVersion = cmp.Or(r.EngineVersion, 2)
		read.Optional = r.Optional
		if r.Path {
			read.EngineMount, read.Tags = r.EngineMount, r.Tags
		} else {
			read.Version = r.Version
		}
		return read
	},
}

// vaultKey is for logical paths that are read, which become part of a URL's path. Vault's own paths hold what belongs to the syncer:
// auth/token/lookup-self answers its token, identity/oidc/token/… one in its name. A secrets engine
// cannot be mounted there.
func vaultKey(value string) string {
	segments := strings.Split(value, "/")
	switch first := segments[0]; first {
	case "auth", "cubbyhole", "identity", "sys":
		return "must not start with " + first + "/, where Vault keeps what belongs to the syncer: write secret/data/name"
	}
	if syncersInNamespace(segments) {
		return "must not end like a path of Vault that answers a token of the syncer: give the secret another name"
	}
	return plan.Path(value)
}

// syncersInNamespace finds paths that return a token of the syncer in a namespace of Vault Enterprise. The namespace's name comes first:
// ns1/auth/token/lookup-self. Its other own paths cannot be distinguished from those of a secrets engine: the first segments of
// secret/auth/github may be a namespace or a mount. They hold nothing of the syncer's; Vault's policies protect them.
func syncersInNamespace(segments []string) bool {
	n := len(segments)
	return n > 3 && slices.Equal(segments[n-3:], []string{"auth", "token", "lookup-self"}) ||
		n > 4 && slices.Equal(segments[n-4:n-1], []string{"identity", "oidc", "token"})
}

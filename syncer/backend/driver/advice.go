package driver

import "github.com/secretgate/secretgate/shared/plan"

// Who stands in advice for the identity that reads, which package backend puts in its place.
const Who = "{who}"

// Proof names what a login proves itself by.
func Proof(c plan.Credential) string {
	switch c.Kind {
	case plan.SecretCredential:
		return "the credential in Secret " + c.Namespace + "/" + c.Name
	case plan.AccountCredential:
		return "ServiceAccount " + c.Namespace + "/" + c.Name
	case plan.InstalledCredential:
		return "the syncer's credential " + c.Name
	}
	return "the syncer's own identity"
}

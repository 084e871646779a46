package driver

import "github.com/secretgate/secretgate/shared/plan"

// TermIdentity stands for the identity that reads. Package backend replaces it in hints.
const TermIdentity = "{identity}"

// Proof names the credential that a login uses.
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

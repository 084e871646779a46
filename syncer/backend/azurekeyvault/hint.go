package azurekeyvault

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, of plan.Source) string {
	switch d.Classify(err) {
	case driver.NotFound:
		if of.Object != "" {
			return "check {container}, the object's name and its version"
		}
		return "check {container}, the secret's name, and the version after the slash"
	case driver.Denied:
		return denialHint(innerCode(err), rightsOf(of.Read))
	case driver.Unauthenticated:
		return loginHint(of.Store)
	default:
		return ""
	}
}

// rights are what a read takes: a role, and a permission of an access policy.
type rights struct{ role, permission string }

// rightsOf are those of https://learn.microsoft.com/azure/key-vault/general/rbac-guide.
func rightsOf(read plan.Read) rights {
	switch {
	case read.Path:
		return rights{"Key Vault Secrets User", "secrets/list and secrets/get"}
	case read.Object == backend.AzureCertificateObject:
		return rights{"Key Vault Certificate User", "certificates/get"}
	case read.Object == backend.AzureKeyObject:
		return rights{"Key Vault Crypto User", "keys/get"}
	}
	return rights{"Key Vault Secrets User", "secrets/get"}
}

// denialHint is what to do about a 403, by Key Vault's inner code, which alone says what it denies:
// https://learn.microsoft.com/azure/key-vault/general/common-error-codes.
func denialHint(code string, wanted rights) string {
	switch code {
	case "SecretDisabled":
		return "enable the secret, or name a version that is enabled"
	case "ForbiddenByRbac":
		return "give " + driver.TermIdentity + " the role " + wanted.role + " on the vault"
	case "AccessDenied":
		return "give " + driver.TermIdentity + " " + wanted.permission + " in the access policy of the vault"
	case "ForbiddenByFirewall":
		return "let the syncer's address through the vault's firewall"
	case "ForbiddenByConnection":
		return "let the syncer reach the vault by an approved private endpoint, or enable the public access to the vault for its address"
	default:
		return "give " + driver.TermIdentity + " the role " + wanted.role + " on the vault, or " + wanted.permission + " in its access policy; " +
			"where it says that the address is not authorized, let it through the vault's firewall"
	}
}

// loginHint is for a login that Entra ID does not accept.
func loginHint(s plan.Store) string {
	switch {
	case s.Credential.Kind == plan.SecretCredential:
		return "check the tenant, the client id and " + driver.Proof(s.Credential)
	case s.Credential.Kind == plan.AccountCredential:
		return "check the tenant and the client id, and that the identity has a federated credential for " + driver.Proof(s.Credential) +
			" with the subject system:serviceaccount:" + driver.Word(s.Credential.Namespace) + ":" + driver.Word(s.Credential.Name)
	case s.Method == backend.AzureManagedIdentity:
		return "assign the managed identity to the nodes of the syncer"
	case s.Method == backend.AzureWorkloadIdentity:
		return "give the syncer a workload identity: AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID"
	}
	return "give the syncer Azure credentials: workload identity (AZURE_FEDERATED_TOKEN_FILE), a managed identity, " +
		"or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
}

func innerCode(err error) string {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return sayingOf(answer).Inner.Code
	}
	return ""
}

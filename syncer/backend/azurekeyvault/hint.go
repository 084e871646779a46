package azurekeyvault

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, _ plan.Source) string {
	switch d.Classify(err) {
	case driver.NotFound:
		return "check {container}, the secret's name, and the version after the slash"
	case driver.Denied:
		return denialHint(innerCode(err))
	case driver.Unauthenticated:
		return "give the syncer Azure credentials: workload identity (AZURE_FEDERATED_TOKEN_FILE), a managed identity, " +
			"or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
	default:
		return ""
	}
}

// denialHint is what to do about a 403, by Key Vault's inner code, which alone says what it denies:
// https://learn.microsoft.com/azure/key-vault/general/common-error-codes.
func denialHint(code string) string {
	switch code {
	case "SecretDisabled":
		return "enable the secret, or name a version that is enabled"
	case "ForbiddenByRbac":
		return "give " + driver.TermIdentity + " the role Key Vault Secrets User on the vault"
	case "AccessDenied":
		return "give " + driver.TermIdentity + " secrets/get in the access policy of the vault"
	case "ForbiddenByFirewall":
		return "let the syncer's address through the vault's firewall"
	case "ForbiddenByConnection":
		return "let the syncer reach the vault by an approved private endpoint, or enable the public access to the vault for its address"
	default:
		return "give " + driver.TermIdentity + " the role Key Vault Secrets User on the vault, or secrets/get in its access policy; " +
			"where it says that the address is not authorized, let it through the vault's firewall"
	}
}

func innerCode(err error) string {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return sayingOf(answer).Inner.Code
	}
	return ""
}

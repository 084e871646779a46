package azurekeyvault

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Credentials are given instead of found. A managed identity goes first, then a service principal.
type Credentials struct {
	// ManagedClientID and ManagedResourceID name a managed identity, one way or the other; the former goes first.
	ManagedClientID, ManagedResourceID string
	// TenantID, ClientID and ClientSecret are a service principal's.
	TenantID, ClientID, ClientSecret string
}

// opener makes the credential that was given or, where none was, the one that the environment offers.
func (c Credentials) opener(where azureCloud) func(*http.Client) (azcore.TokenCredential, error) {
	if c.ManagedClientID == "" && c.ManagedResourceID == "" && c.ClientSecret == "" {
		return where.credential
	}
	return func(client *http.Client) (azcore.TokenCredential, error) {
		options := azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: where.authority},
			Transport: client,
			Retry:     noRetries(),
		}
		managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		switch {
		case c.ManagedClientID != "":
			managed.ID = azidentity.ClientID(c.ManagedClientID)
		case c.ManagedResourceID != "":
			managed.ID = azidentity.ResourceID(c.ManagedResourceID)
		default:
			return azidentity.NewClientSecretCredential(c.TenantID, c.ClientID, c.ClientSecret,
				&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: where.private})
		}
		credential, err := azidentity.NewManagedIdentityCredential(managed)
		return uncached{credential}, err
	}
}

package entra

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Credentials are given instead of found. A managed identity goes first, then a service principal. The zero value: what the
// environment offers.
type Credentials struct {
	// ManagedClientID and ManagedResourceID name a managed identity, one way or the other; the former goes first.
	ManagedClientID, ManagedResourceID string
	// TenantID, ClientID and ClientSecret are a service principal's.
	TenantID, ClientID, ClientSecret string
}

// open makes the credential that was given or, where none was, that of the environment.
func (c Credentials) open(where Cloud, client *http.Client) (azcore.TokenCredential, error) {
	switch {
	case c.ManagedClientID != "":
		return managedIdentity(where.options(client), c.ManagedClientID)
	case c.ManagedResourceID != "":
		credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
			ClientOptions: where.options(client), ID: azidentity.ResourceID(c.ManagedResourceID),
		})
		return uncached{credential}, err
	case c.ClientSecret != "":
		return azidentity.NewClientSecretCredential(c.TenantID, c.ClientID, c.ClientSecret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: where.options(client), DisableInstanceDiscovery: where.Private, AdditionallyAllowedTenants: moreTenants(),
		})
	}
	return where.credential(client)
}

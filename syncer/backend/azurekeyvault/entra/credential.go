package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// credential is the first that the environment offers, in the order of the SDK's DefaultAzureCredential: a client secret or
// certificate, workload identity, managed identity. Unlike there, one that is set up by half is an error and does not
// give way to the next, and no program of a developer's is started. It makes no calls, and keeps no token.
func (c Cloud) credential(client *http.Client) (azcore.TokenCredential, error) {
	options := c.options(client)
	switch {
	case os.Getenv("AZURE_CLIENT_SECRET") != "", os.Getenv("AZURE_CLIENT_CERTIFICATE_PATH") != "":
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: c.Private,
		})
	case os.Getenv("AZURE_FEDERATED_TOKEN_FILE") != "":
		return c.workloadIdentity(options, "", "", moreTenants())
	}
	return managedIdentity(options, os.Getenv("AZURE_CLIENT_ID"))
}

func (c Cloud) options(client *http.Client) azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: c.Authority},
		Transport: client,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // the caller retries
	}
}

// workloadIdentity is that of the pod, whose tenant and client id are those of the environment unless they are given. It reads the token's
// file each time: kubelet replaces it. The SDK's own credential keeps it for 10 minutes.
func (c Cloud) workloadIdentity(options azcore.ClientOptions, tenant, id string, more []string) (azcore.TokenCredential, error) {
	tenant, id = cmp.Or(tenant, os.Getenv("AZURE_TENANT_ID")), cmp.Or(id, os.Getenv("AZURE_CLIENT_ID"))
	file := os.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	switch {
	case file == "":
		return nil, errors.New("AZURE_FEDERATED_TOKEN_FILE is not set: the syncer has no workload identity")
	case tenant == "", id == "":
		return nil, errors.New("AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_TENANT_ID or AZURE_CLIENT_ID is not")
	}
	token, err := os.ReadFile(file) //nolint:gosec // the syncer's operator names the file
	if err != nil {
		return nil, fmt.Errorf("the federated token cannot be read: %w", err)
	}
	return c.assertion(options, tenant, id, strings.TrimSpace(string(token)), more)
}

// assertion proves a client by a token of another issuer, here a cluster's.
func (c Cloud) assertion(options azcore.ClientOptions, tenant, id, token string, more []string) (azcore.TokenCredential, error) {
	given := func(context.Context) (string, error) { return token, nil }
	return azidentity.NewClientAssertionCredential(tenant, id, given, &azidentity.ClientAssertionCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: c.Private, AdditionallyAllowedTenants: more,
	})
}

// moreTenants are those beside AZURE_TENANT_ID whose vaults may be read.
func moreTenants() []string {
	return strings.FieldsFunc(os.Getenv("AZURE_ADDITIONALLY_ALLOWED_TENANTS"), func(r rune) bool { return r == ';' })
}

// managedIdentity is the user-assigned one of a client id; empty: the one that the system assigned.
func managedIdentity(options azcore.ClientOptions, id string) (azcore.TokenCredential, error) {
	asked := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id != "" {
		asked.ID = azidentity.ClientID(id)
	}
	credential, err := azidentity.NewManagedIdentityCredential(asked)
	return uncached{credential}, err
}

// uncached passes by the SDK's cache of managed identities' tokens, which is the process's and gives out one that Key
// Vault has refused again and again. Claims make the SDK ask; the endpoint is not sent them.
type uncached struct{ azcore.TokenCredential }

func (u uncached) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if options.Claims == "" {
		options.Claims = "{}"
	}
	return u.TokenCredential.GetToken(ctx, options)
}

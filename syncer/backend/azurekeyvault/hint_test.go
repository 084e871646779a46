package azurekeyvault

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestWhatUsersAreTold(t *testing.T) {
	const missing = "; check {container}, the secret's name, and the version after the slash"
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	denied := func(inner string) error { // the message is no help: Azure words and translates it as it likes
		return answered(http.StatusForbidden, fmt.Sprintf(`{"error":{"code":"Forbidden","message":"m","innererror":{"code":%q}}}`, inner))
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"a secret that is not there": {
			answered(http.StatusNotFound, `{"error":{"code":"SecretNotFound","message":"m"}}`), "not found: SecretNotFound: m" + missing,
		},
		"a vault that is not there": {&net.DNSError{Name: "kv.vault.azure.net", IsNotFound: true}, "not found: no Key Vault has this name" + missing},
		"a secret that is disabled": {
			denied("SecretDisabled"), "access denied: Forbidden: m; enable the secret, or name a version that is enabled",
		},
		"an identity without a role": {
			denied("ForbiddenByRbac"), "access denied: Forbidden: m; give the syncer's own identity the role Key Vault Secrets User on the vault",
		},
		"an identity that the access policy does not name": {
			denied("AccessDenied"), "access denied: Forbidden: m; give the syncer's own identity secrets/get in the access policy of the vault",
		},
		"an address that the firewall stops": {
			denied("ForbiddenByFirewall"), "access denied: Forbidden: m; let the syncer's address through the vault's firewall",
		},
		"a vault without public access": {
			denied("ForbiddenByConnection"), "access denied: Forbidden: m; let the syncer reach the vault by an approved private endpoint, " +
				"or enable the public access to the vault for its address",
		},
		"a denial that says no more": {
			answered(http.StatusForbidden, `{"error":{"code":"Forbidden","message":"m"}}`), "access denied: Forbidden: m; " +
				"give the syncer's own identity the role Key Vault Secrets User on the vault, or secrets/get in its access policy; " +
				"where it says that the address is not authorized, let it through the vault's firewall",
		},
		"a page of a proxy": {
			answered(http.StatusForbidden, `<html>SecretDisabled</html>`), "access denied: HTTP status 403 without an answer of Key Vault's; " +
				"give the syncer's own identity the role Key Vault Secrets User on the vault, or secrets/get in its access policy; " +
				"where it says that the address is not authorized, let it through the vault's firewall",
		},
		"credentials that Entra ID refuses": {
			&driver.Error{Kind: driver.Unauthenticated, Problem: "no login: invalid_client"}, "not authenticated: no login: invalid_client; " +
				"give the syncer Azure credentials: workload identity (AZURE_FEDERATED_TOKEN_FILE), a managed identity, " +
				"or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
		},
		"an outage": {
			answered(http.StatusServiceUnavailable, `{"error":{"code":"ServiceUnavailable","message":"m"}}`), "unavailable: ServiceUnavailable: m; " +
				"it is tried again: check the backend's health, and the network and proxy on the way, if this goes on",
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := plan.Source{Store: plan.Store{Backend: backends.AzureKeyVault, Container: "kv"}, Read: plan.Read{Key: "db"}}
			want := `cannot read key "db" from azureKeyVault in vault kv: ` + test.want
			if diff := cmp.Diff(want, backendtest.Message(t, d, source, test.err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

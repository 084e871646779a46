package azurekeyvault

import (
	"fmt"
	"net"
	"net/http"
	"strings"
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

func TestWhatUsersOfStoresAreTold(t *testing.T) {
	const id, refused = "5ec4e79a-0000-4000-8000-000000000001", "not authenticated: no login: invalid_client; "
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	noLogin := &driver.Error{Kind: driver.Unauthenticated, Problem: "no login: invalid_client"}
	denied := answered(http.StatusForbidden, `{"error":{"code":"Forbidden","message":"m","innererror":{"code":"AccessDenied"}}}`)
	secret := plan.Credential{Kind: plan.SecretCredential, Namespace: "team", Name: "login", Key: "id"}
	account := plan.Credential{Kind: plan.AccountCredential, Namespace: "team", Name: "reader"}
	for name, test := range map[string]struct {
		store plan.Store
		read  plan.Read
		err   error
		want  string // what follows the read and the identity
	}{
		"a client secret": {
			plan.Store{Method: backends.AzureServicePrincipal, Role: id, Credential: secret}, plan.Read{Key: "db"}, noLogin,
			" as " + id + ": " + refused + "check the tenant, the client id and the credential in Secret team/login",
		},
		"a ServiceAccount": {
			plan.Store{Method: backends.AzureWorkloadIdentity, Role: id, Credential: account}, plan.Read{Key: "db"}, noLogin,
			" as " + id + ": " + refused + "check the tenant and the client id, and that the identity has a federated credential for " +
				"ServiceAccount team/reader with the subject system:serviceaccount:team:reader",
		},
		"a managed identity": {
			plan.Store{Method: backends.AzureManagedIdentity}, plan.Read{Key: "db"}, noLogin,
			": " + refused + "assign the managed identity to the nodes of the syncer",
		},
		"the syncer's workload identity": {
			plan.Store{Method: backends.AzureWorkloadIdentity}, plan.Read{Key: "db"}, noLogin,
			": " + refused + "give the syncer a workload identity: AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID",
		},
		"a certificate without a right": {
			plan.Store{}, plan.Read{Key: "cert/db", Object: "cert"}, denied,
			": access denied: Forbidden: m; give the syncer's own identity certificates/get in the access policy of the vault",
		},
		"a list without a right": {
			plan.Store{}, plan.Read{Key: "db", Path: true}, denied,
			": access denied: Forbidden: m; give the syncer's own identity secrets/list and secrets/get in the access policy of the vault",
		},
		"a key that is not there": {
			plan.Store{}, plan.Read{Key: "key/db", Object: "key"}, answered(http.StatusNotFound, `{"error":{"code":"KeyNotFound","message":"m"}}`),
			": not found: KeyNotFound: m; check {container}, the object's name and its version",
		},
		"one of a search that was deleted meanwhile": {
			plan.Store{}, plan.Read{Key: "db", Path: true},
			&driver.ItemError{Name: "db-1", Err: answered(http.StatusNotFound, `{"error":{"code":"SecretNotFound","message":"m"}}`)},
			": unavailable: db-1: SecretNotFound: m; it is tried again: check the backend's health, and the network and proxy on the way, if this goes on",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.store.Backend, test.store.Container = backends.AzureKeyVault, "kv"
			got := backendtest.Message(t, d, plan.Source{Store: test.store, Read: test.read}, test.err)
			_, rest, _ := strings.Cut(got, " from azureKeyVault in vault kv")
			if diff := cmp.Diff(test.want, rest); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

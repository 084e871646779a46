package integration

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/gateway"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// azureLab is an emulated Azure of a test's own, and the environment that leads the SDK to it and its application.
type azureLab struct {
	*clouds.Server
	url string
	ca  *authority.Authority
}

// azureCredentials are the names of the variables that lead to a credential.
func azureCredentials() []string {
	return []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"AZURE_ADDITIONALLY_ALLOWED_TENANTS", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
	}
}

func startAzure(t *testing.T) *azureLab {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	l := &azureLab{Server: clouds.New(clouds.Options{}), ca: ca}
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.url = server.URL
	for _, name := range append([]string{"HTTP_PROXY", "NO_PROXY"}, azureCredentials()...) {
		t.Setenv(name, "")
	}
	app := l.Azure().LabApp()
	t.Setenv("AZURE_TENANT_ID", app.Tenant)
	t.Setenv("AZURE_CLIENT_ID", app.ClientID)
	t.Setenv("AZURE_CLIENT_SECRET", app.Secret)
	return l
}

// driver makes a driver for whom Azure's host names lead to a URL.
func (l *azureLab) driver(t *testing.T, url string, config azurekeyvault.Config) driver.Driver {
	t.Helper()
	proxy := httptest.NewServer(&gateway.Gateway{Authority: l.ca, Hosts: azure.Hosts(), Upstream: strings.TrimPrefix(url, "http://")})
	t.Cleanup(proxy.Close)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	config.ExtraCACerts = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(config.ExtraCACerts, l.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := azurekeyvault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (l *azureLab) put(t *testing.T, vault string, secret keyvault.Secret) {
	t.Helper()
	if err := l.Azure().PutSecrets(vault, secret); err != nil {
		t.Fatal(err)
	}
}

// app replaces the application of the environment by one that may do this.
func (l *azureLab) app(t *testing.T, may permission.Set) {
	t.Helper()
	app := l.Azure().LabApp()
	app.Permissions = may
	if _, err := l.Azure().Entra().PutApp(app); err != nil {
		t.Fatal(err)
	}
}

func azureStore(vault string) plan.Store {
	return plan.Store{Backend: backends.AzureKeyVault, Container: vault}
}

// azureKeyOf is a name that only the identity of one store may read. Names have no slashes.
func azureKeyOf(store int, name string) string {
	return fmt.Sprintf("team%d-%s", store, strings.ReplaceAll(name, "/", "--"))
}

func (l *azureLab) fault(name string, f fault.Fault, want driver.Kind) backendtest.Fault {
	return backendtest.Fault{Name: name, Want: want, Begin: func(t *testing.T) func() {
		if _, err := l.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
		return l.Faults().Clear
	}}
}

func TestAzureKeyVaultConforms(t *testing.T) {
	l := startAzure(t)
	// The identity is the same for all vaults; what it may read in one is not what it may in another.
	vaults := []string{"team0", "team1", "team2"}
	var may permission.Set
	var stores []plan.Store
	for _, vault := range vaults {
		may = append(may, azure.MayRead(vault, vault+"-*")...)
		stores = append(stores, azureStore(vault))
	}
	l.app(t, may)
	// Every vault has what the others' identities may read, so that only permissions tell them apart.
	put := func(t *testing.T, key, text string) {
		for _, vault := range append(vaults, "strangers") {
			l.put(t, vault, keyvault.Secret{Name: key, Value: text})
		}
	}
	put(t, "first", "planted")
	unproved := func(variable, value string) func(*testing.T) driver.Driver {
		return func(t *testing.T) driver.Driver {
			t.Setenv(variable, value)
			return l.driver(t, l.url, azurekeyvault.Config{})
		}
	}
	backendtest.Run(t, backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return l.driver(t, l.url, azurekeyvault.Config{}) },
		At:  func(t *testing.T, url string) driver.Driver { return l.driver(t, url, azurekeyvault.Config{}) },
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return l.driver(t, damagingPlainly(t, l.url, change), azurekeyvault.Config{})
		},
		Stores: stores,
		Key:    azureKeyOf,
		Read:   func(key string) plan.Read { return plan.Read{Key: key} },
		Path: func(store int, name string, _ bool) plan.Read {
			return plan.Read{Key: azureKeyOf(store, name+"/"), Path: true}
		},
		Prefixes:    true,
		Put:         put,
		LargestText: keyvault.MaxValue,
		PutJSON:     put,
		Delete: func(_ *testing.T, key string) {
			for _, vault := range vaults {
				l.Azure().DeleteSecrets(vault, key)
			}
		},
		Refused: map[string]plan.Store{"a vault on which it has no role": azureStore("strangers")},
		Unproved: map[string]func(*testing.T) driver.Driver{
			"with a client secret that is not the right one": unproved("AZURE_CLIENT_SECRET", "canary-of-a-client-secret"),
			"with a client id that Entra does not know":      unproved("AZURE_CLIENT_ID", "5ec4e79a-0000-4000-8000-00000000dead"),
			"with a tenant that does not exist":              unproved("AZURE_TENANT_ID", "5ec4e79a-0000-4000-8000-0000000000aa"),
			"without a tenant":                               unproved("AZURE_TENANT_ID", ""),
		},
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage, Cloud: azure.Name}, driver.Unavailable),
			l.fault("an outage of Key Vault", fault.Fault{Kind: fault.Outage, Service: "keyvault"}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("little that unpacks to much", fault.Fault{Kind: fault.Flood}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of Azure's own", fault.Fault{Kind: fault.Error, Code: "InternalServerError", Status: 500}, driver.Unavailable),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token", Code: "OK"})
		},
		Expire:      func(*testing.T) { l.Azure().ExpireTokens() },
		Credentials: []string{l.Azure().LabApp().Secret, "canary-of-a-client-secret"},
	})
}

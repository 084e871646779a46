package integration

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// readAzure is the value, or the kind of the error.
func readAzure(t *testing.T, d driver.Driver, vault, key string) string {
	t.Helper()
	value, err := d.Get(t.Context(), azureStore(vault), plan.Read{Key: key})
	if err != nil {
		return d.Classify(err).String()
	}
	return string(value.Data)
}

func TestAzureKeyVaultVersions(t *testing.T) {
	const first = "0123456789abcdef0123456789abcdef"
	l := startAzure(t)
	for _, secret := range []keyvault.Secret{
		{Name: "rotated", Value: "first", Version: first},
		{Name: "rotated", Value: "second"},
		{Name: "off", Value: "hidden", Disabled: true},
		{Name: "gone", Value: "deleted"},
		{Name: "hello-service", Value: "of KES's documents", Version: "credentials"},
		{Name: "bundle", Value: "YWJj", ContentType: "application/x-pkcs12"},
		{Name: "text", Value: "-----BEGIN CERTIFICATE-----", ContentType: "application/x-pem-file"},
		{Name: "untyped", Value: "-----BEGIN PRIVATE KEY-----"},
	} {
		l.put(t, "hello-world", secret)
	}
	l.Azure().DeleteSecrets("hello-world", "gone")
	d := l.driver(t, l.url, azurekeyvault.Config{})
	for name, c := range map[string]struct{ key, want string }{
		"a name is the newest version":                     {"rotated", "second"},
		"a name and a version are that version":            {"rotated/" + first, "first"},
		"a version that never was is not found":            {"rotated/" + strings.Repeat("0", 32), "not_found"},
		"a disabled secret is denied":                      {"off", "denied"},
		"a deleted secret is not found":                    {"gone", "not_found"},
		"the key of KES's documents is a name and version": {"hello-service/credentials", "of KES's documents"},
		"a name is not told apart by its case":             {"Rotated", "second"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readAzure(t, d, "hello-world", c.key); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("a certificate in PEM is bytes, which isBinary leaves alone, by its content type; one in PKCS#12 is base64, and any other a text", func(t *testing.T) {
		got := map[string]bool{}
		for _, key := range []string{"bundle", "text", "untyped", "rotated"} {
			value, err := d.Get(t.Context(), azureStore("hello-world"), plan.Read{Key: key})
			if err != nil {
				t.Fatal(err)
			}
			got[key] = value.Bytes
		}
		if diff := cmp.Diff(map[string]bool{"bundle": false, "text": true, "untyped": false, "rotated": false}, got); diff != "" {
			t.Errorf("marked as bytes (-want +got):\n%s", diff)
		}
	})
}

// TestAzureClouds reads in each of Azure's clouds. Only the public one's Entra ID is asked what it goes by.
func TestAzureClouds(t *testing.T) {
	l := startAzure(t)
	l.put(t, "hello-world", keyvault.Secret{Name: "a", Value: "planted"})
	for name, config := range map[string]azurekeyvault.Config{
		"the public one is the default":        {},
		"KES's name of China's":                {Environment: "AzureChinaCloud"},
		"KES's name of the US government's":    {Environment: "AzureUSGovernment"},
		"the SDK's name of it":                 {Environment: "AzureGovernment"},
		"a DNS suffix of one's own":            {DNSSuffix: "vault.azure.cn"},
		"an authority of one's own, with path": {AuthorityHost: "https://login.microsoftonline.us/"},
		"an authority by its name":             {AuthorityHost: "login.chinacloudapi.cn"},
	} {
		t.Run(name, func(t *testing.T) {
			l.Counters().Reset()
			if got := readAzure(t, l.driver(t, l.url, config), "hello-world", "a"); got != "planted" {
				t.Errorf("got %q, want the value", got)
			}
			lookups := l.Counters().Sum(counter.Key{Operation: "InstanceDiscovery"})
			if public := config.Environment == "" && config.AuthorityHost == ""; !public && lookups != 0 {
				t.Errorf("the authority was looked up %d times, want never", lookups)
			}
		})
	}
}

// TestAzureTokens counts what many vaults and many drivers cost.
func TestAzureTokens(t *testing.T) {
	l := startAzure(t)
	for _, vault := range []string{"one", "two", "three"} {
		l.put(t, vault, keyvault.Secret{Name: "a", Value: "planted"})
	}
	d := l.driver(t, l.url, azurekeyvault.Config{})
	logins := func() int { return l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token"}) }
	t.Run("all vaults are read with one token", func(t *testing.T) {
		for _, vault := range []string{"one", "two", "three", "one"} {
			if got := readAzure(t, d, vault, "a"); got != "planted" {
				t.Errorf("%s: got %q, want the value", vault, got)
			}
		}
		if got := logins(); got != 1 {
			t.Errorf("%d tokens were asked for, want 1", got)
		}
	})
	t.Run("tokens that are refused one after the other are not asked for by each read", func(t *testing.T) {
		before := logins()
		l.Azure().ExpireTokens()
		_ = readAzure(t, d, "one", "a") // gets a new one
		l.Azure().ExpireTokens()
		for range 5 {
			if got := readAzure(t, d, "one", "a"); got != "unauthenticated" {
				t.Errorf("got %q, want unauthenticated", got)
			}
		}
		if got := logins() - before; got != 1 {
			t.Errorf("%d tokens were asked for, want 1", got)
		}
	})
	t.Run("when to ask again is what Azure said", func(t *testing.T) {
		for service, d := range map[string]driver.Driver{"keyvault": d, "entra": l.driver(t, l.url, azurekeyvault.Config{})} {
			throttle := fault.Fault{Kind: fault.Throttle, Service: service, RetryAfter: fault.Duration(7 * time.Second)}
			if _, err := l.Faults().Add(throttle); err != nil {
				t.Fatal(err)
			}
			_, err := d.Get(t.Context(), azureStore("one"), plan.Read{Key: "a"})
			l.Faults().Clear()
			var postponed interface{ RetryAfter() time.Duration }
			if !errors.As(err, &postponed) || postponed.RetryAfter() != 7*time.Second || d.Classify(err) != driver.Throttled {
				t.Errorf("%s: got %v of kind %s, want throttled for 7s", service, err, d.Classify(err))
			}
		}
	})
}

// TestAzureAnswersOfOthers puts another server in the place of a vault, or of Entra ID, which must learn no credential.
func TestAzureAnswersOfOthers(t *testing.T) {
	l := startAzure(t)
	l.put(t, "hello-world", keyvault.Secret{Name: "a", Value: "planted"})
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, to %s", r.URL.Path)
	}))
	t.Cleanup(elsewhere.Close)
	redirect := http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect).ServeHTTP
	challenge := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token was sent")
		}
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/`+azure.Tenant+`", resource="https://graph.microsoft.com"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	withToken := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				l.ServeHTTP(w, r)
				return
			}
			answer(w, r)
		}
	}
	for name, c := range map[string]struct {
		path   string // part of what is answered by the other server
		answer http.HandlerFunc
		want   string
		tokens int
	}{
		"a vault that wants a token for another service": {"/secrets/", challenge, "unauthenticated", 0},
		"a vault that leads elsewhere":                   {"/secrets/", redirect, "unavailable", 0},
		"a vault that leads elsewhere with the token":    {"/secrets/", withToken(redirect), "unavailable", 1},
		"Entra ID that leads elsewhere":                  {"/oauth2/v2.0/token", redirect, "unavailable", 0},
		"a secret without a value": {"/secrets/", withToken(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":"https://hello-world.vault.azure.net/secrets/a/1"}`)
		}), "unavailable", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l.Counters().Reset()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, c.path) {
					c.answer(w, r)
					return
				}
				l.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			if got := readAzure(t, l.driver(t, server.URL, azurekeyvault.Config{}), "hello-world", "a"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if n := l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token"}); n != c.tokens {
				t.Errorf("%d tokens were given, want %d", n, c.tokens)
			}
		})
	}
}

// TestAzureErrors are the messages that users see.
func TestAzureErrors(t *testing.T) {
	l := startAzure(t)
	l.put(t, "hello-world", keyvault.Secret{Name: "off", Value: "planted", Disabled: true})
	says := func(t *testing.T, d driver.Driver, vault, key string) string {
		t.Helper()
		client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AzureKeyVault: d}}
		_, err := client.Get(t.Context(), plan.Source{Store: azureStore(vault), Read: plan.Read{Key: key}})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	d := l.driver(t, l.url, azurekeyvault.Config{})
	gone := httptest.NewServer(nil)
	gone.Close()
	got := map[string]string{
		"a secret that never was": says(t, d, "hello-world", "never"),
		"a disabled one":          says(t, d, "hello-world", "off"),
	}
	t.Setenv("AZURE_CLIENT_SECRET", "canary-of-a-client-secret")
	got["a wrong client secret"] = says(t, l.driver(t, l.url, azurekeyvault.Config{}), "hello-world", "off")
	t.Setenv("AZURE_TENANT_ID", "5ec4e79a-0000-4000-8000-0000000000aa")
	got["a vault of another tenant"] = says(t, l.driver(t, l.url, azurekeyvault.Config{}), "hello-world", "off")
	clearAzure(t)
	t.Setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", gone.URL)
	got["no credentials"] = says(t, l.driver(t, l.url, azurekeyvault.Config{}), "hello-world", "off")
	for name, text := range got {
		got[name] = strings.ReplaceAll(text, strings.TrimPrefix(gone.URL, "http://"), "HOST")
	}
	const setUp = "give the syncer Azure credentials: workload identity (AZURE_FEDERATED_TOKEN_FILE), a managed identity, " +
		"or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
	want := map[string]string{
		"a secret that never was": `cannot read key "never" from azureKeyVault in vault hello-world: not found: SecretNotFound: ` +
			"A secret with (name/id) never was not found in this key vault. If you recently deleted this secret you may be able to " +
			"recover it using the correct recovery command. For help resolving this issue, please see " +
			"https://go.microsoft.com/fwlink/; check {container}, the secret's name, and the version after the slash",
		"a disabled one": `cannot read key "off" from azureKeyVault in vault hello-world: access denied: Forbidden: ` +
			"Operation get is not allowed on a disabled secret; enable the secret, or name a version that is enabled",
		"a wrong client secret": `cannot read key "off" from azureKeyVault in vault hello-world: not authenticated: no login: invalid_client: ` +
			"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, " +
			"not the client secret ID, for a secret added to app '" + azure.LabClientID + "'; " + setUp,
		"a vault of another tenant": `cannot read key "off" from azureKeyVault in vault hello-world: not authenticated: no login: ` +
			`ClientSecretCredential isn't configured to acquire tokens for tenant "` + azure.Tenant + `". To enable acquiring tokens for ` +
			`this tenant add it to the AdditionallyAllowedTenants on the credential options, or add "*" to allow acquiring tokens for any ` +
			"tenant; set AZURE_TENANT_ID to the tenant of the vault, or name that in AZURE_ADDITIONALLY_ALLOWED_TENANTS",
		"no credentials": `cannot read key "off" from azureKeyVault in vault hello-world: not authenticated: no login: ` +
			"neither a client secret nor a workload identity is set up, and no managed identity answers: " +
			"dial tcp HOST: connect: connection refused; " + setUp,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

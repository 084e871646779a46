package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// kept are the values of Secrets, by namespace, name and key. What is missing there is an error, as it is in a cluster.
func kept(values map[string]string) credential.Source {
	return func(_ context.Context, of plan.Credential) (string, error) {
		at := of.Namespace + "/" + of.Name + "/" + of.Key
		if value, ok := values[at]; ok {
			return value, nil
		}
		return "", &driver.Error{Kind: driver.Unauthenticated, Problem: "Secret " + at + " does not exist", Hint: "create it"}
	}
}

func azureClientOf(team int) string {
	return fmt.Sprintf("5ec4e79a-0000-4000-8000-0000000000%02d", team)
}

// azurePrincipal is a Store of a team, with a client secret of its own.
func azurePrincipal(team int) plan.Store {
	return plan.Store{
		Backend: backends.AzureKeyVault, Container: fmt.Sprint("team", team), Method: backends.AzureServicePrincipal, Role: azureClientOf(team),
		Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: fmt.Sprint("team", team), Name: "login", Key: "secret"},
		Login:      plan.Login{Directory: azure.Tenant},
	}
}

// TestAzureStoresConform runs the conformance suite with stores that log in by client secrets of Secrets.
func TestAzureStoresConform(t *testing.T) {
	l := startAzure(t)
	clearAzure(t)
	secrets := map[string]string{}
	var stores []plan.Store
	for i := range 3 {
		secret := fmt.Sprint("canary-of-client-secret-", i)
		vault := fmt.Sprint("team", i)
		if _, err := l.Azure().Entra().PutApp(entra.App{
			ClientID: azureClientOf(i), Secret: secret, Permissions: azure.MayRead(vault, vault+"-*"),
		}); err != nil {
			t.Fatal(err)
		}
		secrets[vault+"/login/secret"] = secret
		stores = append(stores, azurePrincipal(i))
	}
	put := func(t *testing.T, key, text string) {
		for _, vault := range []string{"team0", "team1", "team2", "strangers"} {
			l.put(t, vault, keyvault.Secret{Name: key, Value: text})
		}
	}
	put(t, "first", "planted")
	with := func(values map[string]string) azurekeyvault.Config {
		return azurekeyvault.Config{Credentials: kept(values)}
	}
	strangers := stores[0]
	strangers.Container = "strangers"
	backendtest.Run(t, backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return l.driver(t, l.url, with(secrets)) },
		At:  func(t *testing.T, url string) driver.Driver { return l.driver(t, url, with(secrets)) },
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return l.driver(t, damagingPlainly(t, l.url, change), with(secrets))
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
			for i := range 3 {
				l.Azure().DeleteSecrets(fmt.Sprint("team", i), key)
			}
		},
		Refused: map[string]plan.Store{"a vault on which it has no role": strangers},
		Unproved: map[string]func(*testing.T) driver.Driver{
			"with a client secret that is not the right one": func(t *testing.T) driver.Driver {
				return l.driver(t, l.url, with(map[string]string{"team0/login/secret": "canary-of-a-wrong-secret"}))
			},
			"without the Secret": func(t *testing.T) driver.Driver { return l.driver(t, l.url, with(nil)) },
		},
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage, Cloud: azure.Name}, driver.Unavailable),
			l.fault("an outage of Key Vault", fault.Fault{Kind: fault.Outage, Service: "keyvault"}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token", Code: "OK"})
		},
		Expire:      func(*testing.T) { l.Azure().ExpireTokens() },
		Credentials: []string{"canary-of-client-secret-0", "canary-of-client-secret-1", "canary-of-a-wrong-secret"},
	})
}

// TestAzureStoresShareNothing has a team write a store that names the client id, the tenant and the vault of another team's, with a
// credential of its own or none that Entra ID knows.
func TestAzureStoresShareNothing(t *testing.T) {
	l := startAzure(t)
	clearAzure(t)
	l.put(t, "team1", keyvault.Secret{Name: "a", Value: planted})
	if _, err := l.Azure().Entra().PutApp(entra.App{
		ClientID: azureClientOf(1), Secret: "canary-of-team1", Permissions: azure.MayRead("team1", "*"),
	}); err != nil {
		t.Fatal(err)
	}
	source := kept(map[string]string{"team1/login/secret": "canary-of-team1", "team1/copy/secret": "canary-of-team1", "team2/login/secret": "guess"})
	d := l.driver(t, l.url, azurekeyvault.Config{Credentials: source})
	tokens := func() int { return l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token", Code: "OK"}) }
	read := func(store plan.Store) string {
		value, err := d.Get(t.Context(), store, plan.Read{Key: "a"})
		if err != nil {
			return d.Classify(err).String()
		}
		return string(value.Data)
	}
	theirs := azurePrincipal(1)
	if got := read(theirs); got != planted || tokens() != 1 {
		t.Fatalf("got %q with %d tokens, want the value with one", got, tokens())
	}
	for name, change := range map[string]func(*plan.Store){
		"a guessed client secret":      func(s *plan.Store) { s.Credential.Namespace = "team2" },
		"a Secret that does not exist": func(s *plan.Store) { s.Credential.Name = "none" },
		"another tenant":               func(s *plan.Store) { s.Login.Directory = "5ec4e79a-0000-4000-8000-0000000000aa" },
		"another client id":            func(s *plan.Store) { s.Role = azureClientOf(2) },
		"no credential, but its own":   func(s *plan.Store) { s.Method, s.Role, s.Credential, s.Login = "", "", plan.Credential{}, plan.Login{} },
	} {
		t.Run(name, func(t *testing.T) {
			attack := theirs
			change(&attack)
			if got := read(attack); got == planted {
				t.Error("the value of the other team is read")
			}
			if n := tokens(); n != 1 {
				t.Errorf("%d tokens were given, want the other team's alone", n)
			}
		})
	}
	forget := func(store plan.Store) {
		forgetter, ok := d.(driver.Forgetter)
		if !ok {
			t.Fatal("the driver forgets nothing")
		}
		forgetter.Forget(store)
	}
	for name, test := range map[string]struct {
		change func(*plan.Store)
		tokens int
	}{
		"the same store needs no other login":            {func(*plan.Store) {}, 1},
		"a store with the same secret in another Secret": {func(s *plan.Store) { s.Credential.Name = "copy" }, 2},
		"a store that says the installation's suffix":    {func(s *plan.Store) { s.Address = "vault.azure.net" }, 2},
		"a store that is forgotten, and then made again": {func(s *plan.Store) { forget(*s) }, 2},
		"another store that is forgotten meanwhile":      {func(*plan.Store) { forget(azurePrincipal(2)) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d = l.driver(t, l.url, azurekeyvault.Config{Credentials: source})
			l.Counters().Reset()
			read(theirs)
			store := theirs
			test.change(&store)
			if got := read(store); got != planted || tokens() != test.tokens {
				t.Errorf("got %q with %d tokens, want the value with %d", got, tokens(), test.tokens)
			}
		})
	}
}

// TestAzureVaultsOfOtherCloudsGetNothing has stores name vaults of other domains, by the syncer's own identity, too.
func TestAzureVaultsOfOtherCloudsGetNothing(t *testing.T) {
	l := startAzure(t) // whose application is the syncer's own
	l.put(t, "team1", keyvault.Secret{Name: "a", Value: planted})
	d := l.driver(t, l.url, azurekeyvault.Config{Credentials: kept(map[string]string{"team1/login/secret": "canary-of-team1"})})
	for _, suffix := range []string{"vault.azure.cn", "evil.example", "vault.azure.net.evil.example", "vault.azure.net:8443"} {
		own, principal := azureStore("team1"), azurePrincipal(1)
		own.Address, principal.Address = suffix, suffix
		for _, store := range []plan.Store{own, principal} {
			_, err := d.Get(t.Context(), store, plan.Read{Key: "a"})
			if err == nil || d.Classify(err) != driver.Denied || !strings.Contains(err.Error(), "reads vaults of vault.azure.net, and none of ") {
				t.Errorf("%s: got %v, want it denied", suffix, err)
			}
		}
	}
	if n := l.Counters().Sum(counter.Key{}); n != 0 {
		t.Errorf("%d calls were made, want none", n)
	}
}

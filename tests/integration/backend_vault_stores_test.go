package integration

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"regexp"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/tests/lab"
)

// newReads reads one secret as stores say, of the lab's Vault, which is the installation's, too.
func newReads(t *testing.T, config hashivault.Config) loginLab {
	t.Helper()
	l := newLoginLab(t)
	l.write(t, "kv1/stores/a", map[string]any{"a": "planted"})
	l.policy(t, "stores", `path "kv1/stores/*" { capabilities = ["read"] }`)
	config.Credentials = l.credentials
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: l.driver(t, config)}}
	l.read = func(s plan.Store) string {
		s.Backend = backends.Vault
		values, err := client.Get(t.Context(), plan.Source{Store: s, Read: plan.Read{Key: "kv1/stores/a", EngineVersion: 1}})
		if failed, ok := errors.AsType[*backend.Error](err); ok {
			return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
		}
		return string(values[0].Data)
	}
	return l
}

// TestWhatStoresOfVaultAreRefused lists what a store may lack, and what it may not ask for. Each error says what to do.
func TestWhatStoresOfVaultAreRefused(t *testing.T) {
	l := newReads(t, hashivault.Config{})
	secret := l.hold(t, "refused", l.token(t, "stores", nil))
	account := l.account(t, "refused", "stores", nil)
	byToken := plan.Store{Method: backends.VaultToken, Credential: secret}
	byAccount := plan.Store{Method: backends.VaultKubernetes, Mount: vaultMount, Role: "refused", Credential: account}
	elsewhere := func(s plan.Store, change func(*plan.Store)) plan.Store {
		change(&s)
		return s
	}
	const apiServers = "https://kubernetes.default.svc.cluster.local"
	forServer := "invalid: no login: a token for the audience " + apiServers + " would let the backend act in the cluster as the ServiceAccount; " +
		"choose another audience, such as vault, and let the backend's role accept it"
	for name, test := range map[string]struct {
		store plan.Store
		want  string // how the outcome begins
	}{
		"nothing":                  {byToken, planted},
		"nothing of an account's":  {byAccount, planted},
		"the syncer's own server":  {elsewhere(byToken, func(s *plan.Store) { s.Address = l.VaultAddr }), planted},
		"a Secret that is missing": {elsewhere(byToken, func(s *plan.Store) { s.Credential.Name = "absent" }), "unauthenticated: no login: Secret vault-logins/absent does not exist; create it, or correct its name in the store"},
		"a Secret without the key": {elsewhere(byToken, func(s *plan.Store) { s.Credential.Key = "absent" }), "unauthenticated: no login: Secret vault-logins/refused has no key absent; add it, or correct its name in the store"},
		"a ServiceAccount that is missing": {elsewhere(byAccount, func(s *plan.Store) { s.Credential.Name = "absent" }),
			"unauthenticated: no login: ServiceAccount vault-logins/absent does not exist; create it, or correct its name in the store"},
		"a ServiceAccount of another namespace": {elsewhere(byAccount, func(s *plan.Store) { s.Credential.Namespace = "kube-system" }),
			"unauthenticated: no login: the syncer may not request a token of ServiceAccount kube-system/refused; bind to the syncer's ServiceAccount, in namespace kube-system, a Role with the rule " +
				`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [refused], verbs: [create]}`},
		"a CA in a ConfigMap that the syncer may not read": {elsewhere(byToken, func(s *plan.Store) {
			s.Login.CAFrom = plan.Credential{Kind: plan.ConfigMapCredential, Namespace: loginsNamespace, Name: "secret-cas", Key: "ca.crt"}
		}), "unauthenticated: no login: the syncer may not read ConfigMap vault-logins/secret-cas; bind to the syncer's ServiceAccount, in namespace vault-logins, a Role with the rule " +
			`{apiGroups: [""], resources: [configmaps], resourceNames: [secret-cas], verbs: [get]}`},
		"a server that is not listed": {elsewhere(byToken, func(s *plan.Store) { s.Address = "https://unlisted.example:8200" }),
			"denied: https://unlisted.example:8200 is not among the servers of Vault that this installation permits; name a permitted one, or have it added to --vault-servers"},
		"a token that the API server would take": {elsewhere(byAccount, func(s *plan.Store) { s.Credential.Audiences = apiServers }), forServer},
		"a token that the API server would take, too": {elsewhere(byAccount, func(s *plan.Store) {
			s.Credential.Audiences = plan.ListOf("vault", apiServers, "another")
		}), forServer},
		"the syncer's login to another server": {plan.Store{Address: "https://unlisted.example:8200", Mount: vaultMount, Role: lab.VaultRole},
			"denied: the store names a server, a server name or a CA of its own, which the syncer's own credentials may not be sent to; refer to a Secret or a ServiceAccount in the store"},
		"the syncer's login to its own server":       {plan.Store{Address: l.VaultAddr, Mount: vaultMount, Role: lab.VaultRole}, planted},
		"the syncer's login by a CA of the author's": {plan.Store{Mount: vaultMount, Role: lab.VaultRole, CA: "planted"}, "denied: the store names a server, a server name or a CA of its own, "},
		"a role of another account": {elsewhere(byAccount, func(s *plan.Store) { s.Role = lab.VaultRole }),
			"denied: no login: service account name not authorized; create the role, or let it accept ServiceAccount vault-logins/refused (bound_service_account_names and _namespaces)"},
	} {
		t.Run(name, func(t *testing.T) { l.reads(t, "read", test.store, test.want) })
	}
}

// TestVaultTokenOfASecret reads by a token, which is never renewed; when it has been revoked, the one that takes its place is used at once.
func TestVaultTokenOfASecret(t *testing.T) {
	l := newReads(t, hashivault.Config{})
	first := l.token(t, "stores", nil)
	store := plan.Store{Method: backends.VaultToken, Credential: l.hold(t, "rotated", first)}
	l.reads(t, "at first", store, planted)
	if err := l.Vault().Auth().Token().RevokeOrphanWithContext(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	l.reads(t, "after it was revoked", store, "unauthenticated: no login: ")
	l.hold(t, "rotated", l.token(t, "stores", nil))
	l.reads(t, "with another one", store, planted)
	powerless := l.hold(t, "powerless", l.token(t, "default", nil))
	l.reads(t, "with one that may not", plan.Store{Method: backends.VaultToken, Credential: powerless},
		"denied: 1 error occurred: * permission denied; give the credential in Secret vault-logins/powerless a policy with the capability read on the path")
}

// TestVaultsTroublesHealByThemselves: what failed is said with what to do, and goes on once that is done, with no restart.
func TestVaultsTroublesHealByThemselves(t *testing.T) {
	l := newReads(t, hashivault.Config{})
	byToken := plan.Store{Method: backends.VaultToken, Credential: l.hold(t, "healing", l.token(t, "stores", nil))}
	byAccount := func(name string) plan.Store {
		return plan.Store{Method: backends.VaultKubernetes, Mount: vaultMount, Role: name, Credential: l.account(t, name, "stores", nil)}
	}
	endSessions := func() {
		if err := l.Vault().Sys().RevokePrefixWithContext(t.Context(), path.Join("auth", vaultMount, "login")); err != nil {
			t.Fatal(err)
		}
	}
	for name, trouble := range map[string]struct {
		store plan.Store
		begin func()
		want  string
		end   func()
	}{
		"a role that is deleted": {
			byAccount("roleless"), func() {
				if _, err := l.Vault().Logical().DeleteWithContext(t.Context(), path.Join("auth", vaultMount, "role", "roleless")); err != nil {
					t.Fatal(err)
				}
				endSessions()
			},
			`denied: no login: invalid role name "roleless"; create the role, or let it accept ServiceAccount vault-logins/roleless (bound_service_account_names and _namespaces)`,
			func() { byAccount("roleless") },
		},
		"a ServiceAccount that is deleted": {
			byAccount("absentee"), func() {
				if _, said, err := l.Kubectl(t.Context(), nil, "delete", "serviceaccount", "absentee", "--namespace="+loginsNamespace); err != nil {
					t.Fatalf("%v: %s", err, said)
				}
				endSessions()
			},
			"unauthenticated: no login: ServiceAccount vault-logins/absentee does not exist; create it, or correct its name in the store",
			func() { byAccount("absentee") },
		},
		"a sealed Vault":                 {byAccount("sealed-out"), l.seal(t), "unavailable: Vault is sealed; unseal Vault: it is tried again", l.unseal(t)},
		"a Vault that seals for a token": {byToken, l.seal(t), "unavailable: Vault is sealed; unseal Vault: it is tried again", l.unseal(t)},
	} {
		t.Run(name, func(t *testing.T) {
			l.reads(t, "before", trouble.store, planted)
			trouble.begin()
			l.reads(t, "meanwhile", trouble.store, trouble.want)
			trouble.end()
			l.reads(t, "after it", trouble.store, planted)
		})
	}
}

func (l vaultLab) seal(t *testing.T) func() {
	return func() {
		if err := l.Vault().Sys().SealWithContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (l vaultLab) unseal(t *testing.T) func() {
	t.Helper()
	log, err := os.ReadFile(l.LogFile("vault"))
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`Unseal Key: (\S+)`).FindSubmatch(log)
	if key == nil {
		t.Fatal("Vault's log does not name the key to unseal it")
	}
	return func() {
		if _, err := l.Vault().Sys().Unseal(string(key[1])); err != nil {
			t.Fatal("Vault cannot be unsealed")
		}
	}
}

// TestVaultCAOfAConfigMap reads by TLS, with a CA that a ConfigMap or a Secret keeps and that is rotated.
func TestVaultCAOfAConfigMap(t *testing.T) {
	behind, err := url.Parse(newLoginLab(t).VaultAddr)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(behind))
	t.Cleanup(front.Close)
	l := newReads(t, hashivault.Config{Servers: []string{front.URL}})
	store := plan.Store{Address: front.URL, Method: backends.VaultToken, Credential: l.hold(t, "by-tls", l.token(t, "stores", nil))}
	store.Login.CAFrom = plan.Credential{Kind: plan.ConfigMapCredential, Namespace: loginsNamespace, Name: "cas", Key: "ca.crt"}
	keep := func(ca string) {
		l.apply(t, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: cas, namespace: %s}, data: {ca.crt: %q}}", loginsNamespace, ca))
	}
	l.reads(t, "before there is a CA", store, "unauthenticated: no login: ConfigMap vault-logins/cas does not exist; ")
	keep("planted")
	l.reads(t, "with a CA that is none", store, "invalid: no login: the key ca.crt of ConfigMap vault-logins/cas holds no certificate; ")
	right := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))
	keep(right[:len(right)/2])
	l.reads(t, "with half of one", store, "invalid: no login: the key ca.crt of ConfigMap vault-logins/cas holds no certificate; ")
	keep(right)
	l.reads(t, "with the right one", store, planted)
	store.Login.CAFrom = l.hold(t, "cas", right)
	l.reads(t, "with one of a Secret", store, planted)
	without := store
	without.Login.CAFrom = plan.Credential{}
	l.reads(t, "without one", without, "unavailable: no login: ")
}

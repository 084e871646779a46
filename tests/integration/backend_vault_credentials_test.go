package integration

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"
	"k8s.io/client-go/tools/clientcmd"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// storesNamespace is of a team that writes stores of its own.
const storesNamespace = "vault-stores"

// team is what an admin of the cluster gives the team.
const team = `
apiVersion: v1
kind: Namespace
metadata: {name: vault-stores}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: vault-stores}
`

// tokenRequests is the rule that the syncer's error names, bound to the syncer.
const tokenRequests = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: token-requests, namespace: vault-stores}
rules:
  - {apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: token-requests, namespace: vault-stores}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: token-requests}
subjects:
  - {kind: ServiceAccount, name: syncer, namespace: secretgate}
`

// storeLab reads the lab's Vault as stores say, which is not the Vault of the installation.
type storeLab struct {
	vaultLab
	read func(plan.Store) string // the value, or the error as text
}

func newStoreLab(t *testing.T) storeLab {
	t.Helper()
	l := storeLab{vaultLab: vaultLab{sharedLab(t)}}
	l.apply(t, team)
	l.write(t, "kv1/stores/a", map[string]any{"a": "planted"})
	if err := l.Vault().Sys().PutPolicyWithContext(t.Context(), "stores", `path "kv1/stores/*" { capabilities = ["read"] }`); err != nil {
		t.Fatal(err)
	}
	installation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the installation's Vault is asked %s %s, want nothing", r.Method, r.URL.Path)
	}))
	t.Cleanup(installation.Close)
	config, err := clientcmd.BuildConfigFromFlags("", l.SyncerKubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := credential.New(config)
	if err != nil {
		t.Fatal(err)
	}
	d := l.driver(t, hashivault.Config{Address: installation.URL, Servers: []string{l.VaultAddr}, Credentials: cluster.Get})
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}
	l.read = func(s plan.Store) string {
		values, err := client.Get(t.Context(), plan.Source{Store: s, Read: plan.Read{Key: "kv1/stores/a", EngineVersion: 1}})
		if failed, ok := errors.AsType[*backend.Error](err); ok {
			return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
		}
		return string(values[0].Data)
	}
	return l
}

func (l storeLab) apply(t *testing.T, manifests string) {
	t.Helper()
	if _, said, err := l.Kubectl(t.Context(), strings.NewReader(manifests), "apply", "--filename=-"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// reads wants a Store's read to begin with a text.
func (l storeLab) reads(t *testing.T, when string, s plan.Store, want string) {
	t.Helper()
	if got := l.read(s); !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s, want %s…", when, got, want)
	}
}

// keep writes a secret id into the Secret that stores refer to.
func (l storeLab) keep(t *testing.T, secretID string) {
	t.Helper()
	l.apply(t, `
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: `+storesNamespace+`}
stringData: {id: "`+secretID+`\n"}
`)
}

// TestVaultAppRoleOfASecret logs in by a secret id that a Secret holds, and goes on when that is rotated, without a watch.
func TestVaultAppRoleOfASecret(t *testing.T) {
	l := newStoreLab(t)
	const role = "auth/approle/role/stores"
	l.write(t, role, map[string]any{"token_policies": "stores", "token_ttl": "1h"})
	newSecretID := func() string {
		return l.field(t, "secret_id", func() (*api.Secret, error) {
			return l.Vault().Logical().WriteWithContext(t.Context(), role+"/secret-id", nil)
		})
	}
	store := plan.Store{
		Backend: backends.Vault, Address: l.VaultAddr, Method: backends.VaultAppRole, Mount: "approle",
		Role: l.field(t, "role_id", func() (*api.Secret, error) {
			return l.Vault().Logical().ReadWithContext(t.Context(), role+"/role-id")
		}),
		Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: storesNamespace, Name: "login", Key: "id"},
	}
	l.reads(t, "before there is a Secret", store, "unauthenticated: no login: Secret vault-stores/login does not exist; ")
	first := newSecretID()
	l.keep(t, first)
	l.reads(t, "with the Secret", store, planted)

	// The rotation, an hour later and in the worst order: the old secret id and its tokens are gone before the new one is there.
	l.write(t, role+"/secret-id/destroy", map[string]any{"secret_id": first})
	l.reads(t, "with the token that the old secret id has gotten", store, planted)
	if err := l.Vault().Sys().RevokePrefixWithContext(t.Context(), "auth/approle/login"); err != nil {
		t.Fatal(err)
	}
	l.reads(t, "with nothing that works", store, "unauthenticated: no login: ")
	second := newSecretID()
	l.keep(t, second)
	l.reads(t, "with the new one", store, planted)

	for _, secretID := range []string{first, second} {
		other := store
		other.Role = secretID // as if the two were mixed up
		if got := l.read(other); strings.HasPrefix(got, planted) {
			t.Error("a secret id is taken for a role id")
		}
	}
}

// TestVaultTokenOfAServiceAccount logs in as a ServiceAccount, once the syncer may have a token of it, and never with one that the API
// server would take.
func TestVaultTokenOfAServiceAccount(t *testing.T) {
	l := newStoreLab(t)
	l.write(t, path.Join("auth", vaultMount, "role", "stores"), map[string]any{
		"bound_service_account_names": "reader", "bound_service_account_namespaces": storesNamespace,
		"audience": credential.DefaultAudience, "token_policies": "stores", "token_ttl": "1h",
	})
	store := plan.Store{
		Backend: backends.Vault, Address: l.VaultAddr, Method: backends.VaultKubernetes, Mount: vaultMount, Role: "stores",
		Credential: plan.Credential{Kind: plan.AccountCredential, Namespace: storesNamespace, Name: "reader"},
	}
	l.reads(t, "before the syncer may", store,
		"unauthenticated: no login: the syncer may not request a token of ServiceAccount vault-stores/reader; "+
			"bind to the syncer's ServiceAccount, in namespace vault-stores, a Role with the rule "+
			`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}`)
	l.apply(t, tokenRequests)
	l.reads(t, "once it may", store, planted)

	forServer := store
	forServer.Credential.Audiences = "https://kubernetes.default.svc.cluster.local" // the lab's API server's
	l.reads(t, "for the API server", forServer, "invalid: no login: a token for the audience https://kubernetes.default.svc.cluster.local ")
	other := store
	other.Credential.Audiences = "other"
	l.reads(t, "for an audience that the role does not accept", other, "unauthenticated: no login: ")
	missing := store
	missing.Credential.Name = "absent"
	l.reads(t, "as one of whom the syncer may have no token", missing, "unauthenticated: no login: the syncer may not request a token of ")
}

// TestVaultServersThatAreNotListed proves that nothing reaches them, and that the syncer's own login goes to no store's server.
func TestVaultServersThatAreNotListed(t *testing.T) {
	l := newStoreLab(t)
	var asked atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(stranger.Close)
	account := plan.Credential{Kind: plan.AccountCredential, Namespace: storesNamespace, Name: "reader"}
	store := plan.Store{Backend: backends.Vault, Address: stranger.URL, Mount: vaultMount, Role: "stores", Credential: account}
	l.reads(t, "a stranger's server", store, "denied: "+stranger.URL+" is not among the servers of Vault that this installation permits; ")
	store.Address, store.Credential = l.VaultAddr, plan.Credential{}
	l.reads(t, "the syncer's own token", store, "denied: the store names a server, a server name or a CA of its own, ")
	if n := asked.Load(); n > 0 {
		t.Errorf("the stranger's server was asked %d times, want never", n)
	}
}

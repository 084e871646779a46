package integration

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"k8s.io/client-go/tools/clientcmd"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// loginsNamespace is where the stores of each method keep what they log in by.
const loginsNamespace = "vault-logins"

// tenant is what the syncer needs in a namespace whose stores refer to ServiceAccounts of any name and to one ConfigMap.
const tenant = `
apiVersion: v1
kind: Namespace
metadata: {name: vault-logins}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: logins, namespace: vault-logins}
rules:
  - {apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}
  - {apiGroups: [""], resources: [configmaps], resourceNames: [cas], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: logins, namespace: vault-logins}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: logins}
subjects:
  - {kind: ServiceAccount, name: syncer, namespace: secretgate}
`

// loginLab makes identities for stores, each by one method of theirs.
type loginLab struct {
	storeLab

	credentials credential.Source
}

func newLoginLab(t *testing.T) loginLab {
	t.Helper()
	l := loginLab{storeLab: storeLab{vaultLab: vaultLab{sharedLab(t)}}}
	l.apply(t, tenant)
	config, err := clientcmd.BuildConfigFromFlags("", l.SyncerKubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := credential.New(config)
	if err != nil {
		t.Fatal(err)
	}
	l.credentials = cluster.Get
	return l
}

// hold writes a credential into a Secret, and refers to it.
func (l loginLab) hold(t *testing.T, name, value string) plan.Credential {
	t.Helper()
	l.apply(t, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: %s}, stringData: {value: %q}}", name, loginsNamespace, value))
	return plan.Credential{Kind: plan.SecretCredential, Namespace: loginsNamespace, Name: name, Key: "value"}
}

// account makes a ServiceAccount that a role of Vault's Kubernetes auth method accepts, and refers to it.
func (l loginLab) account(t *testing.T, name, policy string, more map[string]any) plan.Credential {
	t.Helper()
	l.apply(t, fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s, namespace: %s}}", name, loginsNamespace))
	role := map[string]any{
		"bound_service_account_names": name, "bound_service_account_namespaces": loginsNamespace, "token_policies": policy, "token_ttl": "1h",
	}
	maps.Copy(role, more)
	l.write(t, path.Join("auth", vaultMount, "role", name), role)
	return plan.Credential{Kind: plan.AccountCredential, Namespace: loginsNamespace, Name: name}
}

// appRole makes an AppRole, whose role id it returns, and refers to its secret id.
func (l loginLab) appRole(t *testing.T, name, policy string, more map[string]any) (id string, secretID plan.Credential) {
	t.Helper()
	at := "auth/approle/role/" + name
	role := map[string]any{"token_policies": policy, "token_ttl": "1h"}
	maps.Copy(role, more)
	l.write(t, at, role)
	id = l.field(t, "role_id", func() (*api.Secret, error) { return l.Vault().Logical().ReadWithContext(t.Context(), at+"/role-id") })
	return id, l.hold(t, name, l.field(t, "secret_id", func() (*api.Secret, error) {
		return l.Vault().Logical().WriteWithContext(t.Context(), at+"/secret-id", nil)
	}))
}

// token makes a token of Vault's.
func (l loginLab) token(t *testing.T, policy string, more map[string]any) string {
	t.Helper()
	request := &api.TokenCreateRequest{Policies: []string{policy}, TTL: "1h", NoDefaultPolicy: more != nil}
	created, err := l.Vault().Auth().Token().CreateOrphanWithContext(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return created.Auth.ClientToken
}

// loginMethod makes a store of a name, whose identity has a policy.
type loginMethod struct {
	store func(t *testing.T, name, policy string, more map[string]any) plan.Store
	mount string // where its sessions are begun; empty: nowhere, since it has none of Vault's
}

func (l loginLab) methods() map[string]loginMethod {
	kubernetes := plan.Store{Backend: backends.Vault, Method: backends.VaultKubernetes, Mount: vaultMount}
	byAccount := func(t *testing.T, name, policy string, more map[string]any) plan.Store {
		s := kubernetes
		s.Role, s.Credential = name, l.account(t, name, policy, more)
		return s
	}
	appRole := func(t *testing.T, name, policy string, more map[string]any) plan.Store {
		s := plan.Store{Backend: backends.Vault, Method: backends.VaultAppRole, Mount: "approle"}
		s.Role, s.Credential = l.appRole(t, name, policy, more)
		return s
	}
	return map[string]loginMethod{
		"a token in a Secret": {store: func(t *testing.T, name, policy string, more map[string]any) plan.Store {
			return plan.Store{Backend: backends.Vault, Method: backends.VaultToken, Credential: l.hold(t, name, l.token(t, policy, more))}
		}},
		"an AppRole whose secret id is in a Secret": {store: appRole, mount: "approle"},
		"an AppRole of two Secrets": {mount: "approle", store: func(t *testing.T, name, policy string, more map[string]any) plan.Store {
			s := appRole(t, name, policy, more)
			s.Login.Identifier, s.Role = l.hold(t, name+"-id", s.Role), ""
			return s
		}},
		"kubernetes as a ServiceAccount": {store: byAccount, mount: vaultMount},
		"kubernetes by a token in a Secret": {mount: vaultMount, store: func(t *testing.T, name, policy string, more map[string]any) plan.Store {
			s := byAccount(t, name, policy, more)
			jwt, err := l.ServiceAccountToken(t.Context(), loginsNamespace, name)
			if err != nil {
				t.Fatal(err)
			}
			s.Credential = l.hold(t, name, jwt)
			return s
		}},
		// The lab's Vault has no auth method jwt. Its login is asked for by the same words, which the one of Kubernetes takes as well.
		"jwt as a ServiceAccount": {mount: vaultMount, store: func(t *testing.T, name, policy string, more map[string]any) plan.Store {
			s := byAccount(t, name, policy, more)
			s.Method, s.Credential.Audiences = backends.VaultJWT, "another"
			return s
		}},
	}
}

// TestVaultConformsByEachMethod reads as stores do that log in by what is in the cluster.
func TestVaultConformsByEachMethod(t *testing.T) {
	l := newLoginLab(t)
	both, methods := engines(), l.methods()
	for n, name := range slices.Sorted(maps.Keys(methods)) {
		e := both[[]string{"KV version 1", "KV version 2"}[n%2]]
		t.Run(name, func(t *testing.T) { backendtest.Run(t, l.conformance(t, fmt.Sprintf("m%d-", n), e, methods[name])) })
	}
}

func (l loginLab) conformance(t *testing.T, prefix string, e engine, method loginMethod) backendtest.Harness {
	h := l.harness(t, e)
	for i := range h.Stores {
		h.Stores[i] = method.store(t, fmt.Sprintf("%steam%d", prefix, i), h.Stores[i].Role, nil)
	}
	l.policy(t, "nothing", nothing)
	h.Refused = map[string]plan.Store{
		"an identity without a policy for the path":   method.store(t, prefix+"powerless", "nothing", nil),
		"an identity that may not even know its name": method.store(t, prefix+"nameless", "nothing", map[string]any{"token_no_default_policy": true}),
	}
	by := func(source credential.Source) func(*testing.T) driver.Driver {
		return func(t *testing.T) driver.Driver { return l.driver(t, hashivault.Config{Credentials: source}) }
	}
	h.New = by(l.credentials)
	h.At = func(t *testing.T, url string) driver.Driver {
		return l.driver(t, hashivault.Config{Address: url, Credentials: l.credentials})
	}
	h.Unproved = map[string]func(*testing.T) driver.Driver{
		"by what is not one": by(func(context.Context, plan.Credential) (string, error) { return "not-a-token-at-all", nil }),
		"by what is not there": by(func(ctx context.Context, c plan.Credential) (string, error) {
			c.Kind, c.Name = plan.SecretCredential, "absent"
			return l.credentials(ctx, c)
		}),
	}
	h.Expire = func(t *testing.T) {
		if err := l.Vault().Sys().RevokePrefixWithContext(t.Context(), path.Join("auth", method.mount, "login")); err != nil {
			t.Fatal(err)
		}
	}
	if method.mount == "" {
		h.Logins, h.Expire = nil, nil
	}
	h.Credentials = append(h.Credentials, l.held(t, h.Stores)...)
	return h
}

// held are the credentials of stores that Secrets hold.
func (l loginLab) held(t *testing.T, stores []plan.Store) (held []string) {
	t.Helper()
	for _, s := range stores {
		for _, c := range []plan.Credential{s.Credential, s.Login.Identifier} {
			if c.Kind != plan.SecretCredential {
				continue
			}
			value, err := l.credentials(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, strings.TrimSpace(value))
		}
	}
	return held
}

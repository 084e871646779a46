package hashivault

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
)

func TestWhatUsersAreTold(t *testing.T) {
	const key = `cannot read key "secret/data/db" from vault`
	status := func(code int, said ...string) error { return &api.ResponseError{StatusCode: code, Errors: said} }
	noLogin := func(code int, said ...string) error { return &login.Error{Err: status(code, said...)} }
	role := plan.Store{Mount: "kubernetes", Role: "app"}
	theirs := plan.Store{
		Address: "https://vault.example:8200", Namespace: "team/a", Mount: "kubernetes", Role: "app",
		Credential: plan.Credential{Kind: plan.AccountCredential, Namespace: "shop", Name: "reader"},
	}
	stored := plan.Store{Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: "shop", Name: "token", Key: "t"}}
	for name, test := range map[string]struct {
		store plan.Store
		err   error
		want  string
	}{
		"a path that leads nowhere": {
			role, &pathError{said: []string{"no handler"}}, ` as role "app" at mount "kubernetes": not a valid request: no handler; ` +
				`check the path: with {engine 2} it is <mount>/data/<name>, and <mount>/<name> with {engine 1}`,
		},
		"a secret that is not there": {
			role, &notFoundError{}, ` as role "app" at mount "kubernetes": not found: there is no such secret; ` +
				`check the path: with {engine 2} it is <mount>/data/<name>, and <mount>/<name> with {engine 1}`,
		},
		"a deleted version": {
			role, errDeleted, ` as role "app" at mount "kubernetes": not found: the current version is deleted or destroyed; undelete it, or write a new one`,
		},
		"a KV engine of version 1 read as 2": {
			role, errNotKV2, ` as role "app" at mount "kubernetes": not a valid request: the answer is none of a KV engine of version 2; ` +
				`set {engine 1} if the engine is of version 1`,
		},
		"a KV engine of version 2 read as 1": {
			role, errIsKV2, ` as role "app" at mount "kubernetes": not a valid request: ` +
				`the answer is that of a KV engine of version 2, with its metadata; set {engine 2}`,
		},
		"a role that may not read": {
			role, status(http.StatusForbidden, "permission denied"), ` as role "app" at mount "kubernetes": access denied: permission denied; ` +
				`give role "app" at mount "kubernetes" a policy with the capability read on the path`,
		},
		"an AppRole that may not read": {
			plan.Store{}, status(http.StatusForbidden, "permission denied"), `: access denied: permission denied; ` +
				`give the syncer's own identity a policy with the capability read on the path`,
		},
		"a role that does not exist": {
			role, noLogin(http.StatusBadRequest, `invalid role name "app"`), ` as role "app" at mount "kubernetes": access denied: ` +
				`no login: invalid role name "app"; create the role, or let it accept the syncer's ServiceAccount (bound_service_account_names and _namespaces)`,
		},
		"a mount that is none": {
			role, noLogin(http.StatusForbidden, "permission denied"), ` as role "app" at mount "kubernetes": not authenticated: no login: permission denied; ` +
				`check that Vault's Kubernetes auth method is at this mount and accepts the syncer's service-account token (VAULT_JWT_PATH)`,
		},
		"an AppRole that is refused": {
			plan.Store{}, noLogin(http.StatusBadRequest, "invalid role or secret ID"), `: not authenticated: no login: invalid role or secret ID; ` +
				`check VAULT_ROLE_ID and VAULT_SECRET_ID, and that Vault's AppRole auth method is enabled`,
		},
		"an AppRole of the syncer's settings that may not read": {
			plan.Store{Method: backends.VaultAppRole, Mount: "approle"}, status(http.StatusForbidden, "permission denied"),
			` at mount "approle": access denied: permission denied; give the syncer's own identity a policy with the capability read on the path`,
		},
		"no role": {
			plan.Store{Mount: "kubernetes"}, login.ErrNoRole, ` at mount "kubernetes": not a valid request: no Vault role is given; ` +
				`set {role}, or DEFAULT_VAULT_ROLE for webhook and syncer`,
		},
		"another server, whose role does not accept a ServiceAccount": {
			theirs, noLogin(http.StatusForbidden, "service account name not authorized"),
			` at https://vault.example:8200 in namespace team/a as role "app" at mount "kubernetes": access denied: ` +
				`no login: service account name not authorized; ` +
				`create the role, or let it accept ServiceAccount shop/reader (bound_service_account_names and _namespaces)`,
		},
		"another server, which does not accept its tokens": {
			theirs, noLogin(http.StatusForbidden, "permission denied"),
			` at https://vault.example:8200 in namespace team/a as role "app" at mount "kubernetes": not authenticated: no login: permission denied; ` +
				`check that Vault's auth method is at this mount and accepts tokens of ServiceAccount shop/reader`,
		},
		"a token in a Secret that is refused": {
			stored, status(http.StatusForbidden, "permission denied", "invalid token"), ` as the credential in Secret shop/token: not authenticated: ` +
				`permission denied; invalid token; check the credential in Secret shop/token, and that the backend accepts it`,
		},
		"a token of a Secret that has expired": {
			plan.Store{Method: backends.VaultToken, Credential: stored.Credential}, noLogin(http.StatusForbidden, "permission denied", "invalid token"),
			` as the credential in Secret shop/token: not authenticated: no login: permission denied; invalid token; ` +
				`write a token that Vault accepts into Secret shop/token: tokens expire, and Secretgate renews none of a Secret's`,
		},
		"an AppRole of two Secrets that is refused": {
			plan.Store{Method: backends.VaultAppRole, Mount: "approle", Credential: stored.Credential, Login: plan.Login{
				Identifier: plan.Credential{Kind: plan.SecretCredential, Namespace: "shop", Name: "role", Key: "id"},
			}}, noLogin(http.StatusBadRequest, "invalid role or secret ID"),
			` at mount "approle" as the credential in Secret shop/token: not authenticated: no login: invalid role or secret ID; ` +
				`check the secret id in Secret shop/token and the role id in Secret shop/role`,
		},
		"a sealed Vault": {
			role, status(http.StatusServiceUnavailable, "Vault is sealed"), ` as role "app" at mount "kubernetes": unavailable: Vault is sealed; ` +
				`unseal Vault: it is tried again`,
		},
		"an AppRole that is locked": {
			plan.Store{Method: backends.VaultAppRole, Mount: "approle", Role: "id", Credential: stored.Credential},
			noLogin(http.StatusForbidden, "permission denied"), ` as role "id" at mount "approle": not authenticated: no login: permission denied; ` +
				`check that Vault's AppRole auth method is at this mount; if so, too many wrong secret ids have locked the role, usually for 15 minutes`,
		},
		"one that may not read": {
			stored, status(http.StatusForbidden, "permission denied"), ` as the credential in Secret shop/token: access denied: permission denied; ` +
				`give the credential in Secret shop/token a policy with the capability read on the path`,
		},
		"too many requests": {
			role, status(http.StatusTooManyRequests, "rate limit quota exceeded"), ` as role "app" at mount "kubernetes": asked too often: ` +
				`rate limit quota exceeded; it is tried again later: raise {interval}, or the backend's quota, if this goes on`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.store.Backend = backends.Vault
			source := plan.Source{Store: test.store, Read: plan.Read{Key: "secret/data/db", EngineVersion: 2}}
			if diff := cmp.Diff(key+test.want, backendtest.Message(t, &Driver{}, source, test.err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

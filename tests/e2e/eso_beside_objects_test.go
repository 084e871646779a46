package e2e

import (
	"fmt"
	"testing"

	"github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// besideObject is an ExternalSecret, and what its Secret holds.
type besideObject struct{ namespace, name, spec string }

// Namespaces of the objects: what merges needs a permission of its own.
const (
	besideTeam  = "team"
	besideMerge = "merging"
)

// besideObjects are of both kinds of stores, and of each creationPolicy.
func besideObjects() []besideObject {
	const (
		own    = "refreshInterval: 1s, secretStoreRef: {name: vault}, "
		shared = "refreshInterval: 1s, secretStoreRef: {kind: ClusterSecretStore, name: shared}, "
		data   = "data: [{secretKey: password, remoteRef: {key: beside/db, property: password}}]"
	)
	return []besideObject{
		{besideTeam, "owned", own + "target: {creationPolicy: Owner}, " + data},
		{besideTeam, "orphaned", own + "target: {creationPolicy: Orphan}, " + data},
		{besideTeam, "templated", shared + `target: {deletionPolicy: Delete, template: {type: kubernetes.io/basic-auth,
			metadata: {labels: {app: db}, annotations: {example.com/by: ann}},
			data: {username: "{{ .username }}", password: "{{ .password }}"}}}, dataFrom: [{extract: {key: beside/db}}]`},
		{besideMerge, "merged", shared + "target: {creationPolicy: Merge}, " + data},
	}
}

// values are the entries of an object's Secret, each with the values that it may have.
func (o besideObject) values(passwords ...string) map[string][]string {
	values := map[string][]string{"password": passwords}
	switch o.name {
	case "templated":
		values["username"] = []string{"ann"}
	case "merged":
		values["theirs"] = []string{"x"}
	}
	return values
}

// setUpBeside makes the stores, which log in by token and by appRole, and the objects, which External Secrets Operator serves.
func (s *besideSite) setUpBeside(t *testing.T) {
	t.Helper()
	s.namespace(t, besideTeam)
	s.namespace(t, besideMerge, `secretgate.io/permit-adopt: "true"`)
	vault := s.lab.Vault()
	token, err := vault.Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{lab.VaultPolicy}})
	if err != nil {
		t.Fatal(err)
	}
	plant(token.Auth.ClientToken)
	policies := map[string]any{"token_policies": lab.VaultPolicy}
	if _, err := vault.Logical().WriteWithContext(t.Context(), "auth/approle/role/beside", policies); err != nil {
		t.Fatal(err)
	}
	role, err := vault.Logical().ReadWithContext(t.Context(), "auth/approle/role/beside/role-id")
	if err != nil {
		t.Fatal(err)
	}
	id, err := vault.Logical().WriteWithContext(t.Context(), "auth/approle/role/beside/secret-id", nil)
	if err != nil {
		t.Fatal(err)
	}
	plant(fmt.Sprint(id.Data["secret_id"]))
	s.kubectl.MustApply(t, besideTeam, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: vault-login}, stringData: {token: %s, id: %s}}`,
		token.Auth.ClientToken, id.Data["secret_id"]))
	s.kubectl.MustApply(t, besideMerge, "{apiVersion: v1, kind: Secret, metadata: {name: merged}, stringData: {theirs: x}}")
	provider := func(auth string) string {
		return fmt.Sprintf("{provider: {vault: {server: %q, path: secret, version: v2, auth: %s}}}", s.lab.VaultAddr, auth)
	}
	s.kubectl.MustApply(t, besideTeam, "{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: vault}, spec: "+
		provider("{tokenSecretRef: {name: vault-login, key: token}}")+"}")
	s.kubectl.MustApply(t, "", "{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: shared}, spec: "+
		provider(fmt.Sprintf("{appRole: {path: approle, roleId: %s, secretRef: {name: vault-login, key: id, namespace: %s}}}", role.Data["role_id"], besideTeam))+"}")
}

// rotate writes a new password.
func (s *besideSite) rotate(t *testing.T) (password string) {
	t.Helper()
	password = secretValue()
	s.putVault(t, "beside/db", map[string]any{"username": "ann", "password": password})
	return password
}

// arrives waits until the Secrets of all objects hold a password.
func (s *besideSite) arrives(t *testing.T, password string) {
	t.Helper()
	for _, o := range besideObjects() {
		want := map[string]string{}
		for key, values := range o.values(password) {
			want[key] = values[0]
		}
		s.holds(t, o.namespace, o.name, want)
	}
}

// servedByESO waits until External Secrets Operator has served all objects: its traces are on Secrets and objects.
func (s *besideSite) servedByESO(t *testing.T) {
	t.Helper()
	for _, o := range besideObjects() {
		harness.Eventually(t, func() error {
			secret, object := s.secret(t, o.namespace, o.name), s.esoObject(t, o.namespace, o.name)
			if secret.Annotations[v1.AnnotationDataHash] == "" || secret.Labels[v1.LabelManaged] != "true" || len(object.Finalizers) != 1 {
				return fmt.Errorf("%s: got annotations %v, labels %v and finalizers %v, want External Secrets Operator's",
					o.name, secret.Annotations, secret.Labels, object.Finalizers)
			}
			return nil
		})
		s.says(t, o.namespace, o.name, v1.ReasonSynced, "secret synced")
	}
}

// servedByUs waits until Secretgate has served all objects: no digest of values is on their Secrets any more.
func (s *besideSite) servedByUs(t *testing.T) {
	t.Helper()
	for _, o := range besideObjects() {
		harness.Eventually(t, func() error {
			if found := s.secret(t, o.namespace, o.name).Annotations; found[v1.AnnotationDataHash] != "" {
				return fmt.Errorf("%s: got annotations %v, want no digest", o.name, found)
			}
			return nil
		})
		s.says(t, o.namespace, o.name, v1.ReasonSynced, "secret synced")
	}
}

// watched is what the Secrets of all objects were, and all that becomes of them.
type watched struct {
	site    *besideSite
	before  map[string]*corev1.Secret
	watches map[string]*secretWatch
}

func (s *besideSite) watches(t *testing.T) watched {
	t.Helper()
	w := watched{s, map[string]*corev1.Secret{}, map[string]*secretWatch{}}
	for _, o := range besideObjects() {
		if w.watches[o.namespace] == nil {
			w.watches[o.namespace] = s.watchSecrets(t, o.namespace)
		}
		w.before[o.name] = s.secret(t, o.namespace, o.name)
	}
	return w
}

// areWhole fails if a Secret ever was away, or not whole.
func (w watched) areWhole(t *testing.T, passwords ...string) {
	t.Helper()
	for _, o := range besideObjects() {
		w.watches[o.namespace].isWhole(t, w.before[o.name], o.values(passwords...))
	}
}

// give makes both stores those of a controller; empty: of the default one.
func (s *besideSite) give(t *testing.T, controller string) {
	t.Helper()
	patch := `{"spec": {"controller": null}}`
	if controller != "" {
		patch = fmt.Sprintf(`{"spec": {"controller": %q}}`, controller)
	}
	for _, store := range []string{"secretstores.external-secrets.io/vault", "clustersecretstores.external-secrets.io/shared"} {
		s.kubectl.Must(t, "patch", store, "-n", besideTeam, "--type=merge", "--patch", patch)
	}
}

// writesOf counts the writes of a user, but for events and Leases, by what was written.
func (s *besideSite) writesOf(t *testing.T, user string) map[auditedWrite]int {
	t.Helper()
	count := map[auditedWrite]int{}
	for _, w := range s.log.writesOf(t, user) {
		if w.Resource != "events" && w.Resource != "leases" {
			count[w]++
		}
	}
	return count
}

const userOfSyncer = "system:serviceaccount:" + lab.Namespace + ":syncer"

// restart starts both services with a further flag.
func (s *besideSite) restart(t *testing.T, flag string) {
	t.Helper()
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		service.Stop()
		service.Args = append(service.Args, flag)
	}
	s.startServices(t)
}

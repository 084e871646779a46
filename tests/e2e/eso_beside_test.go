package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
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

// TestBesideESO runs External Secrets Operator itself, and moves its stores to Secretgate and back.
func TestBesideESO(t *testing.T) {
	t.Parallel()
	s := newBesideSite(t)
	t.Cleanup(func() {
		if t.Failed() {
			said, err := s.kubectl.Run(context.Background(), "get", "externalsecrets.external-secrets.io", "--all-namespaces",
				"--output=jsonpath={range .items[*]}{.metadata.name}: {.metadata.finalizers} {.status.conditions}{\"\\n\"}{end}")
			t.Log(said, err)
			said, err = s.kubectl.Run(context.Background(), "get", "events", "--all-namespaces")
			t.Log(said, err)
			text, _ := os.ReadFile(s.lab.LogFile("syncer"))
			t.Log(string(text))
			text, _ = os.ReadFile(s.lab.LogFile("external-secrets"))
			_ = os.WriteFile("/tmp/eso/eso.log", text, 0o600)
			text, _ = os.ReadFile(string(s.log))
			_ = os.WriteFile("/tmp/eso/audit.log", text, 0o600)
		}
	})
	s.setUpBeside(t)
	s.installsBeside(t)
	t.Run("a store that is moved takes its objects with it, and their Secrets are never away", s.movesOver)
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
	if _, err := vault.Logical().WriteWithContext(t.Context(), "auth/approle/role/beside", map[string]any{"token_policies": lab.VaultPolicy}); err != nil {
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
		s.esoSite.holds(t, o.namespace, o.name, want)
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

func (s *besideSite) movesOver(t *testing.T) {
	old := s.rotate(t)
	for _, o := range besideObjects() {
		s.kubectl.MustApply(t, o.namespace, s.object(o.name, "{"+o.spec+"}"))
	}
	s.arrives(t, old)
	s.servedByESO(t)
	before := map[string]*corev1.Secret{}
	for _, o := range besideObjects() {
		before[o.name] = s.secret(t, o.namespace, o.name)
	}
	watches := map[string]*secretWatch{besideTeam: s.watchSecrets(t, besideTeam), besideMerge: s.watchSecrets(t, besideMerge)}
	for _, store := range []string{"secretstores.external-secrets.io/vault", "clustersecretstores.external-secrets.io/shared"} {
		s.kubectl.Must(t, "patch", store, "-n", besideTeam, "--type=merge", "--patch", `{"spec": {"controller": "secretgate"}}`)
	}
	s.servedByUs(t)
	passwords := []string{old}
	for range 5 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	for _, o := range besideObjects() {
		watches[o.namespace].isWhole(t, before[o.name], o.values(passwords...))
		t.Log(o.name, s.esoObject(t, o.namespace, o.name).Finalizers, s.esoObject(t, o.namespace, o.name).ManagedFields)
	}
	for _, user := range []string{userOfESO, "system:serviceaccount:secretgate:syncer"} {
		count := map[auditedWrite]int{}
		for _, w := range s.log.writesOf(t, user) {
			count[w]++
		}
		t.Log(user, count)
	}
	t.Log(strings.Count(s.logOfESO(t), "uses unmanaged SecretStore"))
}

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
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
		}
	})
	s.setUpBeside(t)
	s.installsBeside(t)
	t.Run("a store that is moved takes its objects with it, and their Secrets are never away", s.movesOver)
	t.Run("and one that is given back likewise", s.movesBack)
	t.Run("where both serve, that is reported, and Secrets are whole", s.servesTwice)
	t.Run("where Secretgate judges alone, External Secrets Operator serves what it permits", s.judgesAlone)
	t.Run("objects can be deleted once External Secrets Operator is gone", s.survives)
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

func (s *besideSite) movesOver(t *testing.T) {
	passwords := []string{s.rotate(t)}
	for _, o := range besideObjects() {
		s.kubectl.MustApply(t, o.namespace, s.object(o.name, "{"+o.spec+"}"))
	}
	s.arrives(t, passwords[0])
	s.servedByESO(t)
	secrets := s.watches(t)
	s.give(t, "secretgate")
	s.servedByUs(t)
	left := s.writesOf(t, userOfESO)
	for range 3 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	s.servedByUs(t)
	secrets.areWhole(t, passwords...)
	for w, n := range s.writesOf(t, userOfESO) {
		if w.Resource == "secrets" && n != left[w] {
			t.Errorf("External Secrets Operator wrote a Secret that is Secretgate's %d times: %v", n-left[w], w)
		}
	}
	for w, n := range s.writesOf(t, userOfSyncer) {
		if w.Resource == "externalsecrets" && w.Subresource == "" && n > 1 {
			t.Errorf("got %d writes %v, want one: External Secrets Operator puts its finalizer back", n, w)
		}
	}
	for _, o := range besideObjects() {
		if passed := "skipping ExternalSecret, uses unmanaged SecretStore"; !strings.Contains(s.logOfESO(t), passed) {
			t.Errorf("External Secrets Operator does not log %q of %s", passed, o.name)
		}
	}
}

// movesBack touches the objects, as the README says: External Secrets Operator watches no stores, and has dropped what it passed by.
func (s *besideSite) movesBack(t *testing.T) {
	passwords := []string{s.rotate(t)}
	s.arrives(t, passwords[0])
	secrets := s.watches(t)
	s.give(t, "")
	passwords = append(passwords, s.rotate(t))
	for _, namespace := range []string{besideTeam, besideMerge} {
		s.kubectl.Must(t, "annotate", "externalsecrets.external-secrets.io", "--all", "-n", namespace, "--overwrite", "force-sync=back")
	}
	s.arrives(t, passwords[1])
	s.servedByESO(t)
	left := s.writesOf(t, userOfSyncer)
	for range 3 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	s.servedByESO(t)
	secrets.areWhole(t, passwords...)
	if diff := cmp.Diff(left, s.writesOf(t, userOfSyncer)); diff != "" {
		t.Errorf("Secretgate writes what is External Secrets Operator's (-before +after):\n%s", diff)
	}
}

// restart starts both services with a further flag.
func (s *besideSite) restart(t *testing.T, flag string) {
	t.Helper()
	for _, service := range []*lab.Service{s.lab.Webhook, s.lab.Syncer} {
		service.Stop()
		service.Args = append(service.Args, flag)
	}
	s.startServices(t)
}

func (s *besideSite) servesTwice(t *testing.T) {
	passwords := []string{s.rotate(t)}
	s.arrives(t, passwords[0])
	secrets := s.watches(t)
	s.restart(t, "--eso-serve-default=true")
	for _, o := range besideObjects() {
		if o.name == "merged" { // both set the same entries, and take nothing away
			continue
		}
		harness.Eventually(t, func() error {
			said := s.kubectl.Must(t, "get", "events", "-n", o.namespace, "--field-selector=reason=ServedTwice,involvedObject.name="+o.name)
			if want := "another controller writes Secret " + o.name + ": if External Secrets Operator serves its store, too"; !strings.Contains(said, want) {
				return fmt.Errorf("got events %q of %s, want %q", said, o.name, want)
			}
			return nil
		})
	}
	for range 2 {
		passwords = append(passwords, s.rotate(t))
		s.arrives(t, passwords[len(passwords)-1])
	}
	secrets.areWhole(t, passwords...)
	s.restart(t, "--eso-serve-default=false")
	passwords = append(passwords, s.rotate(t))
	s.arrives(t, passwords[len(passwords)-1])
	s.servedByESO(t)
}

// judgesAlone narrows the policy under objects that are there: what External Secrets Operator writes to these must pass.
func (s *besideSite) judgesAlone(t *testing.T) {
	s.lab.Syncer.Stop()
	s.kubectl.Must(t, "annotate", "namespace", besideTeam, names.AnnotationPermittedKeyName+"=secret/data/public/.*")
	reads := func(name, key string) string {
		return s.object(name, fmt.Sprintf("{refreshInterval: 1s, secretStoreRef: {name: vault}, data: [{secretKey: a, remoteRef: {key: %s, property: a}}]}", key))
	}
	harness.Eventually(t, func() error { // the webhook learns of the annotation with a delay
		_, err := s.kubectl.Apply(t.Context(), besideTeam, reads("denied", "beside/db"), "--dry-run=server")
		const want = `spec.data[0].remoteRef.key: Forbidden: "secret/data/beside/db" is not permitted in namespace "` + besideTeam + `"`
		if err == nil || !strings.Contains(err.Error(), want) {
			return fmt.Errorf("got %w, want a denial that says %q", err, want)
		}
		return nil
	})
	value := secretValue()
	s.putVault(t, "public/a", map[string]any{"a": value})
	s.kubectl.MustApply(t, besideTeam, reads("permitted", "public/a"))
	s.holds(t, besideTeam, "permitted", map[string]string{"a": value})
	s.says(t, besideTeam, "permitted", v1.ReasonSynced, "secret synced")

	s.kubectl.Must(t, "patch", "externalsecrets.external-secrets.io/owned", "-n", besideTeam, "--type=merge", "--patch", `{"metadata": {"finalizers": null}}`)
	s.arrives(t, s.rotate(t))
	s.servedByESO(t)
	for _, name := range []string{"owned", "permitted"} {
		s.kubectl.Must(t, "delete", "externalsecrets.external-secrets.io", name, "-n", besideTeam, "--timeout=60s")
	}
	s.kubectl.Must(t, "annotate", "namespace", besideTeam, names.AnnotationPermittedKeyName+"-")
}

// survives takes External Secrets Operator away, of which its finalizers are left. Objects that Secretgate serves can be deleted, and
// leave what they must.
func (s *besideSite) survives(t *testing.T) {
	harness.Eventually(t, func() error {
		_, err := s.kubectl.Apply(t.Context(), besideTeam, s.object("owned", "{"+besideObjects()[0].spec+"}"))
		return err
	})
	if err := s.lab.Syncer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.servedByESO(t)
	s.give(t, "secretgate")
	s.arrives(t, s.rotate(t))
	s.servedByUs(t)
	s.process.Stop()
	for _, o := range besideObjects() {
		s.kubectl.Must(t, "delete", "externalsecrets.external-secrets.io", o.name, "-n", o.namespace, "--timeout=60s")
	}
	harness.Eventually(t, func() error {
		want := map[string]bool{"owned": false, "templated": false, "orphaned": true, "merged": true}
		for _, o := range besideObjects() {
			left := s.kubectl.Must(t, "get", "secret", o.name, "-n", o.namespace, "--ignore-not-found", "--output=name")
			if got := left != ""; got != want[o.name] {
				return fmt.Errorf("secret %s is left: got %t, want %t", o.name, got, want[o.name])
			}
		}
		return nil
	})
}

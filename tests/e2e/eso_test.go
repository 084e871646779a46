package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// esoSite is a cluster with the objects of External Secrets Operator, and a ClusterSecretStore of Secretgate's, which reads as the syncer.
type esoSite struct {
	*site
	log auditLogFile
}

const sharedStore = `{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: shared}, spec: {controller: secretgate,
	provider: {aws: {service: SecretsManager, region: eu-central-1}}}}`

func TestESO(t *testing.T) {
	t.Parallel()
	made, log := newESOSite(t)
	s := esoSite{made, log}
	s.kubectl.MustApply(t, "", sharedStore)
	t.Run("an object that External Secrets Operator served is taken over", s.takesOver)
	t.Run("entries are found, rewritten, decoded and templated", s.renders)
	t.Run("entries go when the backend has them no more, and the Secret with the last", s.deletes)
	t.Run("entries are added to a Secret that another client makes", s.merges)
	t.Run("any annotation has an object read at once", s.forces)
	t.Run("objects of v1beta1 are served, with a warning", s.servesOlder)
	t.Run("stores are judged when they are applied, and warn of what they forbid", s.judgesStores)
	t.Run("1,000 objects of one store share its calls, and are not written at rest", s.shares)
	t.Run("what gets past the webhook, the syncer refuses, and sends nothing", s.refuses)
}

// namespace makes one.
func (s esoSite) namespace(t *testing.T, name string, annotations ...string) string {
	t.Helper()
	s.kubectl.MustApply(t, "", fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, annotations: {%s}}}",
		name, strings.Join(annotations, ", ")))
	return name
}

func (s esoSite) store(t *testing.T, secrets ...secretsmanager.Secret) {
	t.Helper()
	if err := s.lab.Clouds.AWS().PutSecrets("eu-central-1", secrets...); err != nil {
		t.Fatal(err)
	}
}

func (s esoSite) object(name, spec string) string {
	return fmt.Sprintf("{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: %s}, spec: %s}", name, spec)
}

// holds waits until a Secret has this data alone.
func (s esoSite) holds(t *testing.T, namespace, name string, want map[string]string) (found corev1.Secret) {
	t.Helper()
	harness.Eventually(t, func() error {
		found = corev1.Secret{}
		if err := s.kubectl.Read(t.Context(), &found, "secret", name, "-n", namespace); err != nil {
			return err
		}
		got := map[string]string{}
		for key, value := range found.Data {
			got[key] = string(value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("secret %s (-want +got):\n%s", name, diff)
		}
		return nil
	})
	return found
}

// says waits for the reason and the message of condition Ready.
func (s esoSite) says(t *testing.T, namespace, name, reason, message string) (found v1.ExternalSecret) {
	t.Helper()
	harness.Eventually(t, func() error {
		found = v1.ExternalSecret{}
		if err := s.kubectl.Read(t.Context(), &found, "externalsecrets.external-secrets.io", name, "-n", namespace); err != nil {
			return err
		}
		for _, c := range found.Status.Conditions {
			if c.Type == "Ready" && c.Reason == reason && strings.Contains(c.Message, message) {
				return nil
			}
		}
		return fmt.Errorf("%s: got conditions %v, want reason %s and %q", name, found.Status.Conditions, reason, message)
	})
	return found
}

// takesOver has the Secret and the object that External Secrets Operator leaves, and then the one line that moves the store.
func (s esoSite) takesOver(t *testing.T) {
	ns, password := s.namespace(t, "takeover"), secretValue()
	s.store(t, secretsmanager.Secret{Name: "takeover/db", String: password})
	const before = `{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: aws}, spec: {%s provider: {aws: {
		service: SecretsManager, region: eu-central-1, auth: {secretRef: {
		accessKeyIDSecretRef: {name: aws, key: id}, secretAccessKeySecretRef: {name: aws, key: secret}}}}}}}`
	s.kubectl.MustApply(t, ns, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: aws}, stringData: {id: %s, secret: %s}}",
		s.lab.AWSAccessKeyID, s.lab.AWSSecretAccessKey))
	s.kubectl.MustApply(t, ns, fmt.Sprintf(before, ""))
	s.kubectl.MustApply(t, ns, `{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: db, finalizers: [`+v1.Finalizer+`]},
		spec: {secretStoreRef: {name: aws}, refreshInterval: 2s, data: [
		{secretKey: password, remoteRef: {key: takeover/db}}]}}`)
	var object v1.ExternalSecret
	s.decode(t, &object, "externalsecrets.external-secrets.io", "db", "-n", ns)
	s.kubectl.Stdin(fmt.Sprintf(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": %q,
		"labels": {%q: "true"}, "annotations": {%q: "5f1c"}, "ownerReferences": [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
		"name": "db", "uid": %q, "controller": true, "blockOwnerDeletion": true}]}, "stringData": {"password": %q}}`,
		ns, v1.LabelManaged, v1.AnnotationDataHash, object.UID, password)).
		Must(t, "create", "--filename=-", "--field-manager="+v1.FieldManagerPrefix+"db")
	var left corev1.Secret
	s.decode(t, &left, "secret", "db", "-n", ns)

	s.kubectl.MustApply(t, ns, fmt.Sprintf(before, "controller: secretgate,"))
	s.kubectl.Must(t, "wait", "--for=condition=Ready", "--timeout=30s", "secretstores.external-secrets.io/aws", "-n", ns)
	s.says(t, ns, "db", v1.ReasonSynced, "secret synced")
	taken := s.holds(t, ns, "db", map[string]string{"password": password})
	if taken.UID != left.UID || taken.Annotations[v1.AnnotationDataHash] != "" {
		t.Errorf("got uid %s and annotations %v, want uid %s, and no digest", taken.UID, taken.Annotations, left.UID)
	}
	harness.Eventually(t, func() error {
		object = v1.ExternalSecret{}
		err := s.kubectl.Read(t.Context(), &object, "externalsecrets.external-secrets.io", "db", "-n", ns)
		if err != nil || len(object.Finalizers) > 0 {
			return fmt.Errorf("got finalizers %v (%w), want none", object.Finalizers, err)
		}
		return nil
	})
	s.store(t, secretsmanager.Secret{Name: "takeover/db", String: password + "-rotated"})
	s.holds(t, ns, "db", map[string]string{"password": password + "-rotated"})

	// Back: the store is External Secrets Operator's again, and Secretgate leaves the object alone.
	s.kubectl.MustApply(t, ns, fmt.Sprintf(before, "controller: other,"))
	s.kubectl.Must(t, "label", "secret", "db", "-n", ns, "mark=kept")
	s.kubectl.Must(t, "delete", "externalsecrets.external-secrets.io", "db", "-n", ns)
}

func (s esoSite) renders(t *testing.T) {
	ns, password := s.namespace(t, "renders"), secretValue()
	list := `[{"p": ` + fmt.Sprintf("%q", password) + `}]`
	s.store(t,
		secretsmanager.Secret{Name: "renders/app", String: `{"user.name": "ann", "list": ` + list + `, "big": 12345678901234567890}`},
		secretsmanager.Secret{Name: "renders/found/a", String: "first"}, secretsmanager.Secret{Name: "renders/found/b", String: "c2Vjb25k"},
	)
	s.kubectl.MustApply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: templates}, data: {all: 'line: \"{{ .password | upper }}\"'}}")
	s.kubectl.MustApply(t, ns, s.object("app", `{secretStoreRef: {name: shared, kind: ClusterSecretStore},
		target: {template: {type: example.com/app, mergePolicy: Merge, data: {url: "db://{{ .user }}@host"},
			templateFrom: [{literal: "port: \"5432\""}, {configMap: {name: templates, items: [{key: all, templateAs: KeysAndValues}]}}]}},
		dataFrom: [
			{extract: {key: renders/app}, rewrite: [{regexp: {source: "^(.*)$", target: "app_$1"}}]},
			{find: {path: renders/found/, name: {regexp: "/[a]$"}}},
		],
		data: [
			{secretKey: user, remoteRef: {key: renders/app, property: "user.name"}},
			{secretKey: password, remoteRef: {key: renders/app, property: "list.0.p"}},
			{secretKey: second, remoteRef: {key: renders/found/b, decodingStrategy: Base64}},
		]}`))
	secret := s.holds(t, ns, "app", map[string]string{
		"app_user.name": "ann", "app_list": list, "app_big": "12345678901234567890",
		"renders_found_a": "first", "user": "ann", "password": password, "second": "second",
		"url": "db://ann@host", "port": "5432", "line": strings.ToUpper(password),
	})
	if secret.Type != "example.com/app" {
		t.Errorf("got a Secret of type %q, want example.com/app", secret.Type)
	}
	said := s.kubectl.Must(t, "get", "externalsecrets.external-secrets.io", "app", "-n", ns)
	for _, column := range []string{
		"STORETYPE", "STORE", "REFRESH INTERVAL", "STATUS", "READY", "LAST SYNC", "ClusterSecretStore", "SecretSynced", "True",
	} {
		if !strings.Contains(said, column) {
			t.Errorf("kubectl get says %q, want %s in it", said, column)
		}
	}
}

func (s esoSite) deletes(t *testing.T) {
	ns := s.namespace(t, "deletes")
	values := map[string]string{"a": secretValue(), "b": secretValue()}
	put := func(name string) { s.store(t, secretsmanager.Secret{Name: "deletes/" + name, String: values[name]}) }
	put("a")
	put("b")
	s.kubectl.MustApply(t, ns, s.object("db", `{secretStoreRef: {name: shared, kind: ClusterSecretStore}, refreshInterval: 1s,
		target: {deletionPolicy: Delete},
		data: [{secretKey: a, remoteRef: {key: deletes/a}}, {secretKey: b, remoteRef: {key: deletes/b}}]}`))
	s.holds(t, ns, "db", values)
	s.lab.Clouds.AWS().DeleteSecrets("eu-central-1", "deletes/a")
	s.holds(t, ns, "db", map[string]string{"b": values["b"]})
	s.lab.Clouds.AWS().DeleteSecrets("eu-central-1", "deletes/b")
	s.says(t, ns, "db", v1.ReasonDeleted, "")
	if said := s.kubectl.Must(t, "get", "secret", "db", "-n", ns, "--ignore-not-found"); said != "" {
		t.Errorf("got the Secret %q, want it deleted", said)
	}
	put("a")
	s.holds(t, ns, "db", map[string]string{"a": values["a"]})
}

func (s esoSite) merges(t *testing.T) {
	ns, value := s.namespace(t, "merges"), secretValue()
	s.store(t, secretsmanager.Secret{Name: "merges/a", String: value})
	s.kubectl.MustApply(t, ns, "{apiVersion: v1, kind: Secret, metadata: {name: others}, stringData: {theirs: x}}")
	said, err := s.kubectl.Apply(t.Context(), ns, s.object("others", `{secretStoreRef: {name: shared, kind: ClusterSecretStore}, refreshInterval: 1s,
		target: {creationPolicy: Merge, deletionPolicy: Merge}, data: [{secretKey: ours, remoteRef: {key: merges/a}}]}`))
	const warning = `spec.target.creationPolicy is not honoured: namespace merges lacks annotation secretgate.io/permit-adopt: "true"`
	if err != nil || !strings.Contains(said, warning) {
		t.Fatalf("got %q (%v), want a warning", said, err)
	}
	s.says(t, ns, "others", v1.ReasonSyncedError, "SecretNotOwned: ")
	s.holds(t, ns, "others", map[string]string{"theirs": "x"})
	s.kubectl.Must(t, "annotate", "namespace", ns, "secretgate.io/permit-adopt=true")
	s.holds(t, ns, "others", map[string]string{"theirs": "x", "ours": value})
	s.lab.Clouds.AWS().DeleteSecrets("eu-central-1", "merges/a")
	s.holds(t, ns, "others", map[string]string{"theirs": "x"})
}

func (s esoSite) forces(t *testing.T) {
	ns, value := s.namespace(t, "forces"), secretValue()
	s.store(t, secretsmanager.Secret{Name: "forces/a", String: value})
	s.kubectl.MustApply(t, ns, s.object("db", `{secretStoreRef: {name: shared, kind: ClusterSecretStore}, refreshPolicy: OnChange,
		target: {template: {metadata: {labels: {app: db}}}}, data: [{secretKey: a, remoteRef: {key: forces/a}}]}`))
	s.holds(t, ns, "db", map[string]string{"a": value})
	s.store(t, secretsmanager.Secret{Name: "forces/a", String: value + "-rotated"})
	s.kubectl.Must(t, "annotate", "externalsecrets.external-secrets.io", "db", "-n", ns, "force-sync=now")
	s.holds(t, ns, "db", map[string]string{"a": value + "-rotated"})
}

func (s esoSite) servesOlder(t *testing.T) {
	ns, value := s.namespace(t, "older"), secretValue()
	s.store(t, secretsmanager.Secret{Name: "older/a", String: value})
	said := s.kubectl.MustApply(t, ns, strings.Replace(s.object("db", `{secretStoreRef: {name: shared, kind: ClusterSecretStore},
		data: [{secretKey: a, remoteRef: {key: older/a, conversionStrategy: Default, decodingStrategy: None, metadataPolicy: None}}]}`),
		"external-secrets.io/v1,", "external-secrets.io/v1beta1,", 1))
	if !strings.Contains(said, "external-secrets.io/v1beta1 ExternalSecret is deprecated: write external-secrets.io/v1") {
		t.Errorf("kubectl apply says %q, want a warning", said)
	}
	s.holds(t, ns, "db", map[string]string{"a": value})
}

func (s esoSite) judgesStores(t *testing.T) {
	ns := s.namespace(t, "judges", "secretgate.io/permitted-vault-server: "+strings.NewReplacer(".", "[.]").Replace(`"`+s.lab.VaultAddr+`"`),
		`externalsecrets.kubernetes-client.io/permitted-key-name: "secret/data/core/.*"`)
	store := func(server, path, auth string) string {
		return fmt.Sprintf(`{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: vault}, spec: {controller: secretgate,
			provider: {vault: {server: %q, path: %s, auth: %s}}}}`, server, path, auth)
	}
	const login = "{tokenSecretRef: {name: login, key: token}}"
	for name, test := range map[string]struct{ manifest, want string }{
		"the syncer's own identity": {store(s.lab.VaultAddr, "secret", "{kubernetes: {role: core}}"), "a SecretStore may not read as the syncer itself"},
		"a server that is not listed": {
			store("https://evil.example", "secret", login), `spec.provider.vault.server: Forbidden: "https://evil.example" is not among the servers of Vault`,
		},
		"a Secret of another namespace": {
			store(s.lab.VaultAddr, "secret", "{tokenSecretRef: {name: login, key: token, namespace: kube-system}}"),
			"auth.tokenSecretRef.namespace: Forbidden: must be judges, the store's own namespace, or absent",
		},
	} {
		if _, err := s.kubectl.Apply(t.Context(), ns, test.manifest); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a denial that says %q", name, err, test.want)
		}
	}
	s.kubectl.MustApply(t, ns, store(s.lab.VaultAddr, "secret", login))
	s.kubectl.MustApply(t, ns, s.object("db", "{secretStoreRef: {name: vault}, data: [{secretKey: a, remoteRef: {key: core/db}}]}"))
	said := s.kubectl.MustApply(t, ns, store(s.lab.VaultAddr, "other", login))
	if !strings.Contains(said, "db: spec.data[0].remoteRef.key") {
		t.Errorf("kubectl apply says %q, want a warning that the store forbids db", said)
	}
	valid := func(want string) { // what the store says itself
		s.kubectl.Must(t, "wait", "--for=jsonpath={.status.conditions[0].reason}="+want, "--timeout=30s", "secretstores.external-secrets.io/vault", "-n", ns)
	}
	valid(v1.ReasonValid)
	s.kubectl.Must(t, "annotate", "namespace", ns, "--overwrite", "secretgate.io/permitted-vault-server=https://other.example")
	valid(v1.ReasonInvalid)
	said, err := s.kubectl.Apply(t.Context(), ns, s.object("early", "{secretStoreRef: {name: later}, data: [{secretKey: a, remoteRef: {key: p}}]}"))
	if err != nil || !strings.Contains(said, "there is no SecretStore judges/later yet") {
		t.Errorf("got %q (%v), want a warning that the store is not there yet", said, err)
	}
}

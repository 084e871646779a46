package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// Each overlay is installed as users install it, used, disturbed, and taken away again.
func TestOverlays(t *testing.T) {
	type step struct {
		name string
		run  func(*testing.T)
	}
	cases := []struct {
		name, overlay string
		webhooks      int
		syncers       int
		more          func(i *installation) []step // what its components do
	}{
		{"the self-signed overlay, with restarts", "tests/cluster/testdata/restarts", 2, 1, func(i *installation) []step {
			return []step{{"a rotation restarts the workloads that ask for it, once", i.restarts}}
		}},
		{"the high-availability overlay", "kustomize/overlays/high-availability", 3, 2, func(*installation) []step { return nil }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			i := installation{overlay: filepath.Join(theCluster.Root, filepath.FromSlash(c.overlay))}
			i.namespace = "team-" + strings.ToLower(rand.Text()[:6])
			i.install(t)
			defer i.remove(t)
			steps := slices.Concat([]step{
				{"its pods run under restricted Pod Security", func(t *testing.T) { i.runsRestricted(t, c.webhooks, c.syncers) }},
				{"admission answers through the Service", i.admits},
				{"a Secret reaches a pod, and so does its rotation", i.reachesPods},
			}, c.more(&i), []step{
				{"templates are rendered, and those that take too much end alone", i.rendersTemplates},
				{"nothing fails while pods come and go", i.survives},
				{"syncers share the objects", i.shares},
				{"uninstalling leaves what should stay", i.uninstalls},
			})
			for _, step := range steps {
				if !t.Run(step.name, step.run) {
					return
				}
			}
		})
	}
}

// installation is one overlay in the cluster, and the namespace of a team that uses it.
type installation struct {
	overlay, namespace string
	removed            bool
}

func (i *installation) install(t *testing.T) {
	t.Helper()
	root := theCluster.Root
	kubectl.Must(t, "apply", "--filename="+filepath.Join(root, "kustomize", "base", "namespace.yaml"))
	// What a cluster has of its own: where its Vault is.
	kubectl.MustApply(t, "", fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata:
  name: syncer-env
  namespace: %s
data:
  VAULT_ADDR: %s
`, lab.Namespace, theCluster.VaultURL))
	kubectl.Must(t, "apply", "--kustomize="+i.overlay)
	rolledOut(t, "webhook")
	rolledOut(t, "syncer")
	kubectl.MustApply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+i.namespace+
		", labels: {pod-security.kubernetes.io/enforce: restricted}}}")
	i.plant(t, "load", "value")
	i.plant(t, "app", "first")
}

// plant writes a value into Vault.
func (i *installation) plant(t *testing.T, name, value string) {
	t.Helper()
	if _, err := theCluster.Vault().KVv2("secret").Put(t.Context(), name, map[string]any{"value": value}); err != nil {
		t.Fatal(err)
	}
}

// remove takes everything away that uninstalls did not come to.
func (i *installation) remove(t *testing.T) {
	t.Helper()
	if !i.removed {
		_, _ = kubectl.Run(t.Context(), "delete", "--kustomize="+i.overlay, "--ignore-not-found", "--timeout="+harness.Timeout.String())
	}
	kubectl.Must(t, "delete", "namespace", i.namespace, "--timeout="+harness.Timeout.String())
}

func (i *installation) runsRestricted(t *testing.T, webhooks, syncers int) {
	label := kubectl.Must(t, "get", "namespace", lab.Namespace, `--output=jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}`)
	if label != "restricted" {
		t.Errorf("the namespace enforces Pod Security %q, not restricted", label)
	}
	for name, want := range map[string]int{"webhook": webhooks, "syncer": syncers} {
		found := pods(t, lab.Namespace, name)
		if len(found) != want {
			t.Errorf("%d pods of %s, want %d", len(found), name, want)
		}
		for _, pod := range found {
			if status := pod.Status.ContainerStatuses[0]; status.RestartCount > 0 || !status.Ready {
				t.Errorf("%s started %d times again and is ready: %v", pod.Name, status.RestartCount, status.Ready)
			}
		}
	}
}

// object is an ExternalSecret that reads Vault as the syncer's pod.
func (i *installation) object(name, spec string) string {
	return fmt.Sprintf(`
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: %s
  namespace: %s
spec:
  backendType: vault
  vaultMountPoint: kubernetes
  vaultRole: my-vault-role
  refreshInterval: 10s
  data: [{name: value, key: secret/data/app, property: value}]
%s`, name, i.namespace, spec)
}

func (i *installation) admits(t *testing.T) {
	// At once: a user who waits for the rollout, as the documents say, is not refused.
	if _, err := kubectl.Apply(t.Context(), "", i.object("good", ""), "--dry-run=server"); err != nil {
		t.Errorf("an object that its namespace permits: %v", err)
	}
	const permitted = "externalsecrets.kubernetes-client.io/permitted-key-name"
	kubectl.Must(t, "annotate", "namespace", i.namespace, permitted+"=secret/data/other/.*")
	defer kubectl.Must(t, "annotate", "namespace", i.namespace, permitted+"-")
	harness.Eventually(t, func() error {
		_, err := kubectl.Apply(t.Context(), "", i.object("bad", ""), "--dry-run=server")
		if err == nil {
			return errors.New("an object that its namespace does not permit is accepted")
		}
		if !strings.Contains(err.Error(), `"secret/data/app" is not permitted in namespace`) {
			return fmt.Errorf("an object that its namespace does not permit is answered with another reason: %w", err)
		}
		return nil
	})
}

// reader is a pod that answers with the files of a Secret that it mounts.
const reader = `
apiVersion: v1
kind: Pod
metadata:
  name: reader
  namespace: %s
  labels: {app.kubernetes.io/name: reader}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: reader
      image: secretgate.test/reader:lab
      ports: [{containerPort: 8080}]
      volumeMounts: [{name: app, mountPath: /mounted, readOnly: true}]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
  volumes:
    - name: app
      secret: {secretName: app}
`

func (i *installation) reachesPods(t *testing.T) {
	kubectl.MustApply(t, "", i.object("app", ""))
	// The pod waits for its volume until the Secret is there.
	kubectl.MustApply(t, "", fmt.Sprintf(reader, i.namespace))
	kubectl.Must(t, "--namespace="+i.namespace, "wait", "--for=condition=Ready", "pod/reader", "--timeout="+harness.Timeout.String())
	pod := pods(t, i.namespace, "reader")[0]
	for _, value := range []string{"first", "second"} {
		i.plant(t, "app", value)
		harness.Eventually(t, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), answerLimit)
			defer cancel()
			got, err := lab.Get(ctx, "http://"+address(pod, 8080)+"/value")
			if err == nil && got != value {
				err = fmt.Errorf("the mounted file does not hold the %s value", value)
			}
			return err
		})
	}
	i.loggedIn(t)
}

// rendersTemplates does so under the limits of the manifests: with a read-only root, as no root, and with the memory that they grant.
func (i *installation) rendersTemplates(t *testing.T) {
	hostile := map[string]string{
		"loops": "<% for (;;); %>", "eats": "<% let a = []; while (true) a.push(\"x\".repeat(1e6)) %>", "bursts": "<%= Array(1e9).fill(1).join() %>",
	}
	template := func(code string) string { return "  template: {stringData: {made: '" + code + "'}}\n" }
	for name, code := range hostile {
		kubectl.MustApply(t, "", i.object(name, template(code)))
	}
	kubectl.MustApply(t, "", i.object("made", template(`<%= JSON.stringify({v: data.value}) %>`)))
	harness.Eventually(t, func() error {
		secret, err := i.secret(t, "made")
		if err == nil && string(secret.Data["made"]) != `{"v":"second"}` {
			err = errors.New("the Secret does not hold what its template makes")
		}
		return err
	})
	for name := range hostile {
		kubectl.Must(t, "--namespace="+i.namespace, "wait", "--for=jsonpath={.status.conditions[0].reason}=TemplateFailed",
			"externalsecrets.kubernetes-client.io/"+name, "--timeout="+harness.Timeout.String())
		if _, err := i.secret(t, name); err == nil {
			t.Errorf("there is a Secret %s, want none of a template that failed", name)
		}
		kubectl.Must(t, "--namespace="+i.namespace, "delete", "externalsecrets.kubernetes-client.io/"+name)
	}
	for _, service := range []string{"webhook", "syncer"} {
		for _, pod := range pods(t, lab.Namespace, service) {
			if status := pod.Status.ContainerStatuses[0]; status.RestartCount > 0 {
				t.Errorf("%s started again %d times, want a template's end to be its own", pod.Name, status.RestartCount)
			}
		}
	}
}

// loggedIn proves that Vault knows the syncer by its ServiceAccount, whose token it had reviewed.
func (i *installation) loggedIn(t *testing.T) {
	t.Helper()
	list, err := theCluster.Vault().Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	accessors, _ := list.Data["keys"].([]any)
	for _, accessor := range accessors {
		token, err := theCluster.Vault().Auth().Token().LookupAccessorWithContext(t.Context(), fmt.Sprint(accessor))
		if err != nil {
			continue // it has just expired
		}
		meta, _ := token.Data["meta"].(map[string]any)
		if meta["service_account_name"] == "syncer" && meta["service_account_namespace"] == lab.Namespace {
			return
		}
	}
	t.Errorf("none of Vault's %d tokens is the syncer's ServiceAccount's", len(accessors))
}

// uninstalls deletes all that was applied. With the CRD go all ExternalSecrets, and with them the Secrets that they own, which is
// what deletionPolicy Delete, the default, means; under Retain the Secrets stay.
func (i *installation) uninstalls(t *testing.T) {
	kubectl.MustApply(t, "", i.object("kept", "  deletionPolicy: Retain\n"))
	for _, name := range []string{"app", "kept"} {
		harness.Eventually(t, func() error {
			_, err := i.secret(t, name)
			return err
		})
	}
	kubectl.Must(t, "delete", "--kustomize="+i.overlay, "--timeout="+harness.Timeout.String())
	i.removed = true
	harness.Eventually(t, func() error {
		if _, err := i.secret(t, "app"); err == nil {
			return errors.New("the Secret of an object with deletionPolicy Delete is still there")
		}
		return nil
	})
	secret, err := i.secret(t, "kept")
	if err != nil {
		t.Fatalf("the Secret of an object with deletionPolicy Retain: %v", err)
	}
	if string(secret.Data["value"]) != "second" {
		t.Error("the Secret of an object with deletionPolicy Retain lost its value")
	}
}

func (i *installation) secret(t *testing.T, name string) (*corev1.Secret, error) {
	t.Helper()
	secret := &corev1.Secret{}
	return secret, kubectl.Read(t.Context(), secret, "secret", name, "--namespace="+i.namespace)
}

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// object is the manifest of an ExternalSecret; spec is YAML on one line.
func object(name, spec string) string {
	return fmt.Sprintf("apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: %s}\nspec: %s\n", name, spec)
}

// vaultSpec is the beginning of a spec that reads Vault as the lab's role.
const vaultSpec = "backendType: vault, vaultMountPoint: kubernetes, vaultRole: my-vault-role"

// change patches an object (JSON merge patch).
func change(t *testing.T, kind, namespace, name, patch string) {
	t.Helper()
	kubectl.Must(t, "patch", kind, "-n", namespace, name, "--type=merge", "-p", patch)
}

// attempts is how many syncs of an object a syncer's metrics count.
func attempts(t *testing.T, metricsAddress, namespace, name, status string) int {
	t.Helper()
	return int(harness.MustScrape(t, metricsAddress).MustSum(t, "kubernetes_external_secrets_sync_calls_count",
		fmt.Sprintf("name=%q", name), fmt.Sprintf("namespace=%q", namespace), fmt.Sprintf("status=%q", status)))
}

// awaitAttempts waits until the syncer has made n more, so that what it would have done is done.
func awaitAttempts(t *testing.T, metricsAddress, namespace, name, status string, n int) {
	t.Helper()
	before := attempts(t, metricsAddress, namespace, name, status)
	harness.Eventually(t, func() error {
		if made := attempts(t, metricsAddress, namespace, name, status) - before; made < n {
			return fmt.Errorf("%s/%s was synced %d times more with %s, not %d", namespace, name, made, status, n)
		}
		return nil
	})
}

// untouched fails if a Secret is not, byte for byte, what it was.
func untouched(t *testing.T, before *corev1.Secret) {
	t.Helper()
	after := getSecret(t, before.Namespace, before.Name)
	if after == nil {
		t.Fatalf("Secret %s is gone", before.Name)
	}
	if !cmp.Equal(before, after) {
		t.Fatalf("Secret %s was touched: its resourceVersion was %s and is %s", before.Name, before.ResourceVersion, after.ResourceVersion)
	}
}

// awaitNoSecret waits until a Secret is gone.
func awaitNoSecret(t *testing.T, namespace, name string) {
	t.Helper()
	harness.Eventually(t, func() error {
		if getSecret(t, namespace, name) != nil {
			return fmt.Errorf("Secret %s is still there", name)
		}
		return nil
	})
}

// awaitSecret waits until a Secret is as check wants it.
func awaitSecret(t *testing.T, namespace, name string, check func(*corev1.Secret) error) *corev1.Secret {
	t.Helper()
	secret, err := harness.Await(t.Context(), apiServer, harness.Secret(namespace, name), check)
	if err != nil {
		told := "is not there"
		if es := find[apiv1.ExternalSecret](t, externalSecret(namespace, name)); es != nil {
			told = fmt.Sprintf("says %q", es.Status.Status)
		}
		t.Fatalf("%v; an ExternalSecret of its name %s", err, told)
	}
	return secret
}

// says fails unless the object's status holds a text.
func says(t *testing.T, es *apiv1.ExternalSecret, text string) {
	t.Helper()
	if !strings.Contains(es.Status.Status, text) {
		t.Errorf("the status of %s is %q, without %q", es.Name, es.Status.Status, text)
	}
}

// awaitSays waits until an object reports a reason and its status says a text. Sources of other tests may be read by the same
// batch, and fail it in their own way before.
func awaitSays(t *testing.T, namespace, name string, reason plan.Reason, text string) *apiv1.ExternalSecret {
	t.Helper()
	return awaitReport[apiv1.ExternalSecret](t, apiServer, externalSecret(namespace, name), reason, text)
}

// awaitReport is the same for objects of any kind, of any cluster.
func awaitReport[T any](t *testing.T, c *harness.Client, ref harness.Ref, reason plan.Reason, text string) *T {
	t.Helper()
	object, err := harness.AwaitReason[T](t.Context(), c, ref, string(reason), text)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// in puts a namespace's name for NS.
func in(namespace, text string) string { return strings.ReplaceAll(text, "NS", namespace) }

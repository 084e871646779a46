package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// The lab that all tests share, as its admin reaches it.
var (
	kubectl   harness.Kubectl
	apiServer *harness.Client
)

// newNamespace makes a namespace that is the test's own.
func newNamespace(t *testing.T, annotations map[string]string) string {
	t.Helper()
	return makeNamespace(t, nil, annotations)
}

// older is the label of namespaces whose annotations the webhook is not asked about, as if they had been there before it.
const older = "lab.secretgate.io/older"

// olderNamespace makes one, for annotations that would be refused.
func olderNamespace(t *testing.T, annotations map[string]string) string {
	t.Helper()
	return makeNamespace(t, map[string]string{older: "true"}, annotations)
}

// patchNamespaceWebhook takes them from the webhook for namespaces, as an administrator might. It gives the webhook more time, too: the
// API server writes what is not judged in time, and here many labs share two processors.
func patchNamespaceWebhook() error {
	_, err := kubectl.Run(context.Background(), "patch", "validatingwebhookconfiguration", "secretgate-webhook", "--type=json",
		"--patch="+`[{"op": "test", "path": "/webhooks/1/name", "value": "namespaces.secretgate.io"},
			{"op": "replace", "path": "/webhooks/1/timeoutSeconds", "value": 30},
			{"op": "add", "path": "/webhooks/1/namespaceSelector", "value": {"matchExpressions": [{"key": "`+older+`", "operator": "DoesNotExist"}]}}]`)
	return err
}

func makeNamespace(t *testing.T, labels, annotations map[string]string) string {
	t.Helper()
	name := "e2e-" + strings.ToLower(rand.Text()[:10])
	object := map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": labels, "annotations": annotations},
	}
	manifest, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error { // the API server learns of selectors with a delay
		_, err := kubectl.Stdin(string(manifest)).Run(t.Context(), "create", "-f", "-")
		return err
	})
	t.Cleanup(func() {
		tellsNothing(t, name)
		_, _ = kubectl.Run(context.Background(), "delete", "namespace", name, "--wait=false")
	})
	return name
}

// annotate sets or, with a trailing dash, removes an annotation of a namespace.
func annotate(t *testing.T, namespace, annotation string) {
	t.Helper()
	kubectl.Must(t, "annotate", "--overwrite", "namespace", namespace, annotation)
}

func externalSecret(namespace, name string) harness.Ref {
	return harness.Ref{Resource: apiv1.GroupVersion.WithResource("externalsecrets"), Namespace: namespace, Name: name}
}

func secretDefinition(namespace, name string) harness.Ref {
	return harness.Ref{Resource: v1alpha1.GroupVersion.WithResource("secretdefinitions"), Namespace: namespace, Name: name}
}

// find reads an object; it is nil where there is none.
func find[T any](t *testing.T, ref harness.Ref) *T {
	t.Helper()
	object, err := harness.Get[T](t.Context(), apiServer, ref)
	if harness.NotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// getSecret reads a Secret; it is nil where there is none.
func getSecret(t *testing.T, namespace, name string) *corev1.Secret {
	t.Helper()
	return find[corev1.Secret](t, harness.Secret(namespace, name))
}

// getObject reads an ExternalSecret.
func getObject(t *testing.T, namespace, name string) *apiv1.ExternalSecret {
	t.Helper()
	es := find[apiv1.ExternalSecret](t, externalSecret(namespace, name))
	if es == nil {
		t.Fatalf("there is no ExternalSecret %s/%s", namespace, name)
	}
	return es
}

// answered is the API server's answer to a request: 200, or the code and the message of a refusal.
func answered(t *testing.T, err error) (status int, message string) {
	t.Helper()
	if refused, ok := errors.AsType[*harness.Refused](err); ok {
		return refused.Code, refused.Message
	}
	if err != nil {
		t.Fatal(err)
	}
	return http.StatusOK, ""
}

// awaitData waits until a Secret holds exactly these entries. What it says of others are their names.
func awaitData(t *testing.T, namespace, name string, want map[string]string) *corev1.Secret {
	t.Helper()
	return awaitSecret(t, namespace, name, func(secret *corev1.Secret) error { return harness.Holds(secret.Data, want) })
}

// awaitReason waits until condition Ready of the object's present generation has this reason.
func awaitReason(t *testing.T, namespace, name string, want plan.Reason) *apiv1.ExternalSecret {
	t.Helper()
	return awaitSays(t, namespace, name, want, "")
}

// putAWS stores a secret in the lab's region of AWS Secrets Manager, putAWSIn in another one: as a new version if it exists.
func putAWS(t *testing.T, name, value string) {
	t.Helper()
	putAWSIn(t, theLab.AWSRegion, name, value)
}

func putAWSIn(t *testing.T, region, name, value string) {
	t.Helper()
	if err := theLab.Clouds.AWS().PutSecrets(region, secretsmanager.Secret{Name: name, String: value}); err != nil {
		t.Fatal(err)
	}
}

// putVault writes a secret of the KV engine, version 2, at secret/.
func putVault(t *testing.T, name string, data map[string]any) {
	t.Helper()
	if _, err := theLab.Vault().KVv2("secret").Put(t.Context(), name, data); err != nil {
		t.Fatal(err)
	}
}

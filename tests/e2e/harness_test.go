package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/wait"
)

// patience bounds every wait. It is no expectation: a loaded machine may need it.
const patience = 90 * time.Second

// kubectl runs the lab's kubectl as the cluster's admin.
func kubectl(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	stdout, stderr, err := theLab.Kubectl(t.Context(), strings.NewReader(stdin), args...)
	if err != nil {
		return stdout, errors.New(strings.TrimSpace(stderr))
	}
	return stdout + stderr, nil // warnings are on stderr
}

// mustKubectl is kubectl for what is not the test's subject.
func mustKubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := kubectl(t, stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// apply runs kubectl apply as a user would, and returns what it printed.
func apply(t *testing.T, namespace, manifest string) (string, error) {
	t.Helper()
	return kubectl(t, manifest, "apply", "-n", namespace, "-f", "-")
}

func mustApply(t *testing.T, namespace, manifest string) string {
	t.Helper()
	out, err := apply(t, namespace, manifest)
	if err != nil {
		t.Fatalf("kubectl apply: %v", err)
	}
	return out
}

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

// spareOlderNamespaces takes them from the webhook for namespaces, as an administrator might.
func spareOlderNamespaces() error {
	_, stderr, err := theLab.Kubectl(context.Background(), nil, "patch", "validatingwebhookconfiguration", "secretgate-webhook", "--type=json",
		"--patch="+`[{"op": "test", "path": "/webhooks/1/name", "value": "namespaces.secretgate.io"},
			{"op": "add", "path": "/webhooks/1/namespaceSelector", "value": {"matchExpressions": [{"key": "`+older+`", "operator": "DoesNotExist"}]}}]`)
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	return nil
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
	eventually(t, func() error { // the API server learns of selectors with a delay
		_, err := kubectl(t, string(manifest), "create", "-f", "-")
		return err
	})
	t.Cleanup(func() {
		tellsNothing(t, name)
		_, _, _ = theLab.Kubectl(context.Background(), nil, "delete", "namespace", name, "--wait=false")
	})
	return name
}

// annotate sets or, with a trailing dash, removes an annotation of a namespace.
func annotate(t *testing.T, namespace, annotation string) {
	t.Helper()
	mustKubectl(t, "", "annotate", "--overwrite", "namespace", namespace, annotation)
}

// getSecret reads a Secret; it is nil where there is none.
func getSecret(t *testing.T, namespace, name string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if !get(t, "secret", namespace, name, secret) {
		return nil
	}
	return secret
}

// getObject reads an ExternalSecret.
func getObject(t *testing.T, namespace, name string) *apiv1.ExternalSecret {
	t.Helper()
	es := &apiv1.ExternalSecret{}
	if !get(t, "externalsecret", namespace, name, es) {
		t.Fatalf("there is no ExternalSecret %s/%s", namespace, name)
	}
	return es
}

// get reads an object past kubectl, which tests that wait would start hundreds of times.
func get(t *testing.T, kind, namespace, name string, into any) bool {
	t.Helper()
	path := map[string]string{"secret": "/api/v1/namespaces/%s/secrets/%s", "externalsecret": "/apis/kubernetes-client.io/v1/namespaces/%s/externalsecrets/%s",
		"secretdefinition": "/apis/secrets-manager.tuenti.io/v1alpha1/namespaces/%s/secretdefinitions/%s"}[kind]
	client, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	body, status := fetch(t, client, theLab.APIServer+fmt.Sprintf(path, namespace, name))
	switch {
	case status == http.StatusNotFound:
		return false
	case status != http.StatusOK:
		t.Fatalf("get %s %s/%s: status %d", kind, namespace, name, status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("get %s %s/%s: %v", kind, namespace, name, err)
	}
	return true
}

// cluster is an admin's HTTP client of the API server.
var cluster = sync.OnceValues(func() (*http.Client, error) { return rest.HTTPClientFor(theLab.RESTConfig()) })

func fetch(t *testing.T, client *http.Client, url string) (body []byte, status int) {
	t.Helper()
	return request(t, client, http.MethodGet, url, "", "")
}

func request(t *testing.T, client *http.Client, method, url, contentType, content string) (body []byte, status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return body, response.StatusCode
}

// eventually waits until check has nothing to say.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	wait.Until(t, patience, check)
}

// awaitData waits until a Secret holds exactly these entries. What it says of others are their names.
func awaitData(t *testing.T, namespace, name string, want map[string]string) *corev1.Secret {
	t.Helper()
	var secret *corev1.Secret
	eventually(t, func() error {
		if secret = getSecret(t, namespace, name); secret == nil {
			return fmt.Errorf("there is no Secret %s; its object says %q", name, getObject(t, namespace, name).Status.Status)
		}
		if len(secret.Data) != len(want) {
			return fmt.Errorf("Secret %s has %d entries, not %d", name, len(secret.Data), len(want))
		}
		for key, value := range want {
			if string(secret.Data[key]) != value {
				return fmt.Errorf("entry %s of Secret %s is not as it should be", key, name)
			}
		}
		return nil
	})
	return secret
}

// awaitReason waits until condition Ready of the object's present generation has this reason.
func awaitReason(t *testing.T, namespace, name string, want apiv1.Reason) *apiv1.ExternalSecret {
	t.Helper()
	var es *apiv1.ExternalSecret
	eventually(t, func() error {
		es = getObject(t, namespace, name)
		for _, c := range es.Status.Conditions {
			if c.Type == apiv1.ConditionReady && c.Reason == string(want) && c.ObservedGeneration == es.Generation {
				return nil
			}
		}
		return fmt.Errorf("ExternalSecret %s is not %s but %q", name, want, es.Status.Status)
	})
	return es
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

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
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
	name := "e2e-" + strings.ToLower(rand.Text()[:10])
	object := map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "annotations": annotations},
	}
	manifest, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	mustKubectl(t, string(manifest), "create", "-f", "-")
	t.Cleanup(func() {
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

func get(t *testing.T, kind, namespace, name string, into any) bool {
	t.Helper()
	out := mustKubectl(t, "", "get", kind, "-n", namespace, name, "--ignore-not-found", "-o", "json")
	if out == "" {
		return false
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("kubectl get %s: %v", kind, err)
	}
	return true
}

// eventually waits until check has nothing to say.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", patience, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
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

// planted are all values that tests put into backends. None of them may be found in a log.
var planted struct {
	sync.Mutex
	values []string
}

// secretValue makes a value that can be found again wherever it leaks to.
func secretValue() string {
	value := "planted-" + rand.Text()
	planted.Lock()
	defer planted.Unlock()
	planted.values = append(planted.values, value)
	return value
}

// leaks lists the logs of the lab that hold a planted value. The API server's own storage is not one.
func leaks() []string {
	logs, err := filepath.Glob(theLab.LogFile("*"))
	if err != nil || len(logs) == 0 {
		return []string{"no logs were found to search"}
	}
	var found []string
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			found = append(found, file+" cannot be read")
		}
		for _, value := range planted.values {
			if bytes.Contains(text, []byte(value)) {
				found = append(found, filepath.Base(file))
				break
			}
		}
	}
	return found
}

// putAWS stores a secret in the lab's region of AWS Secrets Manager, as a new version if it exists.
func putAWS(t *testing.T, name, value string) {
	t.Helper()
	if err := theLab.Clouds.AWS().PutSecrets(theLab.AWSRegion, secretsmanager.Secret{Name: name, String: value}); err != nil {
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

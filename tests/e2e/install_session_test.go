package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// useEverything has both services do all that they can do with the API server.
func (s *site) useEverything(t *testing.T) {
	t.Helper()
	const namespace = "rights"
	s.kubectl.Must(t, "create", "namespace", namespace)
	s.kubectl.Must(t, "annotate", "namespace", namespace, names.AnnotationPermittedKeyName+"=rights/.*")

	// A denial is never given by what the webhook's cache says alone.
	if _, err := s.applyObject(t, namespace, "denied", "prod/db", ""); err == nil {
		t.Error("an object that is not permitted was stored")
	}
	s.put(t, "rights/db", "first")
	if _, err := s.applyObject(t, namespace, "db", "rights/db", ""); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(t, namespace, "db", plan.ReasonSynced)
	s.put(t, "rights/db", "second")
	s.awaitSecret(t, namespace, "db", corev1.SecretTypeOpaque, "second")
	if _, err := s.applyObject(t, namespace, "db", "rights/db", "template: {type: example.com/other}"); err != nil {
		t.Fatal(err)
	}
	s.awaitSecret(t, namespace, "db", "example.com/other", "second")
	s.kubectl.Must(t, "delete", "secret", "db", "-n", namespace)
	s.awaitSecret(t, namespace, "db", "example.com/other", "second")

	// Into failure, out of it, and into the same again: two events, and one that counts.
	for _, key := range []string{"rights/none", "rights/db", "rights/none"} {
		if _, err := s.applyObject(t, namespace, "db", key, ""); err != nil {
			t.Fatal(err)
		}
		want := plan.ReasonSynced
		if key == "rights/none" {
			want = plan.ReasonSecretNotFound
		}
		s.awaitReady(t, namespace, "db", want)
	}
	// The webhook looks for the objects that this forbids, and kubectl prints what it found.
	s.kubectl.Must(t, "annotate", "--overwrite", "namespace", namespace, names.AnnotationPermittedKeyName+"=nothing")
	s.awaitReady(t, namespace, "db", plan.ReasonPolicyDenied)
	s.replaceReplica(t)
	s.applyAgain(t)
}

// applyAgain applies what is installed, as an upgrade does: what the webhook wrote into it stays.
func (s *site) applyAgain(t *testing.T) {
	t.Helper()
	what := []string{
		"get", "secret/webhook-tls", "mutatingwebhookconfiguration/secretgate-webhook", "validatingwebhookconfiguration/secretgate-webhook",
		"-n", lab.Namespace, "-o", "jsonpath={.items[*].metadata.resourceVersion} {.items[*].webhooks[*].clientConfig.caBundle}",
	}
	before := s.kubectl.Must(t, what...)
	s.kubectl.Must(t, "apply", "-f", filepath.Join(s.lab.Dir, "state", "installed.yaml"))
	if after := s.kubectl.Must(t, what...); after != before || len(strings.Fields(after)) != 7 { // three versions, and a bundle of each webhook
		t.Error("applied again, the webhook's certificate or its caBundles are others")
	}
}

// replaceReplica has a second syncer die, come back under its name, and stop.
func (s *site) replaceReplica(t *testing.T) {
	t.Helper()
	second, err := s.lab.NewSyncer("second", lab.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){second.Kill, second.Stop} {
		if err := second.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		end()
	}
}

func (s *site) put(t *testing.T, name, value string) {
	t.Helper()
	secret := secretsmanager.Secret{Name: name, String: fmt.Sprintf(`{"x": %q}`, value)}
	if err := s.lab.Clouds.AWS().PutSecrets(s.lab.AWSRegion, secret); err != nil {
		t.Fatal(err)
	}
}

// applyObject applies an object that reads one key; further holds other fields of its spec.
func (s *site) applyObject(t *testing.T, namespace, name, key, further string) (string, error) {
	t.Helper()
	spec := "{backendType: secretsManager, dataFrom: [" + key + "]"
	if further != "" {
		spec += ", " + further
	}
	return s.kubectl.Apply(t.Context(), namespace, object(name, spec+"}"))
}

// awaitReady waits until condition Ready has this reason for the object as it is.
func (s *site) awaitReady(t *testing.T, namespace, name string, want plan.Reason) {
	t.Helper()
	awaitReport[harness.Object](t, s.apiServer, externalSecret(namespace, name), want, "")
}

// awaitSecret waits until a Secret has a type, and a value as its entry x.
func (s *site) awaitSecret(t *testing.T, namespace, name string, wantType corev1.SecretType, want string) {
	t.Helper()
	_, err := harness.Await(t.Context(), s.apiServer, harness.Secret(namespace, name), func(secret *corev1.Secret) error {
		if secret.Type != wantType {
			return fmt.Errorf("got type %s, want %s", secret.Type, wantType)
		}
		return harness.Holds(secret.Data, map[string]string{"x": want})
	})
	if err != nil {
		t.Fatal(err)
	}
}

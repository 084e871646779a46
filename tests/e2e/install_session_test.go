package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// useEverything has both services do all that they can do with the API server.
func (s *site) useEverything(t *testing.T) {
	t.Helper()
	const namespace = "rights"
	s.must(t, "", "create", "namespace", namespace)
	s.must(t, "", "annotate", "namespace", namespace, apiv1.AnnotationPermittedKeyName+"=rights/.*")

	// A denial is never given by what the webhook's cache says alone.
	if _, err := s.applyObject(t, namespace, "denied", "prod/db", ""); err == nil {
		t.Error("an object that is not permitted was stored")
	}
	s.put(t, "rights/db", "first")
	if _, err := s.applyObject(t, namespace, "db", "rights/db", ""); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(t, namespace, "db", apiv1.ReasonSynced)
	s.put(t, "rights/db", "second")
	s.awaitSecret(t, namespace, "db", "type={.type}", "type=Opaque", "rotated={.data.x}", "rotated=c2Vjb25k")
	if _, err := s.applyObject(t, namespace, "db", "rights/db", "template: {type: example.com/other}"); err != nil {
		t.Fatal(err)
	}
	s.awaitSecret(t, namespace, "db", "type={.type}", "type=example.com/other")
	s.must(t, "", "delete", "secret", "db", "-n", namespace)
	s.awaitSecret(t, namespace, "db", "type={.type}", "type=example.com/other")

	// Into failure, out of it, and into the same again: two events, and one that counts.
	for _, key := range []string{"rights/none", "rights/db", "rights/none"} {
		if _, err := s.applyObject(t, namespace, "db", key, ""); err != nil {
			t.Fatal(err)
		}
		want := apiv1.ReasonSynced
		if key == "rights/none" {
			want = apiv1.ReasonSecretNotFound
		}
		s.awaitReady(t, namespace, "db", want)
	}
	// The webhook looks for the objects that this forbids, and kubectl prints what it found.
	s.must(t, "", "annotate", "--overwrite", "namespace", namespace, apiv1.AnnotationPermittedKeyName+"=nothing")
	s.awaitReady(t, namespace, "db", apiv1.ReasonPolicyDenied)
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
	before := s.must(t, "", what...)
	s.must(t, "", "apply", "-f", filepath.Join(s.lab.Dir, "state", "installed.yaml"))
	if after := s.must(t, "", what...); after != before || len(strings.Fields(after)) != 7 { // three versions, and a bundle of each webhook
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
	return s.kubectl(t, object(name, spec+"}"), "apply", "-n", namespace, "-f", "-")
}

// awaitReady waits until condition Ready has this reason for the object as it is.
func (s *site) awaitReady(t *testing.T, namespace, name string, want apiv1.Reason) {
	t.Helper()
	s.awaitFields(t, []string{"externalsecret", name, "-n", namespace},
		"{.metadata.generation} {.status.conditions[0].observedGeneration} {.status.conditions[0].reason}", func(text string) bool {
			fields := strings.Fields(text)
			return len(fields) == 3 && fields[0] == fields[1] && fields[2] == string(want)
		})
}

// awaitSecret waits until fields of a Secret are as wanted: pairs of a template and what it becomes.
func (s *site) awaitSecret(t *testing.T, namespace, name string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		s.awaitFields(t, []string{"secret", name, "-n", namespace}, pairs[i], func(text string) bool { return text == pairs[i+1] })
	}
}

func (s *site) awaitFields(t *testing.T, what []string, template string, as func(string) bool) {
	t.Helper()
	eventually(t, func() error {
		text, err := s.kubectl(t, "", append([]string{"get", "-o", "jsonpath=" + template}, what...)...)
		if err == nil && !as(text) {
			err = fmt.Errorf("%q: %s is %q", what, template, text)
		}
		return err
	})
}

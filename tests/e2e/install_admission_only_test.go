package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// onThisMachine is the overlay admission-only with both dialects, and a webhook that runs as a process.
const onThisMachine = `
resources: [KUSTOMIZE/overlays/admission-only]
components: [KUSTOMIZE/components/dialects/tuenti, KUSTOMIZE/components/admission-only, KUSTOMIZE/components/without-workloads]
patches:
  - target: {kind: MutatingWebhookConfiguration}
    patch: |
      - {op: replace, path: /webhooks/0/clientConfig, value: {url: "WEBHOOK/mutate"}}
  - target: {kind: ValidatingWebhookConfiguration}
    patch: |
      - {op: replace, path: /webhooks/0/clientConfig, value: {url: "WEBHOOK/validate"}}
      - {op: replace, path: /webhooks/1/clientConfig, value: {url: "WEBHOOK/validate-namespace"}}
      - {op: replace, path: /webhooks/2/clientConfig, value: {url: "WEBHOOK/validate"}}
`

// TestInstallAdmissionOnly: objects of another project's CRDs are judged as ever, and there is nothing that could sync them: no
// syncer, and no right on a Secret but the webhook's on its own.
func TestInstallAdmissionOnly(t *testing.T) {
	s := newSite(t, lab.Options{Services: true})
	s.lab.Syncer.Stop()
	installed := filepath.Join(s.lab.Dir, "state", "installed.yaml")
	s.kubectl.Must(t, "delete", "-f", installed, "-l", "app.kubernetes.io/name=syncer", "--ignore-not-found")
	manifests := s.build(t, s.compose(t, map[string]string{
		"kustomization.yaml": strings.ReplaceAll(onThisMachine, "WEBHOOK", "https://"+s.lab.WebhookBalancer.Addr()),
	}))
	s.kubectl.MustApply(t, "", manifests)

	const namespace = "judged"
	s.kubectl.Must(t, "create", "namespace", namespace)
	s.kubectl.Must(t, "annotate", "namespace", namespace, names.AnnotationPermittedKeyName+"=(secret/data/)?judged/.*")
	s.put(t, "judged/db", "first")
	harness.Eventually(t, func() error { // the webhook puts its CA into the configurations again
		_, err := s.applyObject(t, namespace, "db", "judged/db", "")
		return err
	})
	s.kubectl.MustApply(t, namespace, definition("defined", "defined", "{x: {path: secret/data/judged/db, key: x}}"))
	for what, apply := range map[string]func() (string, error){
		"an ExternalSecret": func() (string, error) { return s.applyObject(t, namespace, "denied", "prod/db", "") },
		"a SecretDefinition": func() (string, error) {
			return s.kubectl.Apply(t.Context(), namespace, definition("denied", "denied", "{x: {path: secret/data/prod/db, key: x}}"))
		},
	} {
		if _, err := apply(); err == nil || !strings.Contains(err.Error(), policed) {
			t.Errorf("%s that is not permitted: got %v, want a denial that says %q", what, err, policed)
		}
	}

	onlyJudges(t, s, manifests)
	if left := s.kubectl.Must(t, "get", "secrets", "-n", namespace, "-o", "name"); left != "" {
		t.Errorf("got the Secrets %s, want none", left)
	}
}

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/tests/harness"
)

// withoutWebhook stops the webhook in an installation that has chosen to go on without it, until the test ends.
func withoutWebhook(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		startAgain(t, theLab.Webhook)
		admissionFrom(t)
	})
	admissionFrom(t, "failure-policy-ignore")
	theLab.Webhook.Stop()
}

// admissionFrom installs the webhook configurations anew, as of an overlay that adds these components to the lab's.
func admissionFrom(t *testing.T, components ...string) {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	relative := func(parts ...string) string { // kustomize takes no other
		path, err := filepath.Rel(folder, filepath.Join(append([]string{theLab.Root, "kustomize"}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay := map[string][]string{"resources": {relative("overlays", "local")}}
	for _, component := range components {
		overlay["components"] = append(overlay["components"], relative("components", component))
	}
	text, err := yaml.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}

	ctx := context.Background() // this is done when the test has ended, too
	rendered, err := kubectl.Run(ctx, "kustomize", folder)
	if err != nil {
		t.Fatal(err)
	}
	configurations := slices.DeleteFunc(strings.Split(rendered, "\n---\n"), func(document string) bool {
		return !strings.Contains(document, "WebhookConfiguration\n")
	})
	manifests := strings.ReplaceAll(strings.Join(configurations, "\n---\n"), "https://127.0.0.1:9443/", "https://"+theLab.WebhookBalancer.Addr()+"/")
	if _, err := kubectl.Apply(ctx, "", manifests); err != nil {
		t.Fatal(err)
	}
	if len(configurations) != 2 {
		t.Fatalf("%d webhook configurations were rendered, not 2", len(configurations))
	}
}

// applyServerSide sends an attack as kubectl apply --server-side does.
func applyServerSide(t *testing.T, a placedAttack) (status int, answer string) {
	t.Helper()
	manifest, err := a.Manifest(a.name)
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/apis/kubernetes-client.io/v1/namespaces/%s/externalsecrets/%s?fieldManager=kubectl", a.namespace, a.name)
	return send(t, http.MethodPatch, path, harness.ApplyPatch, asJSON(t, manifest))
}

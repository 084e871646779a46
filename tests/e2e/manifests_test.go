package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	webhookadmission "k8s.io/apiserver/pkg/admission/plugin/webhook/config/apis/webhookadmission/v1"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

// TestManifestsOfPages has the API server judge each manifest of each page (a dry run), and builds each part of a kustomization. The
// galleries have tests of their own.
func TestManifestsOfPages(t *testing.T) {
	t.Parallel()
	all, err := fence.All(theLab.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Language != "yaml" || slices.Contains([]string{galleryPage, troublePage}, b.Page) {
			continue
		}
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			switch {
			case b.Mark == "config":
				decodeConfig(t, b.Text)
			case b.Mark == "hook":
				runHook(t, b.Text)
			case isOverlay(b), strings.HasPrefix(b.Text, "configMapGenerator:"):
				buildOverlay(t, b.Text)
			default:
				dryRun(t, b.Text)
			}
		})
	}
}

// decodeConfig reads a file of kube-apiserver's by the types that it reads it by, and refuses unknown fields.
func decodeConfig(t *testing.T, text string) {
	t.Helper()
	var admission apiserver.AdmissionConfiguration
	if !strings.Contains(text, "kind: AdmissionConfiguration\n") {
		var config clientcmdapi.Config
		if err := yaml.UnmarshalStrict([]byte(text), &config); err != nil || len(config.AuthInfos) == 0 {
			t.Errorf("got %d users and %v, want a kubeconfig with a user", len(config.AuthInfos), err)
		}
		return
	}
	if err := yaml.UnmarshalStrict([]byte(text), &admission); err != nil {
		t.Fatal(err)
	}
	for _, plugin := range admission.Plugins {
		var config webhookadmission.WebhookAdmission
		if err := yaml.UnmarshalStrict(plugin.Configuration.Raw, &config); err != nil || config.KubeConfigFile == "" {
			t.Errorf("%s: got the file %q and %v, want a kubeconfig's name", plugin.Name, config.KubeConfigFile, err)
		}
	}
}

// runHook runs the command of a pre-commit hook on a manifest that it should leave alone.
func runHook(t *testing.T, text string) {
	t.Helper()
	var repositories []struct {
		Repo  string `json:"repo"`
		Hooks []struct {
			ID       string   `json:"id"`
			Name     string   `json:"name"`
			Language string   `json:"language"`
			TypesOr  []string `json:"types_or"`
			Entry    string   `json:"entry"`
		} `json:"hooks"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &repositories); err != nil {
		t.Fatal(err)
	}
	s := newShell(t, newNamespace(t, nil))
	s.write(t, "clusters/prod/namespaces/core.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: core}\n")
	s.write(t, "db.yaml", object("db, namespace: core", "{backendType: secretsManager, data: [{key: a, name: b}]}"))
	if said, err := s.run(t.Context(), repositories[0].Hooks[0].Entry+" db.yaml"); err != nil {
		t.Errorf("got %v, want the hook to pass: %s", err, said)
	}
}

// buildOverlay builds what stands beside a checkout, or beside the files of the documents.
func buildOverlay(t *testing.T, text string) {
	t.Helper()
	s := newShell(t, newNamespace(t, nil))
	if err := os.Symlink(theLab.Root, filepath.Join(s.folder, "secretgate")); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "behavior: merge") { // what it merges into
		s.write(t, "base.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: argocd}\n")
		for _, file := range []string{"argocd-health.lua", "argocd-actions.yaml"} {
			s.write(t, file, readPage(t, "kustomize/docs/"+file))
		}
		text += "resources: [base.yaml]\n"
	}
	s.write(t, "kustomization.yaml", text)
	if said, err := s.run(t.Context(), "kubectl kustomize"); err != nil {
		t.Errorf("got %v, want it to be built: %s", err, said)
	}
}

var namespaceInManifest = regexp.MustCompile(`\bnamespace: [\w-]+`)

// dryRun has the API server judge objects. A part of an object is made whole. Namespaces are applied, since others are judged by them.
func dryRun(t *testing.T, text string) {
	t.Helper()
	namespace := newNamespace(t, nil)
	switch {
	case strings.HasPrefix(text, "spec:"):
		text = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: db}\n" + text
	case strings.HasPrefix(text, "metadata:"):
		text = "apiVersion: v1\nkind: ConfigMap\n" + strings.Replace(text, "metadata:\n", "metadata:\n  name: any\n", 1)
	}
	for manifest := range strings.SplitSeq(text, "---\n") {
		flags := []string{"--dry-run=server"}
		if isNamespace("\n" + manifest) {
			manifest, flags = merged(t, manifest, "metadata: {name: "+namespace+"}"), []string{"--server-side"}
		}
		manifest = namespaceInManifest.ReplaceAllString(manifest, "namespace: "+namespace)
		if said, err := kubectl.Apply(t.Context(), namespace, manifest, flags...); err != nil || strings.Contains(said, "Warning: ") {
			t.Errorf("got %v %s, want it to be accepted without a warning:\n%s", err, said, manifest)
		}
	}
}

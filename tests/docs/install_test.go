package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

var (
	overlayInShell = regexp.MustCompile(`(?s)cat > kustomization\.yaml <<EOF\n(.*?)EOF\n`)
	exportInShell  = regexp.MustCompile(`(?m)^export (.*)$`)
	imageOfOurs    = regexp.MustCompile(`(?m)image: (.*)$`)
)

// TestOverlaysOfReadmeBuild builds what the README has users copy, beside a release's sources, and looks for what each block promises.
func TestOverlaysOfReadmeBuild(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for platform, promised := range map[string]string{
		"EKS":   "eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/secretgate",
		"Vault": "VAULT_ADDR: https://vault.example.com:8200",
	} {
		t.Run(platform, func(t *testing.T) {
			_, block, found := strings.Cut(string(readme), "**"+platform+"**, ")
			block, _, closed := strings.Cut(block, "\n```\n")
			overlay := overlayInShell.FindStringSubmatch(block)
			exported := exportInShell.FindStringSubmatch(block)
			if !found || !closed || overlay == nil || exported == nil {
				t.Fatalf("got no block with an overlay and exports for %s", platform)
			}
			manifests := build(t, os.Expand(overlay[1], valueIn(exported[1])))
			if !strings.Contains(manifests, promised) {
				t.Errorf("got manifests without %q, want it", promised)
			}
			for _, image := range imageOfOurs.FindAllStringSubmatch(manifests, -1) {
				if !strings.HasPrefix(image[1], "registry.example.com/") {
					t.Errorf("got the image %s, want one of the user's registry", image[1])
				}
			}
		})
	}
}

// valueIn looks variables up in the arguments of an export.
func valueIn(exported string) func(string) string {
	return func(name string) string {
		for assignment := range strings.FieldsSeq(exported) {
			if value, ok := strings.CutPrefix(assignment, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// component is the one of a release's sources that names its images.
const component = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - {name: registry.invalid/secretgate/webhook, newName: registry.example.com/secretgate/webhook, newTag: v0.1.0}
  - {name: registry.invalid/secretgate/syncer, newName: registry.example.com/secretgate/syncer, newTag: v0.1.0}
`

// build renders an overlay that lies beside the sources of a release, which are those of the checkout and the component of its images.
func build(t *testing.T, overlay string) string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	relative, err := filepath.Rel(folder, checkout)
	if err != nil {
		t.Fatal(err)
	}
	overlay = strings.NewReplacer("secretgate-v0.1.0/components/images", "images", "secretgate-v0.1.0/", filepath.ToSlash(relative)+"/kustomize/").
		Replace(overlay)
	if err := os.Mkdir(filepath.Join(folder, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"kustomization.yaml": overlay, "images/kustomization.yaml": component} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("%v:\n%s", err, overlay)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

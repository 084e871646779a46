package release

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/secretgate/secretgate/tests/images"
)

var named = regexp.MustCompile(`(?m)^\s*(?:- )?image: (.*)$`)

// imagesOf are the images that manifests name.
func imagesOf(manifests string) []string {
	var found []string
	for _, match := range named.FindAllStringSubmatch(manifests, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return found
}

// checkManifests compares the images of the manifests, and of the component for users' overlays, with what was pushed.
func checkManifests(t *testing.T, r Release, digests map[string]string) {
	both := []string{r.Prefix + "/syncer@" + digests["syncer"], r.Prefix + "/webhook@" + digests["webhook"]}
	cases := map[string][]string{
		"install.yaml": both, "install-cert-manager.yaml": both, "install-high-availability.yaml": both, "install-namespaced.yaml": both,
		"install-admission-only.yaml": both[1:], "install-admission-only-eso.yaml": both[1:],
		"install-admission-only-vso.yaml": both[1:], "install-admission-only-sealed.yaml": both[1:],
	}
	for file, want := range cases {
		if diff := cmp.Diff(want, imagesOf(read(t, r.Dir, file))); diff != "" {
			t.Errorf("images of %s (-want +got):\n%s", file, diff)
		}
	}
	want := "# The images of Secretgate v1.2.3, by digest.\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
	for _, service := range images.Services() {
		want += "  - {name: registry.invalid/secretgate/" + service.Name + ", newName: " + r.Prefix + "/" + service.Name +
			", digest: " + digests[service.Name] + "}\n"
	}
	if diff := cmp.Diff(want, read(t, r.Dir, imagesComponent)); diff != "" {
		t.Errorf("component of the images (-want +got):\n%s", diff)
	}
}

// checkSources builds an overlay of the archive of sources, as users do, which must be what the release has rendered.
func checkSources(t *testing.T, r Release) {
	folder := t.TempDir()
	for _, file := range untar(t, read(t, r.Dir, sources)) {
		path := filepath.Join(folder, file.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay := "resources: [secretgate-v1.2.3/overlays/self-signed]\ncomponents: [secretgate-v1.2.3/components/images]\n"
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(read(t, r.Dir, "install.yaml"), "\n") // without the heading
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("self-signed of the sources beside install.yaml (-want +got):\n%s", diff)
	}
}

package manifests

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// rendered are the objects of a kind, named as its type is, of an overlay with components.
func rendered[T any](t *testing.T, overlay string, components ...string) []T {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	kustomize, err := filepath.Abs("../../kustomize")
	if err != nil {
		t.Fatal(err)
	}
	if kustomize, err = filepath.Rel(folder, kustomize); err != nil { // kustomize takes no others
		t.Fatal(err)
	}
	text := "resources: [" + kustomize + "/overlays/" + overlay + "]\ncomponents:\n"
	for _, component := range components {
		text += "  - " + kustomize + "/components/" + component + "\n"
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for _, resource := range resources.Resources() {
		if resource.GetKind() != reflect.TypeFor[T]().Name() {
			continue
		}
		var object T
		if err := yaml.UnmarshalStrict([]byte(resource.MustYaml()), &object); err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
	return all
}

// deployments are those of an overlay with components, by name.
func deployments(t *testing.T, overlay string, components ...string) map[string]appsv1.Deployment {
	t.Helper()
	all := map[string]appsv1.Deployment{}
	for _, d := range rendered[appsv1.Deployment](t, overlay, components...) {
		all[d.Name] = d
	}
	return all
}

// OpenShift's restricted-v2 gives pods a user and a group, and refuses those that name others. Nothing else may be loosened for it.
func TestPodsOnOpenShiftNameNoUserAndKeepAllElse(t *testing.T) {
	const chosen = "network-policy" // a component beside it
	want, got := deployments(t, "high-availability", chosen), deployments(t, "high-availability", chosen, "openshift")
	if len(want) != 2 {
		t.Fatalf("got %d Deployments, want those of both services", len(want))
	}
	for name, d := range want {
		s := d.Spec.Template.Spec.SecurityContext
		if s.RunAsUser == nil || s.RunAsGroup == nil || !*s.RunAsNonRoot {
			t.Errorf("%s: without the component the pods run as %v:%v, want a fixed user", name, s.RunAsUser, s.RunAsGroup)
		}
		s.RunAsUser, s.RunAsGroup, s.FSGroup = nil, nil, nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the Deployments, which are to lack users and groups alone (-want +got):\n%s", diff)
	}
}

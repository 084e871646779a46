// Package manifests tests what kustomize's files must hold beside what the API server checks.
package manifests

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// documents reads the YAML documents of a file below kustomize.
func documents[T any](t *testing.T, file string) []T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "kustomize", file))
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for part := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var document T
		if err := yaml.UnmarshalStrict(part, &document); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, document)
	}
	return all
}

// templateWorkers is what the processes may hold that render templates: two, of 64 MiB each.
const templateWorkers = 2 * 64 << 20

// Go's limit is to be reached before the kernel's, at which the pod ends, but not long before.
func TestMemoryIsCollectedBeforeThePodEnds(t *testing.T) {
	for _, service := range []string{"webhook", "syncer"} {
		container := documents[appsv1.Deployment](t, "base/"+service+"/deployment.yaml")[0].Spec.Template.Spec.Containers[0]
		at := slices.IndexFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" })
		if at < 0 {
			t.Errorf("%s has no GOMEMLIMIT", service)
			continue
		}
		value := container.Env[at].Value
		soft, err := resource.ParseQuantity(strings.TrimSuffix(value, "B"))
		if err != nil || !strings.HasSuffix(value, "iB") {
			t.Errorf("%s: GOMEMLIMIT %q is not in Go's units: %v", service, value, err)
		}
		hard := container.Resources.Limits.Memory().Value() - templateWorkers
		if share := float64(soft.Value()) / float64(hard); share < 0.85 || share > 0.95 {
			t.Errorf("%s: GOMEMLIMIT %s is %.2f of what the limit leaves beside template workers, want nine tenths", service, value, share)
		}
	}
}

// Before a release there is no image to pull. A name without a host would be Docker Hub's, whose account may be anyone's.
func TestImagesHaveNamesThatCannotResolve(t *testing.T) {
	for _, service := range []string{"webhook", "syncer"} {
		got := documents[appsv1.Deployment](t, "base/"+service+"/deployment.yaml")[0].Spec.Template.Spec.Containers[0].Image
		if want := "registry.invalid/secretgate/" + service + ":dev"; got != want {
			t.Errorf("got image %q, want %q", got, want)
		}
	}
}

// Profiles are for those who turn them on for a while.
func TestNoManifestServesProfiles(t *testing.T) {
	read := 0
	for _, root := range []string{"kustomize", "manifests"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, item fs.DirEntry, err error) error {
			if err != nil || item.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read++
			for _, setting := range []string{"pprof-bind-address", "PPROF_BIND_ADDRESS"} {
				if bytes.Contains(text, []byte(setting)) {
					t.Errorf("%s: got %s, want it left to users", path, setting)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 50 {
		t.Errorf("got %d manifests, want all", read)
	}
}

// A namespace's owner may label it, but not name it like another.
func TestMetricsAreScrapedFromNamespacesByName(t *testing.T) {
	for _, policy := range documents[networkingv1.NetworkPolicy](t, "components/network-policy/policies.yaml") {
		selectors := 0
		for _, rule := range policy.Spec.Ingress {
			for _, peer := range rule.From {
				s := peer.NamespaceSelector
				if s == nil && peer.IPBlock == nil && rule.Ports[0].Port.StrVal != "metrics" {
					continue // pods of the installation's own namespace
				}
				selectors++
				if s == nil || len(s.MatchLabels) > 0 || len(s.MatchExpressions) != 1 || s.MatchExpressions[0].Key != corev1.LabelMetadataName {
					t.Errorf("%s lets in %+v, not a namespace by its name", policy.Name, peer)
				}
			}
		}
		if selectors != 1 {
			t.Errorf("%s lets in %d peers, want those who scrape", policy.Name, selectors)
		}
	}
}

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/lab"
)

const (
	selfSigned = "self-signed"
	// partOf selects all that is ours.
	partOf = "app.kubernetes.io/part-of=secretgate"
)

// ofOverlays are components that make an overlay what it is. The others are for users to choose from.
func ofOverlays(component string) bool {
	return slices.Contains([]string{
		"admission-only", "cert-manager", "high-availability", "namespaced", "without-admission", "without-workloads",
	}, component)
}

// components lists them all, those of the dialects by their folder.
func (s *site) components(t *testing.T) []string {
	t.Helper()
	all := folders(t, s.kustomize("components"))
	at := slices.Index(all, "dialects")
	var dialects []string
	for _, name := range folders(t, s.kustomize("components/dialects")) {
		dialects = append(dialects, "dialects/"+name)
	}
	return slices.Replace(all, at, at+1, dialects...)
}

// TestInstallComponents tries each component that users may choose alone, and installs overlays with all of them.
func TestInstallComponents(t *testing.T) {
	s := newSite(t, lab.Options{})
	s.addCertManager(t)
	s.addKindsOfMonitoring(t)
	chosen := slices.DeleteFunc(s.components(t), ofOverlays)
	s.kubectl.MustApply(t, "", s.build(t, s.kustomize("overlays/"+selfSigned)))
	for _, component := range chosen {
		t.Run(component, func(t *testing.T) {
			manifests := s.build(t, s.compose(t, overlayWith(selfSigned, component)))
			if manifests == s.build(t, s.kustomize("overlays/"+selfSigned)) {
				t.Error("it changes nothing")
			}
			s.kubectl.MustApply(t, "", manifests, "--dry-run=server")
			for _, o := range objectsIn(t, manifests) {
				if o.Metadata["namespace"] == nil && !ofTheCluster(o.Kind) {
					t.Errorf("%s %v names no namespace: it would land in whatever is the user's at the moment", o.Kind, o.Metadata["name"])
				}
			}
			if _, err := s.admitsPods(t, manifests); err != nil {
				t.Error(err)
			}
		})
	}
	s.deletes(t, s.build(t, s.kustomize("overlays/"+selfSigned)))
	for _, overlay := range []string{"default", "high-availability", "namespaced"} {
		t.Run("all on "+overlay, func(t *testing.T) {
			s.installs(t, s.build(t, s.compose(t, overlayWith(overlay, chosen...))))
			slices.Reverse(chosen) // their order does not matter
		})
	}
	t.Run("high availability with cert-manager", func(t *testing.T) {
		s.installs(t, s.build(t, s.compose(t, overlayWith("high-availability", "cert-manager"))))
	})
}

// overlayWith is an overlay of a user: one of ours, and components in this order.
func overlayWith(overlay string, components ...string) map[string]string {
	var text strings.Builder
	text.WriteString("resources: [KUSTOMIZE/overlays/" + overlay + "]\ncomponents:\n")
	for _, component := range components {
		text.WriteString("  - KUSTOMIZE/components/" + component + "\n")
	}
	return map[string]string{"kustomization.yaml": text.String()}
}

// ofTheCluster reports whether a kind that we install is cluster-scoped.
func ofTheCluster(kind string) bool {
	return slices.Contains([]string{
		"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "PriorityClass", "MutatingWebhookConfiguration",
		"ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
	}, kind)
}

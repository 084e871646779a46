package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// overlaysOfUsers are overlays as kustomize/README.md has users write them.
func overlaysOfUsers() map[string]map[string]string {
	return map[string]map[string]string{
		"an overlay in another namespace, with cert-manager": {
			"kustomization.yaml":                "resources: [secrets-system]\ncomponents: [KUSTOMIZE/components/cert-manager, KUSTOMIZE/components/network-policy]\n",
			"secrets-system/kustomization.yaml": "resources: [KUSTOMIZE/overlays/self-signed]\nnamespace: secrets-system\n",
		},
		"an overlay with images, settings and an identity": {"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/default]
components: [KUSTOMIZE/components/network-policy, KUSTOMIZE/components/irsa]
images:
  - {name: secretgate/webhook, newName: registry.example.com/secretgate/webhook, newTag: v1.0.0}
  - {name: secretgate/syncer, newName: registry.example.com/secretgate/syncer, newTag: v1.0.0}
patches:
  - target: {kind: ConfigMap, name: policy}
    patch: |
      - {op: add, path: /data/ENFORCE_NAMESPACE_ANNOTATIONS, value: "true"}
      - {op: add, path: /data/AWS_REGION, value: eu-west-1}
  - target: {kind: ServiceAccount, name: syncer}
    patch: |
      - op: replace
        path: /metadata/annotations/eks.amazonaws.com~1role-arn
        value: arn:aws:iam::123456789012:role/secretgate
`},
		"an overlay for two namespaces, without watches of Secrets": {
			"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/self-signed, namespaces.yaml, team-a, team-b]
components: [KUSTOMIZE/components/namespaced, KUSTOMIZE/components/no-secret-watch]
patches:
  - target: {kind: Deployment, name: syncer}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: WATCHED_NAMESPACES, value: "team-a,team-b"}
`,
			"namespaces.yaml":           namespaceManifest("team-a") + "---\n" + namespaceManifest("team-b"),
			"team-a/kustomization.yaml": "namespace: team-a\nresources: [KUSTOMIZE/base/watched-namespace]\n",
			"team-b/kustomization.yaml": "namespace: team-b\nresources: [KUSTOMIZE/base/watched-namespace]\n",
		},
	}
}

func namespaceManifest(name string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {app.kubernetes.io/part-of: secretgate}}\n"
}

// TestInstallInAnotherNamespace: nothing names the usual one any more.
func TestInstallInAnotherNamespace(t *testing.T) {
	t.Parallel()
	s := &site{lab: theLab} // renders only
	overlay := overlaysOfUsers()["an overlay in another namespace, with cert-manager"]
	manifests := s.build(t, s.compose(t, overlay))
	for line := range strings.Lines(manifests) {
		for _, trace := range []string{"namespace: secretgate\n", "secretgate/webhook\n", ".secretgate.svc", "NAMESPACE/"} {
			if strings.Contains(line, trace) && !strings.Contains(line, "image:") {
				t.Errorf("the usual namespace is still named: %s", line)
			}
		}
	}
	for _, wanted := range []string{"cert-manager.io/inject-ca-from: secrets-system/webhook", "- webhook.secrets-system.svc\n"} {
		if !strings.Contains(manifests, wanted) {
			t.Errorf("the manifests do not hold %q", wanted)
		}
	}
}

// addCertManager gives the cluster cert-manager's kinds, from the module that the webhook is built with.
func (s *site) addCertManager(t *testing.T) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	list.Dir = filepath.Join(s.lab.Root, "webhook")
	dir, err := list.Output()
	if err != nil {
		t.Fatalf("where cert-manager's module is: %v", err)
	}
	crds := filepath.Join(strings.TrimSpace(string(dir)), "deploy", "crds")
	for _, kind := range []string{"issuers", "certificates"} {
		s.must(t, "", "apply", "--server-side", "-f", filepath.Join(crds, "cert-manager.io_"+kind+".yaml"))
		s.must(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/"+kind+".cert-manager.io")
	}
}

// addKindsOfMonitoring gives the cluster stand-ins for the Prometheus Operator's kinds, which take any spec.
func (s *site) addKindsOfMonitoring(t *testing.T) {
	t.Helper()
	for kind, plural := range map[string]string{"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"} {
		s.must(t, asJSON(t, map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": plural + ".monitoring.coreos.com"},
			"spec": map[string]any{
				"group": "monitoring.coreos.com", "scope": "Namespaced", "names": map[string]any{"kind": kind, "plural": plural},
				"versions": []any{map[string]any{
					"name": "v1", "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
				}},
			},
		}), "apply", "-f", "-")
		s.must(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/"+plural+".monitoring.coreos.com")
	}
}

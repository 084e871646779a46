package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
)

// overlaysOfUsers are overlays as kustomize/README.md has users write them.
func overlaysOfUsers() map[string]map[string]string {
	return map[string]map[string]string{
		"an overlay in another namespace, with cert-manager and all dialects": {
			"kustomization.yaml": `
resources: [secrets-system]
components:
  - KUSTOMIZE/components/cert-manager
  - KUSTOMIZE/components/network-policy
  - KUSTOMIZE/components/dialects/tuenti
  - KUSTOMIZE/components/dialects/eso
  - KUSTOMIZE/components/dialects/vso
  - KUSTOMIZE/components/dialects/sealed
  - KUSTOMIZE/components/dialects/sealed/verify
  - KUSTOMIZE/components/token-requests
`,
			"secrets-system/kustomization.yaml": "resources: [KUSTOMIZE/overlays/self-signed]\nnamespace: secrets-system\n",
		},
		"an overlay with images, settings and an identity": {"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/default]
components: [KUSTOMIZE/components/network-policy, KUSTOMIZE/components/irsa]
images:
  - {name: registry.invalid/secretgate/webhook, newName: registry.example.com/secretgate/webhook, newTag: v1.0.0}
  - {name: registry.invalid/secretgate/syncer, newName: registry.example.com/secretgate/syncer, newTag: v1.0.0}
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
		"an overlay for two namespaces, with SecretDefinitions, without watches of Secrets": {
			"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/self-signed, namespaces.yaml, team-a, team-b]
components:
  - KUSTOMIZE/components/namespaced
  - KUSTOMIZE/components/dialects/tuenti
  - KUSTOMIZE/components/dialects/tuenti/namespaced
  - KUSTOMIZE/components/no-secret-watch
patches:
  - target: {kind: Deployment, name: syncer}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: WATCHED_NAMESPACES, value: "team-a,team-b"}
`,
			"namespaces.yaml":           namespaceManifest("team-a") + "---\n" + namespaceManifest("team-b"),
			"team-a/kustomization.yaml": watchedNamespace("team-a"),
			"team-b/kustomization.yaml": watchedNamespace("team-b"),
		},
		stores: {
			"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/self-signed, namespaces.yaml, team-a, team-b]
components:
  - KUSTOMIZE/components/dialects/eso
  - KUSTOMIZE/components/namespaced
  - KUSTOMIZE/components/dialects/eso/namespaced
patches:
  - target: {kind: ConfigMap, name: policy}
    patch: '- {op: add, path: /data/VAULT_SERVERS, value: "https://vault.example.com:8200"}'
  - target: {kind: Deployment, name: syncer}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: WATCHED_NAMESPACES, value: "team-a,team-b"}
`,
			"namespaces.yaml": namespaceManifest("team-a") + "---\n" + namespaceManifest("team-b"),
			"team-a/kustomization.yaml": `
namespace: team-a
resources:
  - KUSTOMIZE/base/watched-namespace
  - KUSTOMIZE/components/dialects/eso/watched-namespace
  - KUSTOMIZE/components/token-requests/accounts
patches:
  - target: {kind: Role, name: secretgate-token-requests}
    patch: |
      - {op: replace, path: /rules/0/resourceNames, value: [vault-reader, aws-reader]}
      - {op: replace, path: /rules/1/resourceNames, value: [vault-reader, aws-reader]}
`,
			"team-b/kustomization.yaml": "namespace: team-b\nresources: [KUSTOMIZE/base/watched-namespace, KUSTOMIZE/components/dialects/eso/watched-namespace]\n",
		},
		logins: {
			"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/self-signed, namespaces.yaml, team-a, team-b]
components:
  - KUSTOMIZE/components/dialects/vso
  - KUSTOMIZE/components/namespaced
  - KUSTOMIZE/components/dialects/vso/namespaced
patches:
  - target: {kind: ConfigMap, name: policy}
    patch: '- {op: add, path: /data/VAULT_SERVERS, value: "https://vault.example.com:8200"}'
  - target: {kind: Deployment, name: syncer}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: WATCHED_NAMESPACES, value: "team-a,team-b"}
`,
			"namespaces.yaml": namespaceManifest("team-a") + "---\n" + namespaceManifest("team-b"),
			"team-a/kustomization.yaml": `
namespace: team-a
resources:
  - KUSTOMIZE/base/watched-namespace
  - KUSTOMIZE/components/dialects/vso/watched-namespace
  - KUSTOMIZE/components/token-requests/accounts
patches:
  - target: {kind: Role, name: secretgate-token-requests}
    patch: |
      - {op: replace, path: /rules/0/resourceNames, value: [vault-sa]}
      - {op: remove, path: /rules/1}
`,
			"team-b/kustomization.yaml": "namespace: team-b\nresources: [KUSTOMIZE/base/watched-namespace, KUSTOMIZE/components/dialects/vso/watched-namespace]\n",
		},
		keysOfKubeSystem: {
			"kustomization.yaml": `
resources: [KUSTOMIZE/overlays/self-signed, namespaces.yaml, team-a, team-b]
components:
  - KUSTOMIZE/components/dialects/sealed
  - KUSTOMIZE/components/dialects/sealed/kube-system
  - KUSTOMIZE/components/dialects/sealed/verify
  - KUSTOMIZE/components/namespaced
  - KUSTOMIZE/components/dialects/sealed/namespaced
patches:
  - target: {kind: Deployment, name: syncer}
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: {name: WATCHED_NAMESPACES, value: "team-a,team-b"}
`,
			"namespaces.yaml":           namespaceManifest("team-a") + "---\n" + namespaceManifest("team-b"),
			"team-a/kustomization.yaml": sealedNamespace("team-a"),
			"team-b/kustomization.yaml": sealedNamespace("team-b"),
		},
	}
}

// keysOfKubeSystem is an overlay of two namespaces whose syncer has the keys of kube-system.
const keysOfKubeSystem = "an overlay for two namespaces, with SealedSecrets whose keys are in kube-system"

func sealedNamespace(name string) string {
	return "namespace: " + name + "\nresources: [KUSTOMIZE/base/watched-namespace, KUSTOMIZE/components/dialects/sealed/watched-namespace]\n"
}

// logins is an overlay of two namespaces whose syncer may log in by the VaultAuths of both, with tokens of one ServiceAccount in one of them.
const logins = "an overlay for two namespaces, with the objects of Vault Secrets Operator"

// stores is an overlay whose syncer may log in by what stores of two namespaces name.
const stores = "an overlay for two namespaces, with stores, and tokens of ServiceAccounts in one of them"

func namespaceManifest(name string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {app.kubernetes.io/part-of: secretgate}}\n"
}

func watchedNamespace(name string) string {
	return "namespace: " + name + "\nresources: [KUSTOMIZE/base/watched-namespace, KUSTOMIZE/components/dialects/tuenti/watched-namespace]\n"
}

// TestInstallInAnotherNamespace: nothing names the usual one any more.
func TestInstallInAnotherNamespace(t *testing.T) {
	t.Parallel()
	s := &site{lab: theLab, kubectl: kubectl} // renders only
	overlay := overlaysOfUsers()["an overlay in another namespace, with cert-manager and all dialects"]
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
		s.addKind(t, filepath.Join(crds, "cert-manager.io_"+kind+".yaml"), kind+".cert-manager.io")
	}
}

// addKindsOfMonitoring gives the cluster the Prometheus Operator's kinds, as a release of it brings them.
func (s *site) addKindsOfMonitoring(t *testing.T) {
	t.Helper()
	dir := download(t, "github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=")
	for _, kind := range []string{"podmonitors", "prometheusrules"} {
		s.addKind(t, filepath.Join(dir, "example", "prometheus-operator-crd", "monitoring.coreos.com_"+kind+".yaml"), kind+".monitoring.coreos.com")
	}
}

// download is the folder of a release of another project, as the module proxy has it. Nothing of it is compiled.
func download(t *testing.T, release, sum string) (dir string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", release)
	command.Dir = t.TempDir() // no module that would need it
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go mod download: %v: %s", err, out)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	if module.Sum != sum {
		t.Fatalf("%s is not what it was: %s", release, module.Sum)
	}
	return module.Dir
}

func (s *site) addKind(t *testing.T, file, name string) {
	t.Helper()
	s.kubectl.Must(t, "apply", "--server-side", "-f", file)
	harness.Eventually(t, func() error { // kubectl wait of older releases fails where there is no condition yet
		text, err := s.kubectl.Run(t.Context(), "get", "crd", name, "-o", "jsonpath={.status.conditions[?(@.type=='Established')].status}")
		if err == nil && text != "True" {
			err = fmt.Errorf("%s is not established", name)
		}
		return err
	})
}

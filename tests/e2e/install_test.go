package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// TestInstall installs each overlay into an empty cluster as users do: it applies, applying again changes nothing, its
// Deployments make pods that the namespace admits, and deleting it leaves nothing.
func TestInstall(t *testing.T) {
	s := newSite(t, lab.Options{})
	s.kubectl.Must(t, "delete", "-k", s.kustomize("overlays/local-plain"), "--ignore-not-found")
	s.empty(t)
	s.addCertManager(t)
	for _, name := range folders(t, s.kustomize("overlays")) {
		t.Run("overlay "+name, func(t *testing.T) {
			s.installs(t, s.build(t, s.kustomize("overlays/"+name)))
		})
	}
	for name, overlay := range overlaysOfUsers() {
		t.Run(name, func(t *testing.T) { s.installs(t, s.build(t, s.compose(t, overlay))) })
	}
	t.Run("what is left when objects shall stay", func(t *testing.T) { s.uninstallsAround(t) })
	t.Run("a pod that could become root is not admitted", func(t *testing.T) {
		manifests := s.build(t, s.kustomize("overlays/self-signed"))
		s.kubectl.MustApply(t, "", manifests)
		_, err := s.admitsPods(t, strings.ReplaceAll(manifests, "runAsNonRoot: true", "runAsNonRoot: false"))
		if err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
			t.Errorf("it was not refused: %v", err)
		}
		s.deletes(t, manifests)
	})
}

// site is a cluster of a test's own.
type site struct {
	lab       *lab.Lab
	kubectl   harness.Kubectl
	apiServer *harness.Client
}

func newSite(t *testing.T, options lab.Options) *site {
	t.Helper()
	options.Dir = t.TempDir()
	l, err := lab.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	client, err := harness.NewClient(l.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return &site{lab: l, kubectl: l.Kubectl, apiServer: client}
}

// kustomize is a folder of kustomize/.
func (s *site) kustomize(folder string) string {
	return filepath.Join(s.lab.Root, "kustomize", filepath.FromSlash(folder))
}

// build renders a folder.
func (s *site) build(t *testing.T, folder string) string {
	t.Helper()
	return s.kubectl.Must(t, "kustomize", folder)
}

// compose writes the files of an overlay outside of the checkout, where users have theirs. What they call KUSTOMIZE is kustomize/.
func (s *site) compose(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := filepath.Rel(filepath.Dir(file), s.kustomize("."))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "KUSTOMIZE", root)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// uninstallsAround goes by docs/operations.md: all goes but the CRD, the objects and their Secrets.
func (s *site) uninstallsAround(t *testing.T) {
	t.Helper()
	manifests := s.build(t, s.compose(t, overlayWith(selfSigned, "admission-policy")))
	s.kubectl.MustApply(t, "", manifests)
	s.kubectl.Must(t, "delete", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "secretgate-webhook")
	s.kubectl.MustApply(t, "", object("stays", "{backendType: secretsManager, dataFrom: [db]}"))
	s.kubectl.Must(t, "delete", "namespace", "secretgate")
	s.kubectl.Must(t, "delete", "clusterroles,clusterrolebindings,priorityclasses,validatingadmissionpolicies,validatingadmissionpolicybindings", "-l", partOf)
	s.kubectl.Must(t, "get", "externalsecret", "stays")
	s.kubectl.Must(t, "delete", "crd", "externalsecrets.kubernetes-client.io")
	s.empty(t)
}

// installs does all that this file's test promises.
func (s *site) installs(t *testing.T, manifests string) {
	t.Helper()
	s.applies(t, manifests)
	if difference, err := s.kubectl.Stdin(manifests).Run(t.Context(), "diff", "-f", "-"); err != nil || difference != "" {
		t.Errorf("kubectl diff shows a difference right after kubectl apply: %s%v", difference, err)
	}
	s.deletes(t, manifests)
}

// applies applies manifests, twice, and tries their pods.
func (s *site) applies(t *testing.T, manifests string) {
	t.Helper()
	s.kubectl.MustApply(t, "", manifests)
	before := s.budgets(t)
	for line := range strings.Lines(s.kubectl.Stdin(manifests).Must(t, "apply", "-f", "-")) {
		// kubectl sends every budget anew, since a budget's selector is replaced rather than merged.
		if !strings.HasSuffix(strings.TrimSpace(line), " unchanged") && !strings.HasPrefix(line, "poddisruptionbudget.policy/") {
			t.Errorf("applied again: %s", line)
		}
	}
	if after := s.budgets(t); after != before {
		t.Errorf("applied again, PodDisruptionBudgets changed from %s to %s", before, after)
	}
	tried, err := s.admitsPods(t, manifests)
	if err != nil {
		t.Error(err)
	}
	if want := strings.Count(manifests, "kind: Deployment\nmetadata:"); tried != want {
		t.Errorf("%d Deployments were tried, not %d", tried, want)
	}
}

// budgets are the versions of the PodDisruptionBudgets.
func (s *site) budgets(t *testing.T) string {
	t.Helper()
	return s.kubectl.Must(t, "get", "poddisruptionbudgets", "--all-namespaces", "-l", partOf,
		"-o", "jsonpath={range .items[*]}{.metadata.name}@{.metadata.resourceVersion} {end}")
}

// deletes deletes manifests and waits until nothing of Secretgate is left.
func (s *site) deletes(t *testing.T, manifests string) {
	t.Helper()
	for _, o := range objectsIn(t, manifests) {
		if o.Kind == "CustomResourceDefinition" {
			s.awaitCache(t, fmt.Sprint(o.Metadata["name"]))
		}
	}
	s.kubectl.Stdin(manifests).Must(t, "delete", "-f", "-", "--ignore-not-found")
	s.empty(t)
}

// awaitCache waits until the API server lists a kind from its cache. It cannot delete one before ("storage is (re)initializing"),
// and may take five minutes to try again.
func (s *site) awaitCache(t *testing.T, crd string) {
	t.Helper()
	path := s.kubectl.Must(t, "get", "crd", crd, "-o", "jsonpath=/apis/{.spec.group}/{.spec.versions[0].name}/{.spec.names.plural}?resourceVersion=0")
	harness.Eventually(t, func() error {
		_, err := s.kubectl.Run(t.Context(), "get", "--raw", path)
		return err
	})
}

// empty looks for what carries our label, whatever its kind.
func (s *site) empty(t *testing.T) {
	t.Helper()
	kinds := strings.Fields(s.kubectl.Must(t, "api-resources", "--verbs=list", "-o", "name"))
	harness.Eventually(t, func() error {
		left, err := s.kubectl.Run(t.Context(), "get", strings.Join(kinds, ","), "--all-namespaces", "-l", partOf, "-o", "name")
		if err == nil && left != "" {
			err = fmt.Errorf("these are left: %s", left)
		}
		return err
	})
}

// object of rendered manifests, as far as these tests look.
type rendered struct {
	Kind     string         `json:"kind"`
	Metadata map[string]any `json:"metadata"`
	Spec     struct {
		Template struct {
			Metadata map[string]any `json:"metadata"`
			Spec     map[string]any `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

func objectsIn(t *testing.T, manifests string) []rendered {
	t.Helper()
	var objects []rendered
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		var o rendered
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

// admitsPods asks the API server, with its Pod Security and its priorities, for a pod of each Deployment.
func (s *site) admitsPods(t *testing.T, manifests string) (tried int, err error) {
	t.Helper()
	for _, o := range objectsIn(t, manifests) {
		if o.Kind != "Deployment" {
			continue
		}
		if account, ok := o.Spec.Template.Spec["serviceAccountName"].(string); ok { // a component's own is there as a dry run alone
			_, _ = s.kubectl.Run(t.Context(), "create", "serviceaccount", account, "-n", fmt.Sprint(o.Metadata["namespace"]))
		}
		metadata := maps.Clone(o.Spec.Template.Metadata)
		metadata["name"], metadata["namespace"] = o.Metadata["name"], o.Metadata["namespace"]
		pod := asJSON(t, map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": o.Spec.Template.Spec})
		if _, err := s.kubectl.Stdin(pod).Run(t.Context(), "create", "--dry-run=server", "-f", "-"); err != nil {
			return tried, fmt.Errorf("a pod of Deployment %v: %w", o.Metadata["name"], err)
		}
		tried++
	}
	return tried, nil
}

// folders lists the folders in one.
func folders(t *testing.T, in string) []string {
	t.Helper()
	entries, err := os.ReadDir(in)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names
}

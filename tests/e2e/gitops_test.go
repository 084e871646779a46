package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

// TestGitOpsDrift does with manifests what Argo CD and Flux do, by their field managers, and compares what they compare. The page
// kustomize/docs/gitops.md rests on it.
func TestGitOpsDrift(t *testing.T) {
	for fieldName, f := range deprecatedFields() {
		t.Run(fieldName, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, nil)
			for _, manager := range []string{"argocd-controller", "kustomize-controller"} {
				t.Run("applied by "+manager, func(t *testing.T) {
					appliedAgain(t, place{namespace, manager}, f, manager)
				})
			}
			t.Run("Argo CD's client-side apply", func(t *testing.T) { clientSideDiff(t, place{namespace, "client-side"}, f) })
		})
	}
}

// appliedAgain: the same manifest applied twice changes nothing and conflicts with no other manager, a dry run says so, and one of an
// edited manifest says what would change.
func appliedAgain(t *testing.T, at place, f forms, manager string) {
	t.Helper()
	send := func(content string, more ...string) (string, error) {
		return kubectl.Apply(t.Context(), "", at.manifest(t, content), append([]string{"--server-side", "--field-manager=" + manager}, more...)...)
	}
	if _, err := send(f.aliasA); err != nil {
		t.Fatal(err)
	}
	stored := at.whole(t)
	if _, err := send(f.aliasA); err != nil {
		t.Errorf("applied again: %v", err)
	}
	if diff := cmp.Diff(stored, at.whole(t)); diff != "" {
		t.Errorf("applied again it changed (-before +after):\n%s", diff)
	}
	for name, tc := range map[string]struct{ content, want string }{
		"the same manifest": {f.aliasA, f.targetA}, "an edited manifest": {f.aliasB, f.targetB}, "one by the new name": {f.targetA, f.targetA},
	} {
		predicted := at.predicted(t, tc.content, manager)
		if diff := cmp.Diff(fromJSON(t, tc.want), content(predicted)); diff != "" {
			t.Errorf("a dry run of %s is not what would be stored (-want +got):\n%s", name, diff)
		}
		if tc.want != f.targetA {
			continue
		}
		if diff := cmp.Diff(stored, predicted); diff != "" {
			t.Errorf("a dry run of %s differs from what is stored:\n%s", name, diff)
		}
	}
}

// clientSideDiff: Argo CD's usual diff is made of the manifest, the stored object and the annotation that kubectl leaves. It sees
// drift where the manifest has a deprecated field, and none where it has the new name. Its server-side diff sees none.
func clientSideDiff(t *testing.T, at place, f forms) {
	t.Helper()
	const manager = "argocd-controller"
	for _, tc := range []struct {
		content string
		drifts  bool
	}{{f.aliasA, true}, {f.targetA, false}} {
		kubectl.MustApply(t, "", at.manifest(t, tc.content), "--field-manager="+manager)
		live := at.whole(t)
		metadata, _ := live["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		last, _ := annotations["kubectl.kubernetes.io/last-applied-configuration"].(string)
		manifest := fromJSON(t, at.manifest(t, tc.content))
		// A client that compares leaves out the annotation itself, and so must the manifest of this comparison.
		original := fromJSON(t, last)
		applied, _ := original["metadata"].(map[string]any)
		delete(applied, "annotations")
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch([]byte(asJSON(t, original)), []byte(asJSON(t, manifest)), []byte(asJSON(t, live)))
		if err != nil {
			t.Fatal(err)
		}
		if drifts := string(patch) != "{}"; drifts != tc.drifts {
			t.Errorf("that the diff of %s finds drift is %t: %s", tc.content, drifts, patch)
		}
		if diff := cmp.Diff(live, at.predicted(t, tc.content, manager)); diff != "" {
			t.Errorf("the server-side diff of %s finds drift:\n%s", tc.content, diff)
		}
	}
}

// TestGitOpsOwnership: who applies a deprecated field does not own what it is converted to, so that a tool which looks at its own
// fields alone, as Argo CD's server-side diff does without IncludeMutationWebhook, sees no edit of it.
func TestGitOpsOwnership(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	fields := deprecatedFields()
	for name, converted := range map[string]string{"descriptor": `"f:spec"`, "type": `"f:template"`, "properties": `"f:data"`} {
		at := place{namespace, name}
		kubectl.MustApply(t, "", at.manifest(t, fields[name].aliasA), "--server-side", "--field-manager=argocd-controller")
		managed := kubectl.Must(t, "get", "externalsecret", name, "--namespace="+namespace, "--output=jsonpath={.metadata.managedFields[?(@.manager=='argocd-controller')].fieldsV1}")
		if managed == "" || strings.Contains(managed, converted) {
			t.Errorf("%s: the applier manages %s", name, managed)
		}
	}
}

// whole is the stored object without its managed fields, which no tool compares.
func (p place) whole(t *testing.T) map[string]any {
	t.Helper()
	return withoutManagedFields(t, kubectl.Must(t, "get", "externalsecret", p.name, "--namespace="+p.namespace, "--output=json"))
}

// predicted is what a server-side apply would make of the object, as a dry run tells.
func (p place) predicted(t *testing.T, content, manager string) map[string]any {
	t.Helper()
	// Not Apply, which shows warnings, too.
	return withoutManagedFields(t, kubectl.Stdin(p.manifest(t, content)).Must(t, "apply", "--server-side", "--force-conflicts",
		"--field-manager="+manager, "--dry-run=server", "--output=json", "--filename=-"))
}

func withoutManagedFields(t *testing.T, text string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	delete(metadata, "managedFields")
	delete(object, "status") // the syncer may have written it meanwhile
	delete(metadata, "resourceVersion")
	return object
}

// content is an object without what every object has.
func content(object map[string]any) map[string]any {
	rest := map[string]any{}
	for name, value := range object {
		if name != "apiVersion" && name != "kind" && name != "metadata" {
			rest[name] = value
		}
	}
	return rest
}

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/tests/harness"
)

// TestNamespaceWebhook annotates a namespace as its administrator would, and sees what kubectl prints.
func TestNamespaceWebhook(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	for _, name := range []string{"ours", "theirs"} { // suspended: not their Secrets matter here
		kubectl.MustApply(t, namespace, object(name, fmt.Sprintf("{suspend: true, backendType: secretsManager, dataFrom: [%s/db]}", name)))
	}
	annotated := func(annotations ...string) (string, error) {
		return kubectl.Show(t.Context(), append([]string{"annotate", "--overwrite", "namespace", namespace}, annotations...)...)
	}
	for _, step := range []struct {
		name, annotation, denied string
		warnings                 []string
	}{
		{
			name: "a pattern that does not compile is denied", annotation: names.AnnotationPermittedKeyName + "=ours/.*\n(?!theirs).*",
			denied: `metadata.annotations[externalsecrets.kubernetes-client.io/permitted-key-name]: Invalid value: line 2 "(?!theirs).*" is not a valid RE2 pattern: ` +
				"look-ahead `(?!` is JavaScript's, not RE2's: write what is permitted, a pattern a line, instead of what is not",
		},
		{
			name: "that of KES's other key, too", annotation: names.AnnotationPermittedRole + "=[a-",
			denied: "metadata.annotations[iam.amazonaws.com/permitted]: Invalid value: line 1 \"[a-\" is not a valid RE2 pattern: missing closing ]: `[a-`",
		},
		{name: "a good one passes", annotation: names.AnnotationPermittedKeyName + "=(ours|theirs)/.*"},
		{
			name: "a tighter one names what it forbids", annotation: names.AnnotationPermittedKeyName + "=ours/.*",
			warnings: []string{"these annotations forbid 1 ExternalSecret stored in namespace " + namespace, "ExternalSecret theirs: spec.dataFrom[0]"},
		},
		{
			name: "an empty one permits nothing", annotation: names.AnnotationPermittedKeyName + "=",
			warnings: []string{"is empty, which permits nothing", "ExternalSecret ours: spec.dataFrom[0]", "(1 more were forbidden already)"},
		},
		{name: "no limit at all", annotation: names.AnnotationPermittedKeyName + "-"},
		{
			name: "a switch of another spelling", annotation: names.AnnotationRequireRole + "=True",
			warnings: []string{`is "True", which does not turn it on: only "true" does`},
		},
		{
			name: "a key that means nothing", annotation: names.ReservedPrefix + "permitted-keyname=ours/.*",
			warnings: []string{"permitted-keyname means nothing to Secretgate and limits nothing: did you mean " + names.AnnotationPermittedKeyName + "?"},
		},
		{
			name: "a key that looks like KES's other one", annotation: "iam.amazonaws.com/permited=.*",
			warnings: []string{"annotation iam.amazonaws.com/permited means nothing to Secretgate and limits nothing: did you mean iam.amazonaws.com/permitted?"},
		},
		{name: "annotations of others are not ours to judge", annotation: "example.com/permitted=[a-"},
	} {
		said, err := annotated(step.annotation)
		switch {
		case step.denied != "" && err == nil:
			t.Errorf("%s: it was allowed", step.name)
		case step.denied != "" && !strings.Contains(err.Error(), step.denied):
			t.Errorf("%s: kubectl does not print\n%s\nbut\n%v", step.name, step.denied, err)
		case step.denied == "" && err != nil:
			t.Errorf("%s: %v", step.name, err)
		}
		for _, warning := range step.warnings {
			if !strings.Contains(said, warning) {
				t.Errorf("%s: kubectl does not print %q:\n%s", step.name, warning, said)
			}
		}
		if len(step.warnings) == 0 && strings.Contains(said, "Warning:") {
			t.Errorf("%s: %s", step.name, said)
		}
	}
}

// TestNamespaceWebhookIsAskedSeldom: writes of namespaces that are not about us do not arrive, whatever else is in them.
func TestNamespaceWebhookIsAskedSeldom(t *testing.T) {
	asked := func() int {
		return int(harness.MustScrape(t, theLab.Webhook.MetricsAddress).MustSum(t, "secretgate_admission_namespace_verdicts_total"))
	}
	before := asked()
	namespace := newNamespace(t, map[string]string{"example.com/a": "[a"})
	kubectl.Must(t, "label", "namespace", namespace, "example.com/b=c")
	annotate(t, namespace, "example.com/a=[b")
	if now := asked(); now != before {
		t.Errorf("it was asked %d times about a namespace that has none of our annotations", now-before)
	}
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=a")
	kubectl.Must(t, "label", "namespace", namespace, "example.com/b-")
	annotate(t, namespace, "example.com/a-")
	annotate(t, namespace, names.AnnotationPermittedKeyName+"-")
	if now := asked(); now != before+2 {
		t.Errorf("it was asked %d times about one annotation that came and went", now-before)
	}
}

// TestNamespaceWebhookSearchesNoMonster: a namespace of more annotations than a match condition can afford to search is written.
func TestNamespaceWebhookSearchesNoMonster(t *testing.T) {
	t.Parallel()
	annotations := map[string]string{names.AnnotationPermittedKeyName: "[a"}
	for i := range 50_000 {
		annotations[fmt.Sprintf("%x", i)] = ""
	}
	manifest := asJSON(t, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"generateName": "e2e-", "annotations": annotations}})
	if _, err := kubectl.Stdin(manifest).Run(t.Context(), "create", "-f", "-"); err == nil || !strings.Contains(err.Error(), "is not a valid RE2 pattern") {
		t.Errorf("the bad pattern in it was not denied: %v", err)
	}
}

// TestNamespaceWebhookOfSubresources: the API server takes annotations through a namespace's subresources, too.
func TestNamespaceWebhookOfSubresources(t *testing.T) {
	t.Parallel()
	for _, subresource := range []string{"status", "finalize"} {
		namespace := newNamespace(t, nil)
		stored := fromJSON(t, kubectl.Must(t, "get", "namespace", namespace, "--output=json"))
		put := func(pattern string) error {
			metadata, _ := stored["metadata"].(map[string]any)
			metadata["annotations"] = map[string]any{names.AnnotationPermittedKeyName: pattern}
			delete(metadata, "resourceVersion")
			_, err := kubectl.Stdin(asJSON(t, stored)).Run(t.Context(), "replace", "--raw=/api/v1/namespaces/"+namespace+"/"+subresource, "--filename=-")
			return err
		}
		if err := put("good/.*"); err != nil {
			t.Errorf("a good pattern by %s: %v", subresource, err)
		}
		err := put("[bad")
		now := kubectl.Must(t, "get", "namespace", namespace, "--output=json")
		if err == nil || !strings.Contains(err.Error(), "is not a valid RE2 pattern") || strings.Contains(now, "[bad") {
			t.Errorf("a bad pattern by %s: %v\n%s", subresource, err, now)
		}
	}
}

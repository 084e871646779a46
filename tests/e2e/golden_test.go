package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// goldenCase is a folder of the golden cases of kes, which its golden_test.go runs through the functions that both
// services call, and describes.
type goldenCase struct {
	object      string
	annotations map[string]string
	expected    struct {
		Verdict  string      `json:"verdict"`
		Errors   []string    `json:"errors"`
		Reason   plan.Reason `json:"reason"`
		Warnings []string    `json:"warnings"`
		Schema   string      `json:"schema"`
	}
}

// TestGoldenCases applies each case where the webhook judges it, and stores it past the webhook where
// the syncer alone does: both say what shared/golden_test.go says. It touches the webhook configurations, and so runs
// beside no other test.
func TestGoldenCases(t *testing.T) {
	names := goldenNames(t)
	t.Run("the webhook", func(t *testing.T) {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				throughTheWebhook(t, readCase(t, name))
			})
		}
	})
	leaveUnguarded(t)
	t.Run("the syncer", func(t *testing.T) {
		for _, name := range names {
			c := readCase(t, name)
			if c.expected.Schema != "" {
				continue // the API server itself does not store it
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				behindTheWebhook(t, c)
			})
		}
	})
}

func throughTheWebhook(t *testing.T, c goldenCase) {
	t.Helper()
	namespace := olderNamespace(t, c.annotations)
	said, err := kubectl.Apply(t.Context(), namespace, c.object)
	if c.expected.Verdict == "allowed" {
		if err != nil {
			t.Fatalf("denied: %v", err)
		}
		for _, warning := range c.expected.Warnings {
			if !strings.Contains(said, "Warning: "+warning) {
				t.Errorf("kubectl does not print the warning %q:\n%s", warning, said)
			}
		}
		return
	}
	if err == nil {
		t.Fatal("allowed")
	}
	want := []string{c.expected.Schema}
	if c.expected.Schema == "" {
		want = c.errorsIn(namespace)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("kubectl does not print\n%s\nbut\n%v", text, err)
		}
	}
}

// unguarded is the label of namespaces that the webhook is not asked about in these tests.
const unguarded = "lab.secretgate.io/unguarded"

// leaveUnguarded takes labelled namespaces from the webhook until the test ends, as an administrator might.
func leaveUnguarded(t *testing.T) {
	t.Helper()
	selectNamespaces := func(selector string) error {
		var errs []error
		for _, kind := range []string{"mutatingwebhookconfiguration", "validatingwebhookconfiguration"} {
			_, err := kubectl.Run(context.Background(), "patch", kind, "secretgate-webhook", "--type=json",
				"--patch="+`[{"op": "add", "path": "/webhooks/0/namespaceSelector", "value": `+selector+`}]`)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	t.Cleanup(func() {
		if err := selectNamespaces(`{}`); err != nil {
			t.Error(err)
		}
	})
	if err := selectNamespaces(`{"matchExpressions": [{"key": "` + unguarded + `", "operator": "DoesNotExist"}]}`); err != nil {
		t.Fatal(err)
	}
}

// behindTheWebhook stores a case unseen. What its verdict denies reads nothing and makes no Secret.
func behindTheWebhook(t *testing.T, c goldenCase) {
	t.Helper()
	const name = "hello-service"
	namespace := olderNamespace(t, c.annotations)
	kubectl.Must(t, "label", "namespace", namespace, unguarded+"=true")
	harness.Eventually(t, func() error { // the API server learns of selectors and labels with a delay
		_, err := kubectl.Stdin(c.object).Run(t.Context(), "create", "-n", namespace, "-f", "-")
		return err
	})
	if c.expected.Verdict == "allowed" {
		harness.Eventually(t, func() error { return judgedAsAllowed(getObject(t, namespace, name)) })
		return
	}
	es := awaitReason(t, namespace, name, c.expected.Reason)
	first := c.errorsIn(namespace)[0]
	if !strings.HasPrefix(es.Status.Status, "ERROR, ") || !strings.Contains(es.Status.Status, first) {
		t.Errorf("the status does not hold\n%s\nbut is\n%s", first, es.Status.Status)
	}
	if getSecret(t, namespace, name) != nil {
		t.Error("there is a Secret")
	}
}

// judgedAsAllowed is content with whatever a backend answers, since it was asked.
func judgedAsAllowed(es *apiv1.ExternalSecret) error {
	for _, c := range es.Status.Conditions {
		denied := []string{string(plan.ReasonInvalidSpec), string(plan.ReasonPolicyDenied)}
		if c.Type == plan.ConditionReady && !slices.Contains(denied, c.Reason) {
			return nil
		}
	}
	return fmt.Errorf("the syncer did not allow it: %q", es.Status.Status)
}

// errorsIn are the expected errors in a namespace of another name.
func (c goldenCase) errorsIn(namespace string) []string {
	var texts []string
	for _, text := range c.expected.Errors {
		texts = append(texts, strings.ReplaceAll(text, `namespace "core"`, fmt.Sprintf("namespace %q", namespace)))
	}
	return texts
}

func goldenNames(t *testing.T) []string {
	t.Helper()
	folders, err := os.ReadDir(filepath.Join("..", "..", "shared", "dialect", "kes", "testdata", "cases"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var names []string
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	return names
}

func readCase(t *testing.T, name string) goldenCase {
	t.Helper()
	read := func(file string) []byte {
		text, err := os.ReadFile(filepath.Join("..", "..", "shared", "dialect", "kes", "testdata", "cases", name, file))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	c := goldenCase{object: string(read("object.yaml"))}
	namespace := &corev1.Namespace{}
	if err := errors.Join(yaml.Unmarshal(read("namespace.yaml"), namespace), yaml.UnmarshalStrict(read("expected.yaml"), &c.expected)); err != nil {
		t.Fatal(err)
	}
	c.annotations = namespace.Annotations
	return c
}

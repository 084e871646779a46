package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
)

// auditPolicy logs what our webhooks are asked about, once a request, without its content.
const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
	{"level": "Metadata", "verbs": ["create", "update", "patch"], "resources": [
		{"group": "kubernetes-client.io", "resources": ["externalsecrets"]}, {"group": "", "resources": ["namespaces", "namespaces/status"]}]},
	{"level": "None"}]}`

// audited are the flags by which the lab's API server logs, each line before it answers.
func audited(dir string) ([]string, error) {
	policy := filepath.Join(dir, "audit-policy.json")
	return []string{"--audit-policy-file=" + policy, "--audit-log-path=" + auditLog(dir), "--audit-log-mode=blocking"},
		os.WriteFile(policy, []byte(auditPolicy), 0o600)
}

func auditLog(dir string) string { return filepath.Join(dir, "audit.log") }

// TestAuditLog: the API server's audit log records each verdict, why, and on which fields, but never what is in them.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	const mutate, validate, namespaces = "mutate.externalsecrets.secretgate.io/", "validate.externalsecrets.secretgate.io/", "namespaces.secretgate.io/"
	namespace := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "ours/.*"})
	manifest := func(spec string) string {
		return object("audited", "{suspend: true, backendType: secretsManager, "+spec+"}")
	}
	for _, tc := range []struct {
		name string
		do   func() (string, error)
		want map[string]string
	}{
		{
			"an object that is allowed", func() (string, error) {
				return kubectl.Apply(t.Context(), namespace, manifest("dataFrom: [ours/a]"))
			},
			map[string]string{validate + "verdict": "allowed"},
		},
		{
			"one with a deprecated field", func() (string, error) {
				return kubectl.Apply(t.Context(), namespace, manifest("properties: [{key: ours/a, name: password}]"))
			},
			map[string]string{mutate + "converted": "spec.properties", validate + "verdict": "allowed"},
		},
		{
			"one that the policy forbids", func() (string, error) {
				return kubectl.Apply(t.Context(), namespace, manifest("dataFrom: [theirs/a, ours/b, theirs/b]"))
			},
			map[string]string{validate + "verdict": "denied", validate + "reason": "policy", validate + "fields": "spec.dataFrom[0], spec.dataFrom[2]"},
		},
		{
			"one with both names of a field", func() (string, error) {
				return kubectl.Apply(t.Context(), namespace, manifest("properties: [{key: ours/a, name: password}], data: [{key: ours/b, name: password}]"))
			},
			map[string]string{mutate + "verdict": "denied", mutate + "reason": "conflict", mutate + "fields": "spec.properties"},
		},
		{
			"a pattern that is none", func() (string, error) {
				return kubectl.Show(t.Context(), "annotate", "--overwrite", "namespace", namespace, names.AnnotationPermittedKeyName+"=[a")
			},
			map[string]string{
				namespaces + "verdict": "denied", namespaces + "reason": "pattern",
				namespaces + "fields": "metadata.annotations[" + names.AnnotationPermittedKeyName + "]",
			},
		},
	} {
		before := len(auditEvents(t, namespace))
		said, err := tc.do()
		events := auditEvents(t, namespace)[before:]
		if len(events) != 1 {
			t.Fatalf("%s: %d requests are logged", tc.name, len(events))
		}
		got := map[string]string{}
		for key, value := range events[0] {
			if strings.Contains(key, ".secretgate.io/") && !strings.HasPrefix(key, "mutation.") && !strings.HasPrefix(key, "patch.") {
				got[key] = value
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: annotations (-want +logged):\n%s\nkubectl: %s %v", tc.name, diff, said, err)
		}
		for key, value := range events[0] {
			if strings.Contains(value, "theirs/") || strings.Contains(value, "ours/") {
				t.Errorf("%s: annotation %s tells what the object reads", tc.name, key)
			}
		}
	}
}

// auditEvents are the annotations of the requests about a namespace and what is in it, in the order of the log.
func auditEvents(t *testing.T, namespace string) (annotations []map[string]string) {
	t.Helper()
	file, err := os.Open(auditLog(theLab.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			ObjectRef   struct{ Namespace, Name, Resource string }
			Annotations map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(fmt.Errorf("the audit log: %w", err))
		}
		if about := event.ObjectRef; about.Namespace == namespace || about.Resource == "namespaces" && about.Name == namespace {
			annotations = append(annotations, event.Annotations)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return annotations
}

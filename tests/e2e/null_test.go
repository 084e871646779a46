package e2e

import (
	"strings"
	"testing"
)

// What `webhook check` says of fields that are null holds on a real API server.
func TestAFieldThatIsNullIsTakenForAbsentButByServerSideApply(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	const spec = "{suspend: true, backendType: gcpSecretsManager, projectId: null, roleArn: null, template: null, data: [{key: a, name: b, version: null}]}"
	const stored = `{"backendType":"gcpSecretsManager","data":[{"key":"a","name":"b"}],"suspend":true}`
	descriptor := "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: descriptor}\nsecretDescriptor: " + spec
	for name, tc := range map[string]struct {
		manifest string
		args     []string
	}{
		"applied":    {object("applied", spec), []string{"apply"}},
		"created":    {object("created", spec), []string{"create"}},
		"descriptor": {descriptor, []string{"apply"}},
	} {
		if _, err := kubectl.Stdin(tc.manifest).Run(t.Context(), append(tc.args, "-n", namespace, "-f", "-")...); err != nil {
			t.Errorf("%s: got %v, want it stored", name, err)
			continue
		}
		got := kubectl.Must(t, "get", "externalsecrets.kubernetes-client.io", "-n", namespace, name, "-o", "jsonpath={.spec}")
		if got != stored {
			t.Errorf("%s: got %s, want %s", name, got, stored)
		}
	}
	out, err := kubectl.Apply(t.Context(), namespace, object("server-side", spec), "--server-side")
	if err == nil || !strings.Contains(err.Error(), `spec.projectId in body must be of type string: "null"`) {
		t.Errorf("a server-side apply: got %s, %v, want it refused: correct the check, and migration.md", out, err)
	}
}

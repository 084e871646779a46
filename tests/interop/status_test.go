// Package interop tests what the project gives to other tools, with the libraries of these tools.
package interop

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// docs is where these files are.
const docs = "../../kustomize/docs/"

// observed is an object as a GitOps tool reads it, and what the tools should make of it.
type observed struct {
	object string // YAML; what is not given is generation 2
	argoCD string // Healthy, Progressing, Degraded or Suspended
	flux   string // Current, InProgress or Failed
}

// statuses are the stages of an object's life.
func statuses() map[string]observed {
	const ready = "status: {observedGeneration: 2, lastSuccess: '2026-01-01T00:00:00Z', conditions: [{type: Ready, status: 'True', reason: Synced, message: ''}]}"
	return map[string]observed{
		"it was just created":                    {"spec: {backendType: vault}", "Progressing", "InProgress"},
		"its status is empty":                    {"status: {}", "Progressing", "InProgress"},
		"it is synced":                           {ready, "Healthy", "Current"},
		"it is synced, and a restart is held up": {strings.Replace(ready, "}]}", "}, {type: RestartPending, status: 'True', reason: Paused, message: why}]}", 1), "Healthy", "Current"},
		"it was edited since": {
			"{metadata: {generation: 3}, " + ready + "}", "Progressing", "InProgress",
		},
		"it is forbidden": {
			"status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: PolicyDenied, message: why}]}", "Degraded", "Failed",
		},
		"the backend was never reached": {
			"status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: BackendUnavailable, message: why}]}", "Progressing", "InProgress",
		},
		"the backend throttles the first read": {
			"status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: BackendThrottled, message: why}]}", "Progressing", "InProgress",
		},
		"the backend went away after a success": {
			"status: {observedGeneration: 2, lastSuccess: '2026-01-01T00:00:00Z', conditions: [{type: Ready, status: 'False', reason: BackendUnavailable, message: why}]}",
			"Degraded", "InProgress",
		},
		"a Secret of another owner is in the way": {
			"status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: SecretNotOwned, message: why}]}", "Degraded", "Failed",
		},
		"it is suspended after a success": {
			"{spec: {suspend: true}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'True', reason: Suspended, message: why}]}}", "Suspended", "Current",
		},
		"it is suspended after a failure": {
			"{spec: {suspend: true}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: Suspended, message: why}]}}", "Suspended", "Current",
		},
		"it was suspended from the start": {
			"{spec: {suspend: true}, status: {observedGeneration: 2, conditions: [{type: Ready, status: Unknown, reason: Suspended, message: why}]}}", "Suspended", "Current",
		},
		"it is resumed and not read yet": {
			"{metadata: {generation: 3}, spec: {suspend: false}, status: {observedGeneration: 2, conditions: [{type: Ready, status: 'True', reason: Suspended, message: why}]}}",
			"Progressing", "InProgress",
		},
		"kubernetes-external-secrets synced it": {
			"status: {observedGeneration: 2, lastSync: '2026-01-01T00:00:00Z', status: SUCCESS}", "Healthy", "InProgress",
		},
		"kubernetes-external-secrets failed": {
			"status: {observedGeneration: 2, lastSync: '2026-01-01T00:00:00Z', status: 'ERROR, why'}", "Degraded", "InProgress",
		},
		"another condition is no news": {
			"status: {observedGeneration: 2, conditions: [{type: Other, status: 'True', reason: R, message: m}]}", "Progressing", "InProgress",
		},
	}
}

// parse reads an object's YAML as a client of the API server does.
func (o observed) parse(t *testing.T) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(o.object), &object); err != nil {
		t.Fatal(err)
	}
	if object["metadata"] == nil {
		object["metadata"] = map[string]any{"generation": float64(2)}
	}
	return object
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(docs + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// forms are the contents of manifests with one deprecated field, and what they become. All are
// suspended: it is not their Secrets that matter here.
type forms struct {
	deprecated       string // the name that warnings begin with
	aliasA, aliasB   string // by the deprecated name, with two values
	targetA, targetB string // the same by the name that replaced it
	dataFrom         string // neither name, and another source of values
	both             string // the deprecated name with the first value, its replacement with the second
}

func deprecatedFields() map[string]forms {
	return map[string]forms{
		"descriptor": {
			deprecated: "secretDescriptor is deprecated: use spec",
			aliasA:     `{"secretDescriptor": {"suspend": true, "backendType": "vault", "vaultRole": "r", "data": [{"key": "secret/data/a", "name": "n"}]}}`,
			aliasB:     `{"secretDescriptor": {"suspend": true, "backendType": "vault", "vaultRole": "s", "data": [{"key": "secret/data/b", "name": "n"}]}}`,
			targetA:    `{"spec": {"suspend": true, "backendType": "vault", "vaultRole": "r", "data": [{"key": "secret/data/a", "name": "n"}]}}`,
			targetB:    `{"spec": {"suspend": true, "backendType": "vault", "vaultRole": "s", "data": [{"key": "secret/data/b", "name": "n"}]}}`,
			dataFrom:   `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"]}}`,
			both: `{"secretDescriptor": {"suspend": true, "backendType": "vault", "data": [{"key": "secret/data/a", "name": "n"}]},
			        "spec": {"suspend": true, "backendType": "vault", "data": [{"key": "secret/data/b", "name": "n"}]}}`,
		},
		"type": {
			deprecated: "spec.type is deprecated: use spec.template.type",
			aliasA:     `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"], "type": "a"}}`,
			aliasB:     `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"], "type": "b"}}`,
			targetA:    `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"], "template": {"type": "a"}}}`,
			targetB:    `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"], "template": {"type": "b"}}}`,
			dataFrom:   `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"]}}`,
			both:       `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"], "type": "a", "template": {"type": "b"}}}`,
		},
		"properties": {
			deprecated: "spec.properties is deprecated: use spec.data",
			aliasA:     `{"spec": {"suspend": true, "backendType": "vault", "properties": [{"key": "secret/data/a", "name": "n"}]}}`,
			aliasB:     `{"spec": {"suspend": true, "backendType": "vault", "properties": [{"key": "secret/data/b", "name": "n"}]}}`,
			targetA:    `{"spec": {"suspend": true, "backendType": "vault", "data": [{"key": "secret/data/a", "name": "n"}]}}`,
			targetB:    `{"spec": {"suspend": true, "backendType": "vault", "data": [{"key": "secret/data/b", "name": "n"}]}}`,
			dataFrom:   `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"]}}`,
			both: `{"spec": {"suspend": true, "backendType": "vault", "properties": [{"key": "secret/data/a", "name": "n"}],
			        "data": [{"key": "secret/data/b", "name": "n"}]}}`,
		},
		"backendtype": { // two spellings of one field: never both at once
			deprecated: "spec.backendType secretManager is deprecated: use secretsManager",
			aliasA:     `{"spec": {"suspend": true, "backendType": "secretManager", "data": [{"key": "a", "name": "n"}]}}`,
			aliasB:     `{"spec": {"suspend": true, "backendType": "secretManager", "data": [{"key": "b", "name": "n"}]}}`,
			targetA:    `{"spec": {"suspend": true, "backendType": "secretsManager", "data": [{"key": "a", "name": "n"}]}}`,
			targetB:    `{"spec": {"suspend": true, "backendType": "secretsManager", "data": [{"key": "b", "name": "n"}]}}`,
			dataFrom:   `{"spec": {"suspend": true, "backendType": "secretsManager", "dataFrom": ["x"]}}`,
		},
	}
}

// A writer sends a manifest's content in one of kubectl's ways, and returns what kubectl said.
type writer func(t *testing.T, at place, content string) (said string, err error)

type place struct{ namespace, name string }

func (p place) manifest(t *testing.T, content string) string {
	m := fromJSON(t, content)
	m["apiVersion"], m["kind"] = "kubernetes-client.io/v1", "ExternalSecret"
	m["metadata"] = map[string]any{"name": p.name, "namespace": p.namespace}
	return asJSON(t, m)
}

func (p place) exists(t *testing.T) bool { return p.read(t) != nil }

// read is the stored content; nil if there is no object.
func (p place) read(t *testing.T) map[string]any {
	out := kubectl.Must(t, "get", "externalsecret", p.name, "--namespace="+p.namespace, "--output=json", "--ignore-not-found")
	if out == "" {
		return nil
	}
	stored := fromJSON(t, out)
	for _, name := range []string{"apiVersion", "kind", "metadata", "status"} {
		delete(stored, name)
	}
	return stored
}

func writers() map[string]writer {
	return map[string]writer{"client-side": clientSideApply, "server-side": serverSideApply, "replace": replace, "json-patch": jsonPatch}
}

func clientSideApply(t *testing.T, at place, content string) (string, error) {
	return kubectl.Apply(t.Context(), "", at.manifest(t, content))
}

// serverSideApply takes over what another client has edited, as one who applies by it must say.
func serverSideApply(t *testing.T, at place, content string) (string, error) {
	return kubectl.Apply(t.Context(), "", at.manifest(t, content), "--server-side", "--force-conflicts")
}

func replace(t *testing.T, at place, content string) (string, error) {
	verb := "create"
	if at.exists(t) {
		verb = "replace"
	}
	return kubectl.Stdin(at.manifest(t, content)).Show(t.Context(), verb, "--filename=-")
}

// jsonPatch adds a deprecated field to the object as it is stored, or replaces the stored spec.
func jsonPatch(t *testing.T, at place, content string) (string, error) {
	if !at.exists(t) {
		return replace(t, at, content)
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	m := fromJSON(t, content)
	spec, _ := m["spec"].(map[string]any)
	operations := []operation{{"replace", "/spec", spec}}
	if usesAlias(m) {
		operations = nil
		for _, name := range slices.Sorted(maps.Keys(spec)) {
			operations = append(operations, operation{"add", "/spec/" + name, spec[name]})
		}
		if descriptor, ok := m["secretDescriptor"]; ok {
			operations = append(operations, operation{"add", "/secretDescriptor", descriptor})
		}
	}
	return kubectl.Show(t.Context(), "patch", "externalsecret", at.name, "--namespace="+at.namespace, "--type=json", "--patch="+asJSON(t, operations))
}

// edit changes the stored object as kubectl edit does.
func edit(t *testing.T, at place, content string) (string, error) {
	return kubectl.Show(t.Context(), "patch", "externalsecret", at.name, "--namespace="+at.namespace,
		"--type=merge", "--field-manager=kubectl-edit", "--patch="+content)
}

func usesAlias(m map[string]any) bool {
	spec, _ := m["spec"].(map[string]any)
	return m["secretDescriptor"] != nil || spec["type"] != nil || spec["properties"] != nil || spec["backendType"] == "secretManager"
}

// step is a manifest's content and what is stored afterwards; nothing: it is denied.
type step struct {
	send, want string
	by         writer // nil: the writer of the case
}

func stories(f forms) map[string][]step {
	stories := map[string][]step{
		"reapply":         {{send: f.aliasA, want: f.targetA}, {send: f.aliasA, want: f.targetA}},
		"edit-alias":      {{send: f.aliasA, want: f.targetA}, {send: f.aliasB, want: f.targetB}, {send: f.aliasB, want: f.targetB}},
		"edit-target":     {{send: f.aliasA, want: f.targetA}, {send: f.targetB, want: f.targetB, by: edit}, {send: f.aliasA, want: f.targetA}},
		"to-target":       {{send: f.aliasA, want: f.targetA}, {send: f.targetB, want: f.targetB}, {send: f.targetB, want: f.targetB}},
		"to-data-from":    {{send: f.aliasA, want: f.targetA}, {send: f.dataFrom, want: f.dataFrom}, {send: f.dataFrom, want: f.dataFrom}},
		"back-from-there": {{send: f.targetA, want: f.targetA}, {send: f.aliasB, want: f.targetB}},
	}
	if f.both != "" {
		stories["both-created"] = []step{{send: f.both}}
		stories["both-later"] = []step{{send: f.aliasA, want: f.targetA}, {send: f.both}}
	}
	return stories
}

// TestConversion applies deprecated fields in every way there is. The webhook sees each request and
// what kubectl and the API server keep of earlier ones, and from that tells what its author wrote.
func TestConversion(t *testing.T) {
	fields := deprecatedFields()
	for fieldName, f := range fields {
		t.Run(fieldName, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, nil)
			for writerName, write := range writers() {
				for story, steps := range stories(f) {
					t.Run(writerName+"/"+story, func(t *testing.T) {
						tell(t, place{namespace, writerName + "-" + story}, f, write, steps)
					})
				}
			}
			t.Run("from client-side to server-side apply", func(t *testing.T) {
				tell(t, place{namespace, "migrated"}, f, serverSideApply, []step{
					{send: f.aliasA, want: f.targetA, by: clientSideApply}, {send: f.aliasB, want: f.targetB},
					{send: f.dataFrom, want: f.dataFrom},
				})
			})
			t.Run("from client-side to server-side apply and dataFrom at once", func(t *testing.T) {
				tell(t, place{namespace, "migrated-at-once"}, f, serverSideApply, []step{
					{send: f.aliasA, want: f.targetA, by: clientSideApply}, {send: f.dataFrom, want: f.dataFrom},
				})
			})
		})
	}
}

func tell(t *testing.T, at place, f forms, write writer, steps []step) {
	t.Helper()
	for i, s := range steps {
		send := write
		if s.by != nil {
			send = s.by
		}
		said, err := send(t, at, s.send)
		switch {
		case s.want == "" && err == nil:
			t.Fatalf("step %d was not denied", i+1)
		case s.want == "":
			if !strings.Contains(err.Error(), "is the deprecated name of") {
				t.Errorf("step %d was denied for another reason: %v", i+1, err)
			}
			continue
		case err != nil:
			t.Fatalf("step %d: %v", i+1, err)
		}
		if warned := strings.Contains(said, "Warning: "+f.deprecated); warned != usesAlias(fromJSON(t, s.send)) {
			t.Errorf("step %d: warned is %t: %s", i+1, warned, said)
		}
		if diff := cmp.Diff(fromJSON(t, s.want), at.read(t)); diff != "" {
			t.Fatalf("after step %d (-want +stored):\n%s", i+1, diff)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func fromJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

// TestConversionOfADryRun: sideEffects None means that --dry-run=server tells what an apply would.
func TestConversionOfADryRun(t *testing.T) {
	f := deprecatedFields()["properties"]
	at := place{newNamespace(t, nil), "dry"}
	said, err := kubectl.Apply(t.Context(), "", at.manifest(t, f.aliasA), "--dry-run=server")
	if err != nil || !strings.Contains(said, "Warning: "+f.deprecated) {
		t.Errorf("%v: %s", err, said)
	}
	if _, err := kubectl.Apply(t.Context(), "", at.manifest(t, f.both), "--dry-run=server"); err == nil ||
		!strings.Contains(err.Error(), "remove spec.properties") {
		t.Errorf("both at once: %v", err)
	}
	if at.exists(t) {
		t.Error("a dry run stored the object")
	}
}

// TestConversionForTwoAppliers: what one applier holds is not removed by what another one drops.
func TestConversionForTwoAppliers(t *testing.T) {
	at := place{newNamespace(t, nil), "shared"}
	steps := []struct{ by, send, want string }{
		{
			"one", `{"spec": {"suspend": true, "backendType": "vault", "properties": [{"key": "secret/data/a", "name": "n"}]}}`,
			`{"spec": {"suspend": true, "backendType": "vault", "data": [{"key": "secret/data/a", "name": "n"}]}}`,
		},
		{
			"two", `{"spec": {"backendType": "vault", "type": "t", "region": "r"}}`,
			`{"spec": {"suspend": true, "backendType": "vault", "region": "r", "template": {"type": "t"}, "data": [{"key": "secret/data/a", "name": "n"}]}}`,
		},
		{
			"one", `{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"]}}`,
			`{"spec": {"suspend": true, "backendType": "vault", "region": "r", "template": {"type": "t"}, "dataFrom": ["secret/data/x"]}}`,
		},
		{
			"two", `{"spec": {"backendType": "vault"}}`,
			`{"spec": {"suspend": true, "backendType": "vault", "dataFrom": ["secret/data/x"]}}`,
		},
	}
	for i, s := range steps {
		kubectl.MustApply(t, "", at.manifest(t, s.send), "--server-side", "--field-manager="+s.by)
		if diff := cmp.Diff(fromJSON(t, s.want), at.read(t)); diff != "" {
			t.Fatalf("after step %d (-want +stored):\n%s", i+1, diff)
		}
	}
}

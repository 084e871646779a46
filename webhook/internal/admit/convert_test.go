package admit

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// forms are the manifests of one deprecated field, and what they should become.
type forms struct {
	aliasA, aliasB   string // by the deprecated name, with two values
	targetA, targetB string // the same by the name that replaced it
	neither          string // another source of values, and neither field
	both             string // the deprecated name with the first value, its replacement with the second
}

func deprecatedFields() map[string]forms {
	return map[string]forms{
		"secretDescriptor": {
			aliasA:  `{"secretDescriptor": {"backendType": "vault", "vaultRole": "r", "data": [{"key": "a", "name": "n"}]}}`,
			aliasB:  `{"secretDescriptor": {"backendType": "vault", "data": [{"key": "b", "name": "n"}]}}`,
			targetA: `{"spec": {"backendType": "vault", "vaultRole": "r", "data": [{"key": "a", "name": "n"}]}}`,
			targetB: `{"spec": {"backendType": "vault", "data": [{"key": "b", "name": "n"}]}}`,
			neither: `{"spec": {"backendType": "vault", "dataFrom": ["x"]}}`,
			both: `{"secretDescriptor": {"backendType": "vault", "vaultRole": "r", "data": [{"key": "a", "name": "n"}]},
			        "spec": {"backendType": "vault", "data": [{"key": "b", "name": "n"}]}}`,
		},
		"secretDescriptor with an empty spec": {
			aliasA:  `{"spec": {}, "secretDescriptor": {"backendType": "secretManager", "properties": [{"key": "a", "name": "n"}], "type": "t"}}`,
			aliasB:  `{"spec": {}, "secretDescriptor": {"backendType": "secretManager", "properties": [{"key": "b", "name": "n"}]}}`,
			targetA: `{"spec": {"backendType": "secretsManager", "data": [{"key": "a", "name": "n"}], "template": {"type": "t"}}}`,
			targetB: `{"spec": {"backendType": "secretsManager", "data": [{"key": "b", "name": "n"}]}}`,
			neither: `{"spec": {"backendType": "secretsManager", "dataFrom": ["x"]}}`,
			both: `{"secretDescriptor": {"backendType": "secretManager", "properties": [{"key": "a", "name": "n"}], "type": "t"},
			        "spec": {"backendType": "secretsManager", "dataFrom": ["y"]}}`,
		},
		"spec.type": {
			aliasA:  `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "a"}}`,
			aliasB:  `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "b"}}`,
			targetA: `{"spec": {"backendType": "vault", "dataFrom": ["x"], "template": {"type": "a"}}}`,
			targetB: `{"spec": {"backendType": "vault", "dataFrom": ["x"], "template": {"type": "b"}}}`,
			neither: `{"spec": {"backendType": "vault", "dataFrom": ["x"]}}`,
			both:    `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "a", "template": {"type": "b"}}}`,
		},
		"spec.type beside a template": {
			aliasA:  `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "a", "template": {"metadata": {"labels": {"l": "v"}}}}}`,
			aliasB:  `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "b", "template": {"metadata": {"labels": {"l": "v"}}}}}`,
			targetA: `{"spec": {"backendType": "vault", "dataFrom": ["x"], "template": {"metadata": {"labels": {"l": "v"}}, "type": "a"}}}`,
			targetB: `{"spec": {"backendType": "vault", "dataFrom": ["x"], "template": {"metadata": {"labels": {"l": "v"}}, "type": "b"}}}`,
			neither: `{"spec": {"backendType": "vault", "dataFrom": ["x"], "template": {"metadata": {"labels": {"l": "v"}}}}}`,
			both:    `{"spec": {"backendType": "vault", "dataFrom": ["x"], "type": "a", "template": {"metadata": {"labels": {"l": "v"}}, "type": "b"}}}`,
		},
		"spec.properties": {
			aliasA:  `{"spec": {"backendType": "vault", "properties": [{"key": "a", "name": "n"}]}}`,
			aliasB:  `{"spec": {"backendType": "vault", "properties": [{"key": "b", "name": "n"}, {"key": "c", "name": "m"}]}}`,
			targetA: `{"spec": {"backendType": "vault", "data": [{"key": "a", "name": "n"}]}}`,
			targetB: `{"spec": {"backendType": "vault", "data": [{"key": "b", "name": "n"}, {"key": "c", "name": "m"}]}}`,
			neither: `{"spec": {"backendType": "vault", "dataFrom": ["x"]}}`,
			both:    `{"spec": {"backendType": "vault", "properties": [{"key": "a", "name": "n"}], "data": [{"key": "b", "name": "n"}]}}`,
		},
		"backendType secretManager": { // two spellings of one field: never both at once
			aliasA:  `{"spec": {"backendType": "secretManager", "dataFrom": ["a"]}}`,
			aliasB:  `{"spec": {"backendType": "secretManager", "dataFrom": ["b"]}}`,
			targetA: `{"spec": {"backendType": "secretsManager", "dataFrom": ["a"]}}`,
			targetB: `{"spec": {"backendType": "secretsManager", "dataFrom": ["b"]}}`,
			neither: `{"spec": {"backendType": "vault", "dataFrom": ["a"]}}`,
		},
	}
}

func writers() map[string]writer {
	return map[string]writer{
		"client-side apply": clientSide,
		"server-side apply": serverSide,
		"replace":           replace,
		"JSON patch":        jsonPatch,
	}
}

// step is a manifest and the content that is stored afterwards; none: it is denied.
type step struct {
	send string
	want string
	by   writer // nil: the writer of the case
}

func stories(f forms) map[string][]step {
	stories := map[string][]step{
		"first apply":                           {{send: f.aliasA, want: f.targetA}},
		"re-apply":                              {{send: f.aliasA, want: f.targetA}, {send: f.aliasA, want: f.targetA}, {send: f.aliasA, want: f.targetA}},
		"edit of the alias":                     {{send: f.aliasA, want: f.targetA}, {send: f.aliasB, want: f.targetB}, {send: f.aliasB, want: f.targetB}},
		"edit of the target by another client":  {{send: f.aliasA, want: f.targetA}, {send: f.targetB, want: f.targetB, by: replace}},
		"re-apply after such an edit":           {{send: f.aliasA, want: f.targetA}, {send: f.targetB, want: f.targetB, by: edit}, {send: f.aliasA, want: f.targetA}},
		"move from alias to target":             {{send: f.aliasA, want: f.targetA}, {send: f.targetA, want: f.targetA}, {send: f.targetA, want: f.targetA}},
		"move from alias to a new target":       {{send: f.aliasA, want: f.targetA}, {send: f.targetB, want: f.targetB}, {send: f.targetB, want: f.targetB}},
		"move from target to alias":             {{send: f.targetA, want: f.targetA}, {send: f.aliasB, want: f.targetB}, {send: f.aliasB, want: f.targetB}},
		"move from alias to neither":            {{send: f.aliasA, want: f.targetA}, {send: f.neither, want: f.neither}, {send: f.neither, want: f.neither}},
		"move from alias to neither and back":   {{send: f.aliasA, want: f.targetA}, {send: f.neither, want: f.neither}, {send: f.aliasB, want: f.targetB}},
		"move from target to neither":           {{send: f.targetA, want: f.targetA}, {send: f.neither, want: f.neither}},
		"alias over what other clients created": {{send: f.targetA, want: f.targetA, by: replace}, {send: f.aliasA, want: f.targetA}},
	}
	if f.both != "" {
		stories["both at once, created"] = []step{{send: f.both}}
		stories["both at once, later"] = []step{{send: f.aliasA, want: f.targetA}, {send: f.both}, {send: f.aliasB, want: f.targetB}}
	}
	return stories
}

// edit is kubectl edit: the live object with the fields changed, its annotations kept.
func edit(t *testing.T, s *stored, manifest map[string]any) error {
	t.Helper()
	updated := unmarshal(t, marshal(t, manifest))
	updated["metadata"] = normal(t, s.live["metadata"])
	return s.admit(t, updated, Writer{"kubectl-edit"})
}

func TestConvert(t *testing.T) {
	for fieldName, f := range deprecatedFields() {
		for writerName, write := range writers() {
			for story, steps := range stories(f) {
				t.Run(fieldName+"/"+writerName+"/"+story, func(t *testing.T) {
					s := newStored(t)
					for i, step := range steps {
						write := write
						if step.by != nil {
							write = step.by
						}
						before := s.live
						err := write(t, s, manifest(t, step.send))
						if step.want == "" {
							if err == nil {
								t.Errorf("step %d was not denied; stored is %s", i+1, marshal(t, s.content()))
							}
							if diff := cmp.Diff(before, s.live); diff != "" {
								t.Errorf("step %d was denied, and changed (-before +after):\n%s", i+1, diff)
							}
							continue
						}
						if err != nil {
							t.Fatalf("step %d was denied: %v", i+1, err)
						}
						if diff := cmp.Diff(unmarshal(t, []byte(step.want)), s.content()); diff != "" {
							t.Fatalf("after step %d (-want +stored):\n%s", i+1, diff)
						}
					}
				})
			}
		}
	}
}

func manifest(t *testing.T, content string) map[string]any {
	t.Helper()
	object := unmarshal(t, []byte(content))
	object["apiVersion"], object["kind"] = "kubernetes-client.io/v1", "ExternalSecret"
	object["metadata"] = map[string]any{"name": "db", "namespace": "core"}
	return object
}

// applyPatch applies a patch as the API server does.
func applyPatch(t *testing.T, original map[string]any, raw []byte) any {
	t.Helper()
	decoded, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	after, err := decoded.Apply(marshal(t, original))
	if err != nil {
		t.Fatalf("patch %s: %v", raw, err)
	}
	return normal(t, json.RawMessage(after))
}

func normal(t *testing.T, v any) any {
	t.Helper()
	var n any
	if err := json.Unmarshal(marshal(t, v), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

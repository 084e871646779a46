package admit

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/managedfields"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// stored is one object of an API server that calls Convert. What kubectl sends, and the managed
// fields, are made by the code that kubectl and the API server use for it.
type stored struct {
	live   map[string]any // nil: not created yet
	fields *managedfields.FieldManager
}

func newStored(t *testing.T) *stored {
	t.Helper()
	fields, err := managedfields.NewDefaultCRDFieldManager(managedfields.NewDeducedTypeConverter(), oneVersion{}, oneVersion{}, oneVersion{},
		apiv1.GroupVersion.WithKind(apiv1.Kind), apiv1.GroupVersion, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &stored{fields: fields}
}

// content is the live object without its metadata.
func (s *stored) content() map[string]any {
	content := map[string]any{}
	for name, value := range s.live {
		if name != "metadata" && name != "apiVersion" && name != "kind" {
			content[name] = value
		}
	}
	return content
}

// A writer sends a manifest in one of the ways there are. It returns the conversion's conflicts.
type writer func(t *testing.T, s *stored, manifest map[string]any) error

func clientSide(t *testing.T, s *stored, manifest map[string]any) error {
	t.Helper()
	annotated := runtime.DeepCopyJSON(manifest)
	text := marshal(t, manifest)
	if err := unstructured.SetNestedField(annotated, string(text), "metadata", "annotations", lastApplied); err != nil {
		t.Fatal(err)
	}
	if s.live == nil {
		return s.admit(t, annotated, Writer{"kubectl-client-side-apply"})
	}
	live := marshal(t, s.live)
	change, err := jsonmergepatch.CreateThreeWayJSONMergePatch([]byte(annotation(s.live)), marshal(t, annotated), live)
	if err != nil {
		t.Fatal(err)
	}
	if string(change) == "{}" {
		return nil // kubectl sends nothing
	}
	merged, err := jsonpatch.MergePatch(live, change)
	if err != nil {
		t.Fatal(err)
	}
	return s.admit(t, unmarshal(t, merged), Writer{"kubectl-client-side-apply"})
}

func serverSide(t *testing.T, s *stored, manifest map[string]any) error {
	t.Helper()
	live := &unstructured.Unstructured{Object: map[string]any{"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}}
	if s.live != nil {
		live.Object = runtime.DeepCopyJSON(s.live)
	}
	applied, err := s.fields.Apply(live, &unstructured.Unstructured{Object: runtime.DeepCopyJSON(manifest)}, "kubectl", true)
	if err != nil {
		t.Fatal(err)
	}
	return s.call(t, unmarshal(t, marshal(t, applied)), Writer{"kubectl"})
}

func replace(t *testing.T, s *stored, manifest map[string]any) error {
	t.Helper()
	return s.admit(t, runtime.DeepCopyJSON(manifest), Writer{"kubectl-replace"})
}

// jsonPatch writes what a JSON patch leads to: the author sees the live object, adds a deprecated
// field to it, or replaces what the conversion made.
func jsonPatch(t *testing.T, s *stored, manifest map[string]any) error {
	t.Helper()
	_, descriptor := manifest["secretDescriptor"]
	spec, _ := manifest["spec"].(map[string]any)
	_, properties := spec["properties"]
	_, secretType := spec["type"]
	updated := runtime.DeepCopyJSON(manifest)
	if s.live != nil && (descriptor || properties || secretType) {
		updated = runtime.DeepCopyJSON(s.live)
		overlay(updated, manifest)
		if live, _ := updated["spec"].(map[string]any); len(spec) > 0 && spec["dataFrom"] == nil {
			delete(live, "dataFrom")
		}
	}
	return s.admit(t, updated, Writer{"kubectl-patch"})
}

func overlay(object, fields map[string]any) {
	for name, value := range fields {
		below, isObject := value.(map[string]any)
		members, wasObject := object[name].(map[string]any)
		if isObject && wasObject {
			overlay(members, below)
		} else {
			object[name] = value
		}
	}
}

// admit tracks the managed fields of a request that is no apply, before admission sees it.
func (s *stored) admit(t *testing.T, updated map[string]any, w Writer) error {
	t.Helper()
	before := map[string]any{"apiVersion": updated["apiVersion"], "kind": updated["kind"]}
	if s.live != nil {
		before = runtime.DeepCopyJSON(s.live)
	}
	tracked := s.fields.UpdateNoErrors(&unstructured.Unstructured{Object: before}, &unstructured.Unstructured{Object: updated}, w.FieldManager)
	return s.call(t, unmarshal(t, marshal(t, tracked)), w)
}

func (s *stored) call(t *testing.T, updated map[string]any, w Writer) error {
	t.Helper()
	c := Convert(deprecated, updated, s.live, w)
	if len(c.Conflicts) > 0 {
		return c.Conflicts.ToAggregate()
	}
	checkPatch(t, updated, c.Object)
	if again := Convert(deprecated, c.Object, s.live, w); len(again.Conflicts) > 0 || !cmp.Equal(c.Object, again.Object) {
		t.Errorf("converting twice changes more (conflicts %v):\n%s", again.Conflicts, cmp.Diff(c.Object, again.Object))
	}
	s.live = unmarshal(t, marshal(t, c.Object))
	return nil
}

// oneVersion is the conversion machinery of a kind with one version.
type oneVersion struct{}

func (oneVersion) Convert(_, _, _ any) error { return errors.New("not needed") }
func (oneVersion) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (oneVersion) ConvertFieldLabel(schema.GroupVersionKind, string, string) (string, string, error) {
	return "", "", errors.New("not needed")
}
func (oneVersion) Default(runtime.Object) {}
func (oneVersion) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object, nil
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unmarshal(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return object
}

package admit

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzConvert holds for whatever JSON the API server may be sent: no panic, the result is stable
// (another webhook's change has the API server call again), the arguments stay as they are, and
// the patch leads from the original to the result.
func FuzzConvert(f *testing.F) {
	for _, seed := range [][3]string{
		{`{"spec":{"properties":[{"key":"a"}],"type":"x","template":{"metadata":{}}}}`, `{"spec":{"data":[]}}`, "kubectl"},
		{`{"secretDescriptor":{"backendType":"secretManager","properties":[1],"data":[2]},"spec":{}}`, ``, ""},
		{`{"apiVersion":"v1","spec":{"data":[1],"dataFrom":["x"]},"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:spec":{"f:dataFrom":{}}}}]}}`,
			`{"apiVersion":"v1","spec":{"data":[1]},"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:spec":{"f:properties":{},"f:type":{}}}}]}}`, "m"},
		{`{"spec":{"data":[1],"dataFrom":["x"]},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"spec\":{\"dataFrom\":[]}}"}}}`,
			`{"spec":{"data":[1]},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"secretDescriptor\":{\"type\":\"x\",\"properties\":[]}}"}}}`, ""},
		{`{"spec":"text","secretDescriptor":[]}`, `{"spec":null,"secretDescriptor":1}`, "x"},
		{`{"spec":{"template":"text","type":"x","data":{},"properties":"y"}}`, `{"metadata":{"annotations":1,"managedFields":{}}}`, "x"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, newText, oldText, manager string) {
		updated, err := decode([]byte(newText))
		if err != nil {
			return // it never gets as far as conversion
		}
		old, _ := decode([]byte(oldText))
		checkStable(t, updated, old, Writer{manager})
	})
}

func checkStable(t *testing.T, updated, old map[string]any, w Writer) {
	t.Helper()
	before := marshal(t, []any{updated, old})
	first := Convert(deprecated, updated, old, w)
	if after := marshal(t, []any{updated, old}); !bytes.Equal(before, after) {
		t.Fatalf("Convert changed its arguments from %s to %s", before, after)
	}
	if len(first.Conflicts) > 0 {
		return
	}
	if second := Convert(deprecated, first.Object, old, w); len(second.Conflicts) > 0 || !cmp.Equal(first.Object, second.Object) {
		t.Fatalf("converting twice is not converting once, for %s (conflicts %v):\n%s", before, second.Conflicts, cmp.Diff(first.Object, second.Object))
	}
	checkPatch(t, updated, first.Object)
}

// TestConvertIsStable looks where a fuzzer seldom gets: at objects made of the fields that count,
// with manifests that do and do not fit them.
func TestConvertIsStable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		var old map[string]any
		if r.IntN(5) > 0 {
			old = randomObject(r)
		}
		checkStable(t, randomObject(r), old, Writer{"m"})
	}
}

func randomObject(r *rand.Rand) map[string]any {
	object := randomContent(r)
	metadata := map[string]any{}
	if r.IntN(2) == 0 {
		raw, _ := json.Marshal(randomContent(r)) // of strings and lists
		metadata["annotations"] = map[string]any{lastApplied: string(raw)}
	}
	var entries []any
	for _, entry := range []managed{{"m", "Apply", ""}, {"m", "Update", ""}, {"other", "Apply", ""}} {
		if r.IntN(3) == 0 {
			entries = append(entries, map[string]any{
				"manager": entry.manager, "operation": entry.operation, "fieldsV1": randomFields(randomContent(r)),
			})
		}
	}
	if entries != nil {
		metadata["managedFields"] = entries
	}
	object["metadata"] = metadata
	return object
}

func randomFields(object map[string]any) map[string]any {
	fields := map[string]any{}
	for name, value := range object {
		members, _ := value.(map[string]any)
		fields["f:"+name] = randomFields(members)
	}
	return fields
}

// randomContent sets each field that conversion looks at with some chance, mostly to a value that fits.
func randomContent(r *rand.Rand) map[string]any {
	values := []any{"a", "b", []any{"a"}, []any{"b"}, nil, map[string]any{}}
	set := func(object map[string]any, name string, fitting ...any) {
		switch r.IntN(8) {
		case 0, 1, 2:
			object[name] = fitting[r.IntN(len(fitting))]
		case 3:
			if r.IntN(4) == 0 {
				object[name] = values[r.IntN(len(values))]
			}
		}
	}
	spec := func() map[string]any {
		template := map[string]any{}
		set(template, "type", "a", "b")
		set(template, "immutable", true)
		s := map[string]any{}
		set(s, "template", template)
		set(s, "type", "a", "b")
		set(s, "properties", []any{"a"}, []any{"b"})
		set(s, "data", []any{"a"}, []any{"b"})
		set(s, "dataFrom", []any{"x"})
		set(s, "backendType", "secretManager", "vault")
		return s
	}
	content := map[string]any{}
	set(content, "secretDescriptor", spec())
	set(content, "spec", spec())
	if r.IntN(2) == 0 {
		content["spec"] = spec()
	}
	return content
}

func checkPatch(t *testing.T, original, converted map[string]any) {
	t.Helper()
	operations := patch(deprecated, original, converted)
	raw, err := json.Marshal(operations)
	if err != nil {
		t.Fatal(err)
	}
	got := applyPatch(t, original, raw)
	if diff := cmp.Diff(normal(t, converted), got); diff != "" {
		t.Fatalf("the patch %s leads elsewhere (-want +got):\n%s", raw, diff)
	}
}

package admit

import (
	"encoding/json"
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
			t.Skip()
		}
		old, _ := decode([]byte(oldText))
		w := Writer{manager}
		first := Convert(updated, old, w)
		if again, _ := decode([]byte(newText)); !cmp.Equal(updated, again) {
			t.Fatal("Convert changed its argument")
		}
		if len(first.Conflicts) > 0 {
			return
		}
		if second := Convert(first.Object, old, w); len(second.Conflicts) > 0 || !cmp.Equal(first.Object, second.Object) {
			t.Fatalf("converting twice is not converting once (conflicts %v):\n%s", second.Conflicts, cmp.Diff(first.Object, second.Object))
		}
		checkPatch(t, updated, first.Object)
	})
}

func checkPatch(t *testing.T, original, converted map[string]any) {
	t.Helper()
	operations := patch(original, converted)
	raw, err := json.Marshal(operations)
	if err != nil {
		t.Fatal(err)
	}
	got := applyPatch(t, original, raw)
	if diff := cmp.Diff(normal(t, converted), got); diff != "" {
		t.Fatalf("the patch %s leads elsewhere (-want +got):\n%s", raw, diff)
	}
}

package admit

import (
	"runtime"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	kubernetes "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// creation is the request for an ExternalSecret. It does not go through HTTP, which takes memory of its own.
func creation(object string) admission.Request {
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Kind: ofKind(externalSecrets[0]), Namespace: "core", Operation: admissionv1.Create, Object: kubernetes.RawExtension{Raw: []byte(object)},
	}}
}

// of fills a megabyte with an item: what is much larger is denied before it is looked at.
func of(begin, item, end string) string {
	return begin + strings.Repeat(item, 1<<20/len(item)) + end
}

// handled answers a request, for which the pod's 256 MiB must be plenty.
func handled(t *testing.T, by admission.Handler, request admission.Request) admission.Response {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	response := by.Handle(t.Context(), request)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
		t.Errorf("it took %d MiB", taken>>20)
	}
	return response
}

func TestAnObjectCannotExhaustTheWebhook(t *testing.T) {
	everything := permitting(".*")
	for name, c := range map[string]struct {
		by     admission.Handler
		object string
	}{
		"a descriptor": {&Mutator{Kinds: externalSecrets}, of(`{"secretDescriptor": {"a": [`, `{"a":0},`, `0]}}`)},
		"properties":   {&Mutator{Kinds: externalSecrets}, of(`{"spec": {"properties": [`, `{"a":0},`, `0]}}`)},
		"lists":        {&Mutator{Kinds: externalSecrets}, of(`{"spec": {"type": "a", "template": {"a": [`, `[],`, `0]}}}`)},
		"a template":   {&Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: everything, Live: everything}}, of(`{"spec": {"template": {"a": [`, `{"a":0},`, `0]}}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			response := handled(t, c.by, creation(c.object))
			if response.Allowed || !strings.Contains(response.Result.Message, "it holds too much") {
				t.Errorf("allowed: %v, message %q", response.Allowed, response.Result.Message)
			}
		})
	}
}

// The largest object that the CRD takes, as kubectl applies it: with the manifest in an annotation.
func TestTheLargestHonestObjectIsNotTooMuch(t *testing.T) {
	thousand := func(item string) string { return "[" + strings.Repeat(item+",", 999) + item + "]" }
	spec := `{"backendType": "secretsManager", "dataFrom": ` + thousand(`"a"`) +
		`, "dataFromWithOptions": ` + thousand(`{"key":"a","isBinary":true,"versionStage":"s","versionId":"v"}`) +
		`, "properties": ` + thousand(`{"key":"a","name":"n","property":"p","isBinary":true,"versionStage":"s","versionId":"v"}`) + `}`
	object := strings.Replace(es(spec), `"metadata": {`, `"metadata": {"annotations": {"`+lastApplied+`": `+quoted(es(spec))+`}, `, 1)
	everything := permitting(".*")
	for _, handler := range []admission.Handler{&Mutator{Kinds: externalSecrets}, &Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: everything, Live: everything}}} {
		if response := handler.Handle(t.Context(), creation(object)); !response.Allowed {
			t.Errorf("%T: %s", handler, response.Result.Message)
		}
	}
}

// Any client may write the annotation that kubectl keeps its copy in. What is no manifest tells nothing of the author.
func TestWhatPassesForKubectlsCopyCannotExhaustTheWebhook(t *testing.T) {
	copied := quoted(of(`{"spec": [`, `{"a":0},`, `0]}`))
	object := strings.Replace(es(`{"type": "a"}`), `"metadata": {`, `"metadata": {"annotations": {"`+lastApplied+`": `+copied+`}, `, 1)
	request := creation(object)
	request.Operation, request.OldObject.Raw = admissionv1.Update, []byte(es(`{"type": "b"}`))
	if response := handled(t, &Mutator{Kinds: externalSecrets}, request); !response.Allowed {
		t.Errorf("denied: %s", response.Result.Message)
	}
}

func TestTextsAreNotCounted(t *testing.T) {
	for text, want := range map[string]int{
		`{"a":[1,2],"b":{}}`: 5, `{"a":"{,[,"}`: 1, `{"a\"{":"\\","b":"\\\"["}`: 2, ``: 0,
	} {
		if got := marks([]byte(text)); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

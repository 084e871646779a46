package admit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// FuzzReview sends whatever there is to all three webhooks, by HTTP as the API server does: each answers with a verdict, none
// panics, a denial says why, and the webhook of namespaces denies nothing but a pattern.
func FuzzReview(f *testing.F) {
	log.SetLogger(logr.Discard())
	const head = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","namespace":"core","name":"db",`
	for _, seed := range []string{
		head + `"operation":"CREATE","object":{"spec":{"backendType":"vault","properties":[{"key":"a","name":"n"}]}}}}`,
		head + `"operation":"UPDATE","object":{"spec":{"type":"x","dataFrom":["z"]},"metadata":{"managedFields":[{"manager":"m","operation":"Apply"}]}},` +
			`"oldObject":{"spec":{}},"options":{"fieldManager":"m"}}}`,
		head + `"operation":"UPDATE","object":{"metadata":{"annotations":{"externalsecrets.kubernetes-client.io/permitted-key-name":"(?!x)"}}},"oldObject":{"metadata":{}}}}`,
		head + `"operation":"CREATE","object":{"metadata":{"annotations":{"secretgate.io/require-role":"True","iam.amazonaws.com/permitted":"x{1000}{1000}"}}}}}`,
		head + `"operation":"CREATE","object":null}}`,
		head + `"operation":"DELETE","object":1,"oldObject":[],"options":""}}`,
		`{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}`,
		`[]`,
	} {
		f.Add([]byte(seed))
	}
	handlers := map[string]admission.Handler{
		mutating: anyKind{&Mutator{Kinds: externalSecrets, Log: slog.New(slog.DiscardHandler)}},
		validating: anyKind{&Validator{
			Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting("z"), Live: permitting("z")}, Log: slog.New(slog.DiscardHandler),
		}},
		"namespaces": &NamespaceValidator{Stored: Stored{Kinds: externalSecrets, Live: objects{items: reading("a", "z")}}, Log: slog.New(slog.DiscardHandler)},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, handler := range handlers {
			// A panic would be recovered, and become a denial like any other.
			recoverNothing := false
			answer := answerTo(t, &admission.Webhook{Handler: handler, RecoverPanic: &recoverNothing}, body)
			if answer == nil {
				t.Fatalf("%s: no answer to %q", name, body)
			}
			if !answer.Allowed && answer.Result.Message == "" {
				t.Fatalf("%s: denied without a word: %q", name, body)
			}
			if len(answer.Result.Message) > 1<<20 {
				t.Fatalf("%s: a message of %d bytes", name, len(answer.Result.Message))
			}
			if read := (admissionv1.AdmissionReview{}); name == "namespaces" && !answer.Allowed && json.Unmarshal(body, &read) == nil && read.Request != nil &&
				answer.AuditAnnotations["reason"] != string(badPattern) && answer.Result.Code != http.StatusBadRequest {
				t.Fatalf("a namespace is denied for %v", answer.Result)
			}
		}
	})
}

// anyKind takes a review that names no kind for one of an ExternalSecret: it would be denied before anything is read.
type anyKind struct{ admission.Handler }

func (k anyKind) Handle(ctx context.Context, request admission.Request) admission.Response {
	if request.Kind.Kind == "" {
		request.Kind = ofKind(externalSecrets[0])
	}
	return k.Handler.Handle(ctx, request)
}

func answerTo(t *testing.T, webhook *admission.Webhook, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	webhook.ServeHTTP(recorder, request)
	raw, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(raw, &review); err != nil {
		t.Fatalf("the answer %q is no review: %v", raw, err)
	}
	return review.Response
}

// FuzzAnnotations holds for whatever a namespace's author writes: the same write is judged the same twice, writing it again has
// nothing to deny, and a denial names an annotation that the write changed.
func FuzzAnnotations(f *testing.F) {
	f.Add("externalsecrets.kubernetes-client.io/permitted-key-name", "(?!x)", "a")
	f.Add("iam.amazonaws.com/permitted", "[", "[")
	f.Add("secretgate.io/permitted-region", "\n\n", "")
	f.Add("secretgate.io/require-role", "True", "true")
	f.Add("secretgate.io/typo", "x{1000}", "")
	f.Fuzz(func(t *testing.T, key, now, before string) {
		namespace := func(text string) runtime.RawExtension {
			raw, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": "core", "annotations": map[string]string{key: text}}})
			if err != nil {
				t.Fatal(err)
			}
			return runtime.RawExtension{Raw: raw}
		}
		v := &NamespaceValidator{Stored: Stored{Kinds: externalSecrets, Live: objects{items: reading("a")}}}
		judge := func(updated, old string) admission.Response {
			return v.Handle(context.Background(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Operation: admissionv1.Update, Object: namespace(updated), OldObject: namespace(old),
			}})
		}
		first := judge(now, before)
		if again := judge(now, before); again.Allowed != first.Allowed || again.Result.Message != first.Result.Message {
			t.Fatalf("judged twice: %v, %v", first.Result, again.Result)
		}
		if same := judge(now, now); !same.Allowed {
			t.Fatalf("a write that changes nothing is denied: %v", same.Result)
		}
		for _, warning := range first.Warnings {
			if len(warning) > 20_000 {
				t.Fatalf("a warning of %d bytes", len(warning))
			}
		}
	})
}

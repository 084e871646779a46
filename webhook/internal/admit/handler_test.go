package admit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// namespaceReader answers with the annotations of namespaces, or with an error.
type namespaceReader struct {
	client.Reader
	annotations map[string]map[string]string
	err         error
}

func (r namespaceReader) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if r.err != nil {
		return r.err
	}
	annotations, known := r.annotations[key.Name]
	if !known {
		return apierrors.NewNotFound(corev1.Resource("namespaces"), key.Name)
	}
	into.SetAnnotations(annotations)
	return nil
}

func permitting(pattern string) namespaceReader {
	return namespaceReader{annotations: map[string]map[string]string{"core": {names.AnnotationPermittedKeyName: pattern}}}
}

// externalSecrets is the one kind of most tests, and deprecated what it has of deprecated fields.
var (
	externalSecrets = []dialect.Kind{&kes.Installation{}}
	deprecated      = DeprecationsOf(externalSecrets[0])
)

// ofKind is how API servers name a kind in requests.
func ofKind(kind typed) metav1.GroupVersionKind {
	return metav1.GroupVersionKind(kind.Type().GroupVersionKind)
}

// review sends an ExternalSecret through HTTP, as the API server does.
func review(t *testing.T, handler admission.Handler, object string) *admissionv1.AdmissionResponse {
	t.Helper()
	return reviewOfKind(t, handler, externalSecrets[0], object)
}

func reviewOfKind(t *testing.T, handler admission.Handler, kind typed, object string) *admissionv1.AdmissionResponse {
	t.Helper()
	return send(t, handler, asJSON(t, admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "u", Kind: ofKind(kind),
			Namespace: "core", Name: "db", Operation: admissionv1.Create,
			Object: runtime.RawExtension{Raw: []byte(object)},
		},
	}))
}

func send(t *testing.T, handler admission.Handler, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	server := httptest.NewServer(&admission.Webhook{Handler: handler})
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(raw, &review); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return review.Response
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func es(spec string) string {
	return `{"apiVersion": "kubernetes-client.io/v1", "kind": "ExternalSecret", "metadata": {"name": "db", "namespace": "core"}, "spec": ` + spec + `}`
}

func TestValidator(t *testing.T) {
	everything := permitting(".*")
	for name, c := range map[string]struct {
		object       string
		cached, live namespaceReader
		allowed      bool
		message      string
		reason       metav1.StatusReason
		warnings     []string
	}{
		"what the namespace permits is allowed": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`), cached: everything, allowed: true,
		},
		"a forbidden key is denied with the path, the annotation and its pattern": {
			object: es(`{"backendType": "vault", "data": [{"key": "dev/db", "name": "m"}, {"key": "prod/db", "name": "n"}]}`), cached: permitting("dev/.*"), live: permitting("dev/.*"),
			reason:  metav1.StatusReasonForbidden,
			message: `spec.data[1].key: Forbidden: "prod/db" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "dev/.*"`,
		},
		"all violations come at once, a line each": {
			object: es(`{"backendType": "vault", "data": [{"key": "x", "name": "m"}, {"key": "y", "name": "n"}]}`), cached: permitting("z"), live: permitting("z"),
			reason: metav1.StatusReasonForbidden,
			message: "2 violations:\n" +
				`* spec.data[0].key: Forbidden: "x" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "z"` + "\n" +
				`* spec.data[1].key: Forbidden: "y" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "z"`,
		},
		"what is invalid and what is forbidden come in one answer": {
			object: es(`{"backendType": "vault", "kvVersion": 3, "data": [{"key": "x", "name": "m"}]}`), cached: permitting("z"), live: permitting("z"),
			reason: metav1.StatusReasonInvalid,
			message: "2 violations:\n" +
				"* spec.kvVersion: Invalid value: 3: must be 1 or 2\n" +
				`* spec.data[0].key: Forbidden: "x" is not permitted in namespace "core": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "z"`,
		},
		"a namespace whose annotations have just changed is read again before a denial": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`), cached: permitting("z"), live: everything, allowed: true,
		},
		"a namespace that the cache does not know yet is read": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`), live: everything, allowed: true,
		},
		"a namespace that does not exist denies": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`),
			reason: metav1.StatusReasonServiceUnavailable, message: `namespace "core" does not exist: create it first`,
		},
		"a namespace that cannot be read denies": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`), live: namespaceReader{err: errors.New("connection refused")},
			reason:  metav1.StatusReasonServiceUnavailable,
			message: `namespace "core", whose annotations are the policy, cannot be read: connection refused`,
		},
		"a field without meaning earns a warning": {
			object: es(`{"backendType": "vault", "region": "r", "data": [{"key": "a", "name": "n"}]}`), cached: everything, allowed: true,
			warnings: []string{"spec.region has no meaning for backendType vault and is ignored"},
		},
		"adoption that the namespace does not permit earns a warning": {
			object: es(`{"backendType": "vault", "adoptExisting": true, "data": [{"key": "a", "name": "n"}]}`), cached: everything, live: everything, allowed: true,
			warnings: []string{`spec.adoptExisting is not honoured: namespace core lacks annotation secretgate.io/permit-adopt: "true"`},
		},
		"an unknown backend is denied": {
			object: es(`{"backendType": "floppy", "data": [{"key": "a", "name": "n"}]}`), reason: metav1.StatusReasonInvalid,
			message: `spec.backendType: Unsupported value: "floppy": supported values: "secretsManager", "systemManager", "vault", "azureKeyVault", "gcpSecretsManager", "alicloudSecretsManager"`,
		},
		"a template that is not an object is denied": {
			object: es(`{"backendType": "vault", "dataFrom": ["a"], "template": "x"}`), reason: metav1.StatusReasonInvalid,
			message: `spec.template: Invalid value: must be an object: the fields of a Secret`,
		},
		"a spec of another type is denied": {
			object: es(`[]`), reason: metav1.StatusReasonInvalid,
			message: `spec: Invalid value: does not fit the CRD: spec must be an object, but is an array`,
		},
		"metadata of another type is denied": {
			object: `{"metadata": {"name": 1}}`, reason: metav1.StatusReasonBadRequest,
			message: `the object of the request cannot be read: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string`,
		},
		"an old and a new field that slipped past conversion are denied": {
			object: es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}], "properties": [{"key": "b", "name": "n"}]}`), reason: metav1.StatusReasonInvalid,
			message: `spec.properties: Forbidden: is the deprecated name of spec.data, which is set too: remove spec.properties`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := &Validator{
				Kinds:      []dialect.Kind{&kes.Installation{Defaults: backend.Defaults{VaultMount: "kubernetes"}}},
				Namespaces: Namespaces{Cached: c.cached, Live: c.live},
			}
			got := review(t, v, c.object)
			if got.Allowed != c.allowed || got.UID != "u" {
				t.Errorf("allowed is %t: %s", got.Allowed, got.Result.Message)
			}
			if diff := cmp.Diff(c.message, got.Result.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.reason, got.Result.Reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHostileInputIsDeniedOrLeftToTheSchema(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9000) + `1` + strings.Repeat(`}`, 9000)
	var entries strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&entries, `{"key": "../%d", "name": "n"},`, i)
	}
	many := strings.TrimSuffix(entries.String(), ",")
	bad := strings.Repeat(`{"key": "../`+strings.Repeat("k", 5000)+`", "name": "n"},`, 99) + `{"key": "..", "name": "n"}`
	validator := &Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting("z"), Live: permitting("z")}}
	for name, object := range map[string]string{
		"10,000 entries":                        es(`{"backendType": "vault", "data": [` + many + `]}`),
		"10,000 entries by a deprecated name":   es(`{"backendType": "vault", "properties": [` + many + `]}`),
		"hundreds of violations with long keys": es(`{"backendType": "vault", "data": [` + bad + `]}`),
		"deep JSON in a template":               es(`{"backendType": "vault", "dataFrom": ["a"], "template": ` + deep + `}`),
		"deep JSON in the spec":                 es(deep),
		"a descriptor in a descriptor":          `{"secretDescriptor": {"secretDescriptor": {"properties": []}}}`,
		"null":                                  `null`,
		"a number":                              `1`,
		"null everywhere":                       `{"metadata": null, "spec": {"data": [null], "dataFrom": [null], "template": null, "properties": null}}`,
		"wrong types everywhere":                `{"metadata": {}, "spec": {"backendType": [], "data": {"a": 1}, "template": 3, "type": {}, "properties": "x"}, "secretDescriptor": "x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			mutated := review(t, &Mutator{Kinds: externalSecrets}, object)
			if mutated.Allowed && mutated.Patch != nil {
				checkMutation(t, object, mutated.Patch)
			}
			got := review(t, validator, object)
			if got.Allowed {
				t.Error("it was allowed")
			}
			if got.Result.Message == "" || strings.Contains(got.Result.Message, "panic") || len(got.Result.Message) > 30_000 {
				t.Errorf("%d characters of explanation: %.200s", len(got.Result.Message), got.Result.Message)
			}
		})
	}
}

func checkMutation(t *testing.T, object string, patch []byte) {
	t.Helper()
	before, err := decode([]byte(object))
	if err != nil {
		t.Fatal(err)
	}
	applyPatch(t, before, patch)
}

func TestAnObjectThatNoSyncerServesIsStoredWithAWarning(t *testing.T) {
	everything := permitting(".*")
	v := &Validator{
		Kinds:      []dialect.Kind{&kes.Installation{ControllerIDs: "a"}},
		Namespaces: Namespaces{Cached: everything, Live: everything},
	}
	got := review(t, v, es(`{"backendType": "vault", "controllerId": "other", "dataFrom": ["x"]}`))
	want := []string{`spec.controllerId is "other", which no syncer serves, so that the object is never synced: write one of "a", or add it to CONTROLLER_IDS`}
	if diff := cmp.Diff(want, got.Warnings); diff != "" || !got.Allowed {
		t.Errorf("allowed: %t; warnings (-want +got):\n%s", got.Allowed, diff)
	}
}

func TestManyViolationsAreCut(t *testing.T) {
	object := es(`{"backendType": "vault", "data": [` + strings.Repeat(`{"key": "x", "name": "n"},`, 49) + `{"key": "x", "name": "n"}]}`)
	got := review(t, &Validator{Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting("z"), Live: permitting("z")}}, object)
	lines := strings.Split(got.Result.Message, "\n")
	if diff := cmp.Diff([]string{"50 violations:", "* and 30 more"}, []string{lines[0], lines[len(lines)-1]}); diff != "" {
		t.Errorf("first and last line (-want +got):\n%s", diff)
	}
	if len(lines) != 22 || len(got.Result.Details.Causes) != 21 {
		t.Errorf("%d lines, %d causes", len(lines), len(got.Result.Details.Causes))
	}
}

// kindInJSON is what a request says of an ExternalSecret's kind.
const kindInJSON = `"kind": {"group": "kubernetes-client.io", "version": "v1", "kind": "ExternalSecret"}`

func TestRequestsThatAreNoReviewAreDenied(t *testing.T) {
	for name, body := range map[string]string{
		"nonsense":            `nonsense`,
		"no request":          `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}`,
		"a request too large": `{"kind": "` + strings.Repeat("x", 8<<20) + `"}`,
		"an update without the old object": `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
			"request": {"uid": "u", ` + kindInJSON + `, "operation": "UPDATE", "object": {}, "options": {}}}`,
		"deeper JSON than any decoder takes": `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
			"request": {"uid": "u", ` + kindInJSON + `, "operation": "CREATE", "object": {"spec": ` + strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000) + `}}}`,
		"options of the wrong type": `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
			"request": {"uid": "u", ` + kindInJSON + `, "operation": "CREATE", "object": {"metadata": {}}, "options": {"fieldManager": 1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, &Mutator{Kinds: externalSecrets}, []byte(body))
			if got.Allowed || got.Result.Message == "" || strings.Contains(got.Result.Message, "panic") {
				t.Errorf("allowed is %t: %s", got.Allowed, got.Result.Message)
			}
		})
	}
}

func TestLogsShowWhoAndWhereButNoValues(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	object := es(`{"backendType": "vault", "properties": [{"key": "x", "name": "n"}], "template": {"stringData": {"p": "planted"}, "data": {"q": "planted!"}}}`)
	review(t, &Mutator{Kinds: externalSecrets, Log: log}, object)
	review(t, &Validator{Kinds: externalSecrets, Log: log, Namespaces: Namespaces{Cached: permitting("x"), Live: permitting("x")}}, object)
	want := `{"level":"INFO","msg":"ExternalSecret allowed","webhook":"mutating","namespace":"core","name":"db","operation":"CREATE","user":"","dryRun":false,"converted":["spec.properties"],"verdict":"allowed"}
{"level":"INFO","msg":"ExternalSecret denied","webhook":"validating","namespace":"core","name":"db","operation":"CREATE","user":"","dryRun":false,"reason":"invalid","paths":["spec.template.data[q]"],"verdict":"denied"}
`
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestEachRequestCountsOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	counts := metrics.New(registry)
	mutator := &Mutator{Kinds: externalSecrets, Metrics: counts}
	validator := &Validator{Kinds: externalSecrets, Metrics: counts, Namespaces: Namespaces{Cached: permitting("a"), Live: permitting("a")}}
	for _, object := range []string{
		es(`{"backendType": "vault", "data": [{"key": "a", "name": "n"}]}`),
		es(`{"backendType": "vault", "data": [{"key": "b", "name": "n"}]}`),
		es(`{"backendType": "vault", "properties": [{"key": "a", "name": "n"}]}`),
		es(`{"backendType": "vault", "properties": [{"key": "a", "name": "n"}], "data": []}`),
	} {
		if review(t, mutator, object).Allowed {
			review(t, validator, object)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := family.GetName()
			for _, label := range metric.GetLabel() {
				series += " " + label.GetValue()
			}
			got[series] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	if diff := cmp.Diff(map[string]float64{
		"secretgate_admission_deprecated_fields_total kes spec.properties ExternalSecret": 1,
		"secretgate_admission_verdicts_total kes ExternalSecret CREATE  allowed":          2,
		"secretgate_admission_verdicts_total kes ExternalSecret CREATE policy denied":     1,
		"secretgate_admission_verdicts_total kes ExternalSecret CREATE conflict denied":   1,
		"secretgate_admission_duration_seconds mutating":                                  4,
		"secretgate_admission_duration_seconds validating":                                3,
	}, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

package admit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

const (
	keys   = names.AnnotationPermittedKeyName
	region = names.AnnotationPermittedRegion
)

// objects answers lists of ExternalSecrets, a page at a time.
type objects struct {
	client.Reader
	items []apiv1.ExternalSecret
	err   error
	slow  bool // answers when the reader has lost patience
	panic bool
}

func (o objects) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	if o.panic {
		panic("planned")
	}
	if o.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	if o.err != nil {
		return o.err
	}
	var list client.ListOptions
	list.ApplyOptions(options)
	from := 0
	if list.Continue != "" {
		if _, err := fmt.Sscan(list.Continue, &from); err != nil {
			return err
		}
	}
	to := min(from+int(list.Limit), len(o.items))
	page, ok := into.(*apiv1.ExternalSecretList)
	if !ok {
		return fmt.Errorf("a list of %T", into)
	}
	page.Items = slices.Clone(o.items[from:to])
	if to < len(o.items) {
		page.Continue = fmt.Sprint(to)
	}
	return nil
}

// reading makes objects that read one key of AWS Secrets Manager each.
func reading(keys ...string) []apiv1.ExternalSecret {
	items := make([]apiv1.ExternalSecret, 0, len(keys))
	for i, key := range keys {
		items = append(items, apiv1.ExternalSecret{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("es-", i), Namespace: "core"},
			Spec:       apiv1.ExternalSecretSpec{Backend: apiv1.BackendAWSSecretsManager, DataFrom: []string{key}},
		})
	}
	return items
}

func namespaceRequest(t *testing.T, updated, old map[string]string) admission.Request {
	t.Helper()
	namespace := func(annotations map[string]string) runtime.RawExtension {
		return runtime.RawExtension{Raw: asJSON(t, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "core", Annotations: annotations}})}
	}
	request := admissionv1.AdmissionRequest{UID: "u", Name: "core", Operation: admissionv1.Create, Object: namespace(updated)}
	if old != nil {
		request.Operation, request.OldObject = admissionv1.Update, namespace(old)
	}
	return admission.Request{AdmissionRequest: request}
}

func TestNamespaceValidator(t *testing.T) {
	type annotations = map[string]string
	const knownKeys = "externalsecrets.kubernetes-client.io/permitted-key-name, iam.amazonaws.com/permitted, permit-adopt, " +
		"permitted-controller-id, permitted-key-vault, permitted-project, permitted-region, permitted-sealing-scope, permitted-service-account, permitted-store, permitted-vault-mount, permitted-vault-namespace, permitted-vault-server, require-openable, require-role, restart"
	many := func(n int) (named []string) {
		for i := range min(n, maxNamed) {
			named = append(named, fmt.Sprintf("ExternalSecret es-%d: spec.dataFrom[0]", i))
		}
		return named
	}
	for name, c := range map[string]struct {
		updated, old annotations // old is nil for a new namespace
		stored       objects
		settings     policy.Settings
		denied       string
		warnings     []string
		verdict      string // reason verdict, as counted
	}{
		"good patterns pass": {updated: annotations{keys: "/dev/.*\n/prod/.*", region: "eu-.*"}, verdict: " allowed"},
		"a pattern that does not compile is denied with path, line, reason and remedy": {
			updated: annotations{keys: "/dev/.*\n\n(?!prod).*"}, verdict: "pattern denied",
			denied: "metadata.annotations[" + keys + "]: Invalid value: line 3 \"(?!prod).*\" is not a valid RE2 pattern: " +
				"look-ahead `(?!` is JavaScript's, not RE2's: write what is permitted, a pattern a line, instead of what is not",
		},
		"all bad patterns come at once": {
			updated: annotations{keys: "[a", region: `(a)\1`}, verdict: "pattern denied",
			denied: "2 violations:\n" +
				"* metadata.annotations[" + keys + "]: Invalid value: line 1 \"[a\" is not a valid RE2 pattern: missing closing ]: `[a`: " +
				"correct the line (https://github.com/google/re2/wiki/Syntax)\n" +
				"* metadata.annotations[" + region + "]: Invalid value: line 1 \"(a)\\\\1\" is not a valid RE2 pattern: " +
				"back-reference `\\1` is JavaScript's, not RE2's: write the alternatives out",
		},
		"patterns that are too large are denied": {
			updated: annotations{keys: strings.Repeat("x{1000}", 30)}, verdict: "pattern denied",
			denied: "metadata.annotations[" + keys + "]: Invalid value: holds patterns that are too large: use fewer lines, or repeat less within them",
		},
		"keys that settings name are judged": {
			updated: annotations{"example.com/roles": "[a"}, settings: policy.Settings{RoleAnnotation: "example.com/roles"}, verdict: "pattern denied",
			denied: "metadata.annotations[example.com/roles]: Invalid value: line 1 \"[a\" is not a valid RE2 pattern: missing closing ]: `[a`: " +
				"correct the line (https://github.com/google/re2/wiki/Syntax)",
		},
		"annotations of others are not judged": {updated: annotations{"example.com/permitted": "[a"}, verdict: " allowed"},
		"what was bad before does not stop the fixing of another": {
			updated: annotations{keys: "[a", region: "eu-.*"}, old: annotations{keys: "[a", region: "[b"}, verdict: "pattern warned",
			warnings: []string{"an annotation that was there before permits nothing: metadata.annotations[" + keys + "]: Invalid value: line 1 \"[a\" " +
				"is not a valid RE2 pattern: missing closing ]: `[a`: correct the line (https://github.com/google/re2/wiki/Syntax)"},
		},
		"an empty annotation earns a warning": {
			updated: annotations{keys: " \n"}, verdict: "empty warned",
			warnings: []string{"annotation " + keys + ` is empty, which permits nothing: write ".*" to permit everything, or remove it`},
		},
		"so it does under legacy matching, for the opposite": {
			updated: annotations{keys: ""}, settings: policy.Settings{Legacy: true}, verdict: "empty warned",
			warnings: []string{"annotation " + keys + " is empty, which permits everything (POLICY_MATCHING=legacy)"},
		},
		"switches that are not true earn a warning": {
			updated: annotations{names.AnnotationRequireRole: "True", names.AnnotationPermitAdopt: "true"}, verdict: "not_true warned",
			warnings: []string{"annotation " + names.AnnotationRequireRole + ` is "True", which does not turn it on: only "true" does`},
		},
		"a key under our prefix that means nothing earns a warning": {
			updated: annotations{"secretgate.io/limits": ".*"}, verdict: "unknown warned",
			warnings: []string{"annotation secretgate.io/limits means nothing to Secretgate and limits nothing; known are " + knownKeys},
		},
		"a key that looks like one of ours earns a question": {
			updated: annotations{"iam.amazonaws.com/permited": ".*"}, verdict: "unknown warned",
			warnings: []string{"annotation iam.amazonaws.com/permited means nothing to Secretgate and limits nothing: did you mean iam.amazonaws.com/permitted?"},
		},
		"a glob earns a hint": {
			updated: annotations{keys: "dev/.*\nprod/*"}, verdict: "doubtful warned",
			warnings: []string{"annotation " + keys + `: line 2 "prod/*" looks like a glob: in a regular expression * repeats the "/" before it; write .* for any text`},
		},
		"one that was there before earns none": {
			updated: annotations{keys: "prod/*", region: "eu-.*"}, old: annotations{keys: "prod/*"}, verdict: " allowed",
		},
		"a key that was there before earns none, either": {
			updated: annotations{"iam.amazonaws.com/permited": ".*", region: "eu-.*"}, old: annotations{"iam.amazonaws.com/permited": ".*"}, verdict: " allowed",
		},
		"stored objects that are forbidden now are named": {
			updated: annotations{keys: "dev/.*"}, old: annotations{keys: "(dev|prod)/.*"}, stored: objects{items: reading("dev/a", "prod/b", "test/c")}, verdict: "forbids_stored warned",
			warnings: []string{
				"these annotations forbid 1 ExternalSecret stored in namespace core that they permitted before; refreshes of them end, their Secrets stay (1 more were forbidden already)",
				"ExternalSecret es-1: spec.dataFrom[0]",
			},
		},
		"many are counted": {
			updated: annotations{keys: "z"}, old: annotations{}, stored: objects{items: reading(slices.Repeat([]string{"a"}, 60)...)}, verdict: "forbids_stored warned",
			warnings: slices.Concat([]string{
				"these annotations forbid 60 ExternalSecrets stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
			}, many(60), []string{"and 50 more"}),
		},
		"very many are not all examined": {
			updated: annotations{keys: "a"}, old: annotations{}, stored: objects{items: reading(slices.Repeat([]string{"a"}, lookMost+100)...)}, verdict: "unexamined warned",
			warnings: []string{"only 2000 ExternalSecrets of namespace core could be examined for what these annotations forbid: there are very many"},
		},
		"the removal of a limit where limits are demanded forbids": {
			updated: annotations{}, old: annotations{keys: "a"}, settings: policy.Settings{Enforce: true}, stored: objects{items: reading("a")}, verdict: "forbids_stored warned",
			warnings: []string{
				"these annotations forbid 1 ExternalSecret stored in namespace core that they permitted before; refreshes of them end, their Secrets stay",
				"ExternalSecret es-0: metadata.namespace",
			},
		},
		"objects that cannot be listed are no reason to deny": {
			updated: annotations{keys: "a"}, old: annotations{}, stored: objects{err: errors.New("connection refused")}, verdict: "unexamined warned",
			warnings: []string{"only 0 ExternalSecrets of namespace core could be examined for what these annotations forbid: the API server did not list them: connection refused"},
		},
		"objects are not listed for a switch that limits nothing": {
			updated: annotations{names.AnnotationPermitAdopt: "true"}, old: annotations{}, stored: objects{panic: true}, verdict: " allowed",
		},
		"a panic is no reason to deny": {
			updated: annotations{keys: "a"}, old: annotations{}, stored: objects{panic: true}, verdict: "failed warned",
			warnings: []string{"Secretgate's webhook could not judge this namespace's annotations, and lets them pass: planned"},
		},
	} {
		t.Run(name, inNoTime(func(t *testing.T) {
			registry := prometheus.NewRegistry()
			v := &NamespaceValidator{Stored: Stored{Kinds: externalSecrets, Live: c.stored, Settings: c.settings, Turns: make(chan struct{}, 1)}, Metrics: metrics.New(registry)}
			got := v.Handle(t.Context(), namespaceRequest(t, c.updated, c.old))
			if got.Allowed != (c.denied == "") {
				t.Errorf("allowed is %t", got.Allowed)
			}
			if diff := cmp.Diff(c.denied, got.Result.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			reason, verdict, _ := strings.Cut(c.verdict, " ")
			if counted := counts(t, registry); !slices.ContainsFunc(counted, func(series string) bool { return strings.HasSuffix(series, " "+reason+" "+verdict) }) {
				t.Errorf("counted %q", counted)
			}
			if said := got.AuditAnnotations; said["verdict"] != verdict || !strings.HasPrefix(said["reason"], reason) {
				t.Errorf("the audit log gets %v", said)
			}
		}))
	}
}

// inNoTime runs a test by a clock that stands still while anything is computed: what is looked through is bounded in time.
func inNoTime(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

func counts(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := family.GetName()
			for _, label := range metric.GetLabel() {
				series += " " + label.GetValue()
			}
			all = append(all, series)
		}
	}
	return all
}

func TestWhatIsNoNamespaceIsAllowedWithAWarning(t *testing.T) {
	for _, raw := range []string{``, `x`, `1`, `[]`, `{"metadata": {"annotations": 1}}`} {
		request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(raw)}}}
		if got := (&NamespaceValidator{}).Handle(t.Context(), request); !got.Allowed || len(got.Warnings) != 1 {
			t.Errorf("%q: allowed is %t, warnings %q", raw, got.Allowed, got.Warnings)
		}
	}
}

func TestANamespaceThatEndsIsNotJudged(t *testing.T) {
	request := namespaceRequest(t, map[string]string{keys: "[a"}, map[string]string{})
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(request.Object.Raw, &object); err != nil {
		t.Fatal(err)
	}
	object.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	request.Object.Raw = asJSON(t, object)
	if got := (&NamespaceValidator{}).Handle(t.Context(), request); !got.Allowed {
		t.Error("it was denied")
	}
}

// The API server waits 3 s for an answer; the request's sender waits, too.
func TestAListThatTakesTooLongIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(chan struct{}, 1)
		v := &NamespaceValidator{Stored: Stored{Kinds: externalSecrets, Live: objects{slow: true}, Turns: turns}}
		request := namespaceRequest(t, map[string]string{keys: "a"}, map[string]string{})
		ask := func(want string) {
			t.Helper()
			got := v.Handle(t.Context(), request)
			if !got.Allowed || len(got.Warnings) != 1 || !strings.HasSuffix(got.Warnings[0], want) {
				t.Errorf("allowed is %t, warnings %q", got.Allowed, got.Warnings)
			}
		}
		ask(": there was no time for more")
		turns <- struct{}{} // another request is at it
		ask(": others were being examined")
	})
}

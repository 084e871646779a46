package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/syncstatus"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// reported is what users see of an outcome.
type reported struct {
	Reason plan.Reason
	Status string
	Ready  metav1.ConditionStatus
	// Next is when the next attempt is due where the interval is a minute and the back-off four seconds.
	Next time.Duration
}

func TestOutcomes(t *testing.T) {
	of := func(key string) plan.Source {
		return plan.Source{Store: plan.Store{Backend: backends.Vault}, Read: plan.Read{Key: key}}
	}
	reads := &plan.Plan{Words: paused.Words, Entries: []plan.Entry{
		{Field: "spec.data[0]", Source: of("fine")}, {Field: "spec.data[1]", Source: of("a")},
		{Field: "spec.data[2]", Source: of("b")}, {Field: "spec.data[3]", Source: of("a")},
	}}
	failure := func(kind driver.Kind, key string) fetch.Failure {
		return fetch.Failure{Source: of(key), Err: &backend.Error{Kind: kind, Source: of(key)}}
	}
	failed := func(failures ...fetch.Failure) outcome { return unread(reads, failures, nil) }
	missing, refused := failure(driver.NotFound, "b"), failure(driver.Denied, "a")
	forbidden := policy.Check(&plan.Plan{Entries: []plan.Entry{{KeyField: "spec.data[0].key", Source: plan.Source{Read: plan.Read{Key: "prod/db"}}}}},
		policy.Namespace{Name: "ns", Annotations: map[string]string{names.AnnotationPermittedKeyName: "dev/.*"}}, policy.Settings{})
	for _, tc := range []struct {
		name    string
		outcome outcome
		want    reported
	}{
		{"synced", synced(apply.Result{}, nil, false), reported{plan.ReasonSynced, "SUCCESS", "True", 0}},
		{"synced, but overtaken: compared again soon", synced(apply.Result{}, nil, true), reported{plan.ReasonSynced, "SUCCESS", "True", time.Second}},
		{"suspended", suspended(paused), reported{plan.ReasonSuspended, "SUSPENDED", "Unknown", 0}},
		{"a spec that cannot be parsed waits for an edit", invalidObject(field.ErrorList{field.Required(field.NewPath("spec", "data"), "why")}),
			reported{plan.ReasonInvalidSpec, "ERROR, spec.data: Required value: why", "False", 0}},
		{"a denial waits for an edit, and is in KES's words", denied("ns/db", forbidden), reported{plan.ReasonPolicyDenied,
			`ERROR, not allowed to fetch secret: ns/db: key name prod/db does not match naming convention dev/.*: spec.data[0].key: Forbidden: ` +
				`"prod/db" is not permitted in namespace "ns": annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "dev/.*"`, "False", 0}},
		{"a namespace that cannot be read is tried again", namespaceUnreadable("ns/db", errors.New("no answer")),
			reported{plan.ReasonPolicyDenied, "ERROR, not allowed to fetch secret: ns/db: its namespace cannot be read: no answer", "False", 4 * time.Second}},
		{"one read that failed: the engine says when it has recovered", failed(missing), reported{plan.ReasonSecretNotFound, "ERROR, spec.data[2]: " + missing.Err.Error(), "False", 0}},
		{"several entries that failed are counted", failed(refused, missing), reported{plan.ReasonAccessDenied,
			"ERROR, spec.data[1]: " + refused.Err.Error() + " (and 2 more entries failed: see status.entries)", "False", 0}},
		{"a value that cannot be used", unrendered([]*render.Error{{Field: "spec.data[0]", Problem: "x"}, {Field: "spec.data[1]", Problem: "y"}}, nil),
			reported{plan.ReasonInvalidValue, "ERROR, spec.data[0]: x; spec.data[1]: y", "False", 0}},
		{"a Secret that could not be made in time is tried again", unrendered([]*render.Error{{Field: "spec.data[0]", Problem: "x"}, {Field: "spec.data[1]", Problem: "y", Late: true}}, nil),
			reported{plan.ReasonInvalidValue, "ERROR, spec.data[0]: x; spec.data[1]: y", "False", 4 * time.Second}},
		{"values that cannot be opened are tried again", unopened([]*render.Error{{Field: "spec.encryptedData[a]", Problem: "x"}, {Field: "spec.encryptedData[b]", Problem: "y"}}, nil),
			reported{plan.ReasonCannotOpen, "ERROR, spec.encryptedData[a]: x; spec.encryptedData[b]: y", "False", 4 * time.Second}},
		{"a template that fails on its value waits for another one", unrendered([]*render.Error{{Field: "spec.template", Problem: "x", Template: template.Value}}, nil),
			reported{plan.ReasonTemplateFailed, "ERROR, spec.template: x", "False", 0}},
		{"a template without a worker in time is tried again", unrendered([]*render.Error{{Field: "spec", Problem: "x", Late: true, Template: template.Busy}}, nil),
			reported{plan.ReasonTemplateFailed, "ERROR, spec: x", "False", 4 * time.Second}},
		{"a template that takes too much is tried again seldom", unrendered([]*render.Error{{Field: "spec.template", Problem: "x", Template: template.Limit}}, nil),
			reported{plan.ReasonTemplateFailed, "ERROR, spec.template: x", "False", lastBackoff}},
		{"a Secret of others", unwritten(&apply.NotOwnedError{Problem: "it is foreign"}, nil), reported{plan.ReasonSecretNotOwned, "ERROR, it is foreign", "False", 4 * time.Second}},
		{"a write that failed", unwritten(errors.New("etcd is full"), nil),
			reported{plan.ReasonSecretWriteFailed, "ERROR, the Secret cannot be written: etcd is full", "False", 4 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := reported{tc.outcome.reason, statusOf(tc.outcome), tc.outcome.ready(""), tc.outcome.nextAttempt(time.Minute, 4*time.Second).after}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// statusOf is what KES's users read of an outcome.
func statusOf(o outcome) string {
	s := &syncstatus.Status{}
	s.Put(nextRecord(plan.Record{}, 1, o, "", time.Unix(1, 0)))
	return s.Status
}

func TestReasonsOfBackends(t *testing.T) {
	for kind, want := range map[driver.Kind]plan.Reason{
		driver.Unknown: plan.ReasonUnavailable, driver.NotFound: plan.ReasonSecretNotFound, driver.Denied: plan.ReasonAccessDenied,
		driver.Invalid: plan.ReasonInvalidRequest, driver.Unauthenticated: plan.ReasonUnauthenticated,
		driver.Throttled: plan.ReasonThrottled, driver.Unavailable: plan.ReasonUnavailable,
	} {
		if got := reasonOf(fmt.Errorf("wrapped: %w", &backend.Error{Kind: kind})); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	if got := reasonOf(context.DeadlineExceeded); got != plan.ReasonUnavailable {
		t.Errorf("an error that is no backend's: %s", got)
	}
	_, err := (&backend.Client{}).Get(t.Context(), plan.Source{Store: plan.Store{Backend: backends.AzureKeyVault}})
	if got := reasonOf(err); got != plan.ReasonBackendNotConfigured {
		t.Errorf("a backend without a driver: %s", got)
	}
}

func TestAgain(t *testing.T) {
	fine, broken := synced(apply.Result{}, nil, false), unwritten(errors.New("x"), nil)
	for _, tc := range []struct {
		name              string
		outcome           outcome
		interval, backoff time.Duration
		want              time.Duration
	}{
		{"after a success the engine says when something has changed", fine, time.Minute, 0, 0},
		{"a failure comes again after the back-off", broken, time.Minute, time.Second, time.Second},
		{"a failure does not wait longer than the interval", broken, time.Minute, lastBackoff, time.Minute},
		{"a failure without an interval waits as long as the back-off says", broken, 0, lastBackoff, lastBackoff},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.outcome.nextAttempt(tc.interval, tc.backoff).after; got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestSuspensionLeavesReadyAsItWas(t *testing.T) {
	for _, before := range []metav1.ConditionStatus{"True", "False"} {
		if got := suspended(paused).ready(before); got != before {
			t.Errorf("%s became %s", before, got)
		}
	}
}

// The API server quotes what it refuses.
func TestARefusedSecretIsNotQuoted(t *testing.T) {
	const value = "planted"
	kind := schema.GroupKind{Kind: "Secret"}
	refused := apierrors.NewInvalid(kind, "db", field.ErrorList{
		field.Invalid(field.NewPath("data").Key("tls.crt"), value, value), field.Required(field.NewPath("data").Key("tls.key"), "")})
	got := unwritten(fmt.Errorf("re-creating: %w", refused), nil)
	want := "the API server refuses the Secret as invalid; data[tls.crt] (FieldValueInvalid); data[tls.key] (FieldValueRequired): " +
		"check the type that the object gives it, and the names of the entries"
	if diff := cmp.Diff(want, got.message); diff != "" {
		t.Error(diff)
	}
}

// Other webhooks and policies that judge Secrets may quote what they refuse.
func TestADenialByAnotherWebhookIsNotQuoted(t *testing.T) {
	for refusal, want := range map[string]string{
		`admission webhook "scan.example" denied the request: found planted`:                                   `admission webhook "scan.example"`,
		`secrets "db" is forbidden: ValidatingAdmissionPolicy 'scan' with binding 'b' denied request: planted`: `secrets "db" is forbidden: ValidatingAdmissionPolicy 'scan' with binding 'b'`,
	} {
		got := unwritten(errors.New(refusal), nil).message
		want = "the Secret cannot be written: " + want + " denied it (for what reason is not shown, since it may quote a value)"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCut(t *testing.T) {
	for name, message := range map[string]string{
		"short": "x", "exactly the limit": strings.Repeat("é", 2000), "long": strings.Repeat("x", 9000), "long, of wide characters": strings.Repeat("𝄞", 9000),
	} {
		t.Run(name, func(t *testing.T) {
			got := shorten(message)
			if n := utf8.RuneCountInString(got); n > 2000 || n < min(2000, utf8.RuneCountInString(message)) {
				t.Errorf("it has %d characters", n)
			}
			if !utf8.ValidString(got) {
				t.Error("a character was cut in two")
			}
		})
	}
}

package syncstatus_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

func TestTheTextIsThatOfKES(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		record plan.Record
		want   string
	}{
		"success":                       {"ERROR, no", plan.Record{Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced, Message: "all is well"}, "SUCCESS"},
		"an error":                      {"SUCCESS", plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonThrottled, Message: "too often"}, "ERROR, too often"},
		"suspended before it was tried": {"", plan.Record{Ready: metav1.ConditionUnknown, Reason: plan.ReasonSuspended}, "SUSPENDED"},
		"suspended after it was tried":  {"SUCCESS", plan.Record{Ready: metav1.ConditionTrue, Reason: plan.ReasonSuspended}, "SUCCESS"},
		"nothing is said any more":      {"SUCCESS", plan.Record{}, ""},
	} {
		s := syncstatus.Status{Status: test.before}
		s.Put(test.record)
		if s.Status != test.want {
			t.Errorf("%s: got %q, want %q", name, s.Status, test.want)
		}
	}
}

func TestPutLeavesTheConditionsOfOthersAndWhatItWasCopiedFrom(t *testing.T) {
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	healthy := metav1.Condition{Type: "Healthy", Status: metav1.ConditionTrue, Reason: "Checked", LastTransitionTime: since}
	ready := metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Synced", LastTransitionTime: since}
	cached := syncstatus.Status{Conditions: []metav1.Condition{ready, healthy}}
	before := *cached.DeepCopy()

	next := cached // as shallow as a caller may be
	next.Put(plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonThrottled, Message: "too often", Generation: 3, Since: since.Add(time.Hour)})
	want := []metav1.Condition{{
		Type: "Ready", Status: metav1.ConditionFalse, Reason: "BackendThrottled", Message: "too often", ObservedGeneration: 3,
		LastTransitionTime: metav1.NewTime(since.Add(time.Hour)),
	}, healthy}
	if diff := cmp.Diff(want, next.Conditions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	next.Put(plan.Record{})
	if diff := cmp.Diff(syncstatus.Status{Conditions: []metav1.Condition{healthy}}, next); diff != "" {
		t.Errorf("after nothing is said any more: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, cached); diff != "" {
		t.Errorf("what was copied has changed: -want +got:\n%s", diff)
	}
}

package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

func at(second int) *metav1.Time {
	t := metav1.Unix(int64(1_000_000+second), 0)
	return &t
}

func condition(status metav1.ConditionStatus, reason apiv1.Reason, message string, since int) []metav1.Condition {
	return []metav1.Condition{{Type: "Ready", Status: status, Reason: string(reason), Message: message, ObservedGeneration: 3, LastTransitionTime: *at(since)}}
}

func TestNextStatus(t *testing.T) {
	entries := []apiv1.EntryStatus{{Field: "spec.data[0]", Version: "7"}}
	good := apiv1.ExternalSecretStatus{
		LastSync: at(0), LastSuccess: at(0), Status: "SUCCESS", ObservedGeneration: 2, SecretName: "db", SecretResourceVersion: "10",
		ObservedForceSync: "old", Entries: entries, Conditions: condition("True", apiv1.ReasonSynced, "", 0),
	}
	for _, tc := range []struct {
		name    string
		before  apiv1.ExternalSecretStatus
		outcome outcome
		want    apiv1.ExternalSecretStatus
	}{
		{"the first success", apiv1.ExternalSecretStatus{}, synced(apply.Result{Secret: "db", ResourceVersion: "11"}, entries, false), apiv1.ExternalSecretStatus{
			LastSync: at(60), LastSuccess: at(60), Status: "SUCCESS", ObservedGeneration: 3, SecretName: "db", SecretResourceVersion: "11",
			ObservedForceSync: "now", Entries: entries, Conditions: condition("True", apiv1.ReasonSynced, "", 60)}},
		{"a later success keeps the time of the transition", good, synced(apply.Result{Secret: "db", ResourceVersion: "11"}, entries, false), apiv1.ExternalSecretStatus{
			LastSync: at(60), LastSuccess: at(60), Status: "SUCCESS", ObservedGeneration: 3, SecretName: "db", SecretResourceVersion: "11",
			ObservedForceSync: "now", Entries: entries, Conditions: condition("True", apiv1.ReasonSynced, "", 0)}},
		{"a failure keeps what is known of the Secret", good, unwritten(errors.New("x"), []apiv1.EntryStatus{{Field: "f"}}), apiv1.ExternalSecretStatus{
			LastSync: at(60), LastSuccess: at(0), Status: "ERROR, the Secret cannot be written: x", ObservedGeneration: 3, SecretName: "db", SecretResourceVersion: "10",
			ObservedForceSync: "now", Entries: []apiv1.EntryStatus{{Field: "f"}},
			Conditions: condition("False", apiv1.ReasonSecretWriteFailed, "the Secret cannot be written: x", 60)}},
		{"suspension tells of the last attempt, not of itself", good, suspended(), apiv1.ExternalSecretStatus{
			LastSync: at(0), LastSuccess: at(0), Status: "SUCCESS", ObservedGeneration: 3, SecretName: "db", SecretResourceVersion: "10",
			ObservedForceSync: "old", Entries: entries, Conditions: condition("True", apiv1.ReasonSuspended, suspended().message, 0)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			es := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Name: "db", Generation: 3}, Status: tc.before}
			before := es.DeepCopy()
			got := nextStatus(es, tc.outcome, "now", at(60).Add(400*time.Millisecond))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, es); diff != "" {
				t.Errorf("the object that was read changed:\n%s", diff)
			}
		})
	}
}

func TestStatusIsWrittenForNewsAndHeartbeats(t *testing.T) {
	status := func(second int, change func(*apiv1.ExternalSecretStatus)) apiv1.ExternalSecretStatus {
		s := apiv1.ExternalSecretStatus{LastSync: at(second), LastSuccess: at(second), Status: "SUCCESS", SecretResourceVersion: "1"}
		if change != nil {
			change(&s)
		}
		return s
	}
	for _, tc := range []struct {
		name      string
		old, next apiv1.ExternalSecretStatus
		heartbeat time.Duration
		want      bool
	}{
		{"the first one", apiv1.ExternalSecretStatus{}, status(0, nil), time.Minute, true},
		{"times alone are no news", status(0, nil), status(59, nil), time.Minute, false},
		{"a heartbeat is due", status(0, nil), status(60, nil), time.Minute, true},
		{"no heartbeat is wanted", status(0, nil), status(1_000_000, nil), 0, false},
		{"a suspended object has no heartbeat", status(0, nil), status(0, nil), time.Minute, false},
		{"another message", status(0, nil), status(1, func(s *apiv1.ExternalSecretStatus) { s.Status = "ERROR, x" }), time.Minute, true},
		{"the Secret was written", status(0, nil), status(1, func(s *apiv1.ExternalSecretStatus) { s.SecretResourceVersion = "2" }), time.Minute, true},
		{"a force-sync was seen", status(0, nil), status(1, func(s *apiv1.ExternalSecretStatus) { s.ObservedForceSync = "x" }), time.Minute, true},
		{"another version was read", status(0, nil), status(1, func(s *apiv1.ExternalSecretStatus) { s.Entries = []apiv1.EntryStatus{{Version: "2"}} }), time.Minute, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := isNews(tc.old, tc.next) || isDue(tc.old, tc.next, tc.heartbeat); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestEntryStatuses(t *testing.T) {
	p := &plan.Plan{Entries: []plan.Entry{
		{Field: "spec.dataFrom[0]", Read: plan.Read{Key: "a"}}, {Field: "spec.data[0]", Name: "n", Read: plan.Read{Key: "b"}},
	}}
	result := fetch.Result{
		Versions: map[plan.Read]string{{Key: "a"}: "7", {Key: "b"}: "of its last success"},
		Failures: []fetch.Failure{{Read: plan.Read{Key: "b"}, Err: &backend.Error{Kind: driver.Denied}}},
	}
	want := []apiv1.EntryStatus{{Field: "spec.dataFrom[0]", Version: "7"}, {Field: "spec.data[0]", Name: "n", Error: apiv1.ReasonAccessDenied}}
	if diff := cmp.Diff(want, entryStatuses(p, result)); diff != "" {
		t.Error(diff)
	}
}

func TestEntryStatusesAreBounded(t *testing.T) {
	p := &plan.Plan{}
	for i := range 1000 {
		p.Entries = append(p.Entries, plan.Entry{Field: fmt.Sprint(i)})
	}
	if got := len(entryStatuses(p, fetch.Result{})); got != maxEntryStatuses {
		t.Errorf("there are %d", got)
	}
}

package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

func at(second int) time.Time { return time.Unix(int64(1_000_000+second), 0) }

// ready is a Record with condition Ready.
func ready(r plan.Record, status metav1.ConditionStatus, reason plan.Reason, message string, since int) plan.Record {
	r.Ready, r.Reason, r.Message, r.Since = status, reason, message, at(since)
	return r
}

var paused = &plan.Plan{Words: (&kes.Installation{}).Words()}

func TestNextRecord(t *testing.T) {
	entries := []plan.EntryRecord{{Field: "spec.data[0]", Version: "7"}}
	good := ready(plan.Record{
		LastSync: at(0), LastSuccess: at(0), Generation: 2, Secret: "db", SecretResourceVersion: "10", SecretUID: "u", DataRevision: 4,
		ForceSync: "old", Entries: entries}, "True", plan.ReasonSynced, "", 0)
	for _, tc := range []struct {
		name    string
		before  plan.Record
		outcome outcome
		want    plan.Record
	}{
		{"the first success", plan.Record{}, synced(apply.Result{Secret: "db", ResourceVersion: "11", UID: "u", Revision: 5}, entries, false), ready(plan.Record{
			LastSync: at(60), LastSuccess: at(60), Generation: 3, Secret: "db", SecretResourceVersion: "11", SecretUID: "u", DataRevision: 5,
			ForceSync: "now", Entries: entries}, "True", plan.ReasonSynced, "", 60)},
		{"a later success keeps the time of the transition", good, synced(apply.Result{Secret: "db", ResourceVersion: "11", UID: "u", Revision: 5}, entries, false), ready(plan.Record{
			LastSync: at(60), LastSuccess: at(60), Generation: 3, Secret: "db", SecretResourceVersion: "11", SecretUID: "u", DataRevision: 5,
			ForceSync: "now", Entries: entries}, "True", plan.ReasonSynced, "", 0)},
		{"a failure keeps what is known of the Secret", good, unwritten(errors.New("x"), []plan.EntryRecord{{Field: "f"}}), ready(plan.Record{
			LastSync: at(60), LastSuccess: at(0), Generation: 3, Secret: "db", SecretResourceVersion: "10", SecretUID: "u", DataRevision: 4,
			ForceSync: "now", Entries: []plan.EntryRecord{{Field: "f"}}}, "False", plan.ReasonSecretWriteFailed, "the Secret cannot be written: x", 60)},
		{"suspension reports the last attempt, not itself", good, suspended(paused), ready(plan.Record{
			LastSync: at(0), LastSuccess: at(0), Generation: 3, Secret: "db", SecretResourceVersion: "10", SecretUID: "u", DataRevision: 4,
			ForceSync: "old", Entries: entries}, "True", plan.ReasonSuspended, suspended(paused).message, 0)},
		{"a Secret that is deleted leaves its count behind", good, deleted(true, entries, []string{"a"}), ready(plan.Record{
			LastSync: at(60), LastSuccess: at(60), Generation: 3, DataRevision: 4,
			ForceSync: "now", Entries: entries}, "True", plan.ReasonSecretDeleted, deleted(true, nil, []string{"a"}).message, 0)},
		{"one that is kept keeps its count", good, kept(good, entries, []string{"a"}), ready(plan.Record{
			LastSync: at(60), LastSuccess: at(60), Generation: 3, Secret: "db", SecretResourceVersion: "10", SecretUID: "u", DataRevision: 4,
			ForceSync: "now", Entries: entries}, "True", plan.ReasonSynced, kept(good, nil, []string{"a"}).message, 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := nextRecord(tc.before, 3, tc.outcome, "now", at(60).Add(400*time.Millisecond))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestStatusIsWrittenForNewsAndHeartbeats(t *testing.T) {
	status := func(second int, change func(*plan.Record)) plan.Record {
		s := plan.Record{LastSync: at(second), LastSuccess: at(second), SecretResourceVersion: "1"}
		if change != nil {
			change(&s)
		}
		return s
	}
	for _, tc := range []struct {
		name      string
		old, next plan.Record
		heartbeat time.Duration
		want      bool
	}{
		{"the first one", plan.Record{}, status(0, nil), time.Minute, true},
		{"times alone are no news", status(0, nil), status(59, nil), time.Minute, false},
		{"a heartbeat is due", status(0, nil), status(60, nil), time.Minute, true},
		{"no heartbeat is wanted", status(0, nil), status(1_000_000, nil), 0, false},
		{"a suspended object has no heartbeat", status(0, nil), status(0, nil), time.Minute, false},
		{"another message", status(0, nil), status(1, func(s *plan.Record) { s.Message = "x" }), time.Minute, true},
		{"the Secret was written", status(0, nil), status(1, func(s *plan.Record) { s.SecretResourceVersion = "2" }), time.Minute, true},
		{"a force-sync was seen", status(0, nil), status(1, func(s *plan.Record) { s.ForceSync = "x" }), time.Minute, true},
		{"another version was read", status(0, nil), status(1, func(s *plan.Record) { s.Entries = []plan.EntryRecord{{Version: "2"}} }), time.Minute, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := isNews(tc.old, tc.next) || isDue(tc.old, tc.next, tc.heartbeat); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestEntries(t *testing.T) {
	p := &plan.Plan{Entries: []plan.Entry{
		{Field: "spec.dataFrom[0]", Source: plan.Source{Read: plan.Read{Key: "a"}}}, {Field: "spec.data[0]", Name: "n", Source: plan.Source{Read: plan.Read{Key: "b"}}},
	}}
	result := fetch.Result{
		Versions: map[plan.Source]string{{Read: plan.Read{Key: "a"}}: "7", {Read: plan.Read{Key: "b"}}: "of its last success"},
		Failures: []fetch.Failure{{Source: plan.Source{Read: plan.Read{Key: "b"}}, Err: &backend.Error{Kind: driver.Denied}}},
	}
	want := []plan.EntryRecord{{Field: "spec.dataFrom[0]", Version: "7"}, {Field: "spec.data[0]", Name: "n", Error: plan.ReasonAccessDenied}}
	if diff := cmp.Diff(want, entriesOf(p, result)); diff != "" {
		t.Error(diff)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	p := &plan.Plan{}
	for i := range 1000 {
		p.Entries = append(p.Entries, plan.Entry{Field: fmt.Sprint(i)})
	}
	if got := len(entriesOf(p, fetch.Result{})); got != maxEntries {
		t.Errorf("there are %d", got)
	}
}

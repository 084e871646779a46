package dialecttest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// records are one for each reason, and for each state of the other fields.
func records() []plan.Record {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 2, 3, 4+minutes, 5, 0, time.UTC) }
	var all []plan.Record
	for i, reason := range plan.Reasons() {
		r := plan.Record{
			Generation: int64(i + 1), ForceSync: fmt.Sprint("force-", i), Ready: metav1.ConditionFalse, Reason: reason,
			Message: "what happened, and why: " + string(reason), Since: at(i), LastSync: at(i + 1),
		}
		switch {
		case reason == plan.ReasonSynced:
			r.Ready, r.Secret, r.SecretResourceVersion, r.LastSuccess = metav1.ConditionTrue, "db", "42", at(i+1)
			r.SecretUID, r.DataRevision = "0b0c5a1e-6c7c-4c55-a3cf-7b1b8c0a0d01", 7
			r.Entries = []plan.EntryRecord{{Field: "spec.data[0]", Name: "password", Version: "7"}, {Field: "spec.dataFrom[0]"}}
		case i%2 == 0: // it was well before
			r.Secret, r.SecretResourceVersion, r.LastSuccess = "db", "41", at(i-60)
			r.Entries = []plan.EntryRecord{{Field: "spec.data[0]", Name: "password", Error: reason}}
		case reason == plan.ReasonSuspended: // before it was ever tried
			r.Ready, r.LastSync, r.ForceSync = metav1.ConditionUnknown, time.Time{}, ""
		}
		all = append(all, r)
	}
	return all
}

// status proves that a status keeps a Record through the API server, and leaves alone what is not ours.
func (r *runner) status(t *testing.T) {
	all := records()
	for _, kind := range r.kinds {
		if got := kind.Status(kind.New()).Record(); !reflect.DeepEqual(plan.Record{}, got) {
			t.Errorf("%s: a new object has the Record %+v, want none", kind.Type().Kind, got)
		}
	}
	foreign := false
	for _, e := range r.examples {
		object := mustDecode(t, e.doc, e.kind.New())
		status := e.kind.Status(object)
		status.Put(plan.Record{})
		if got := status.Record(); !reflect.DeepEqual(plan.Record{}, got) {
			t.Errorf("%s: after nothing is said any more, its Record is %+v", e.name, got)
		}
		blank := statusOf(t, object)
		foreign = foreign || blank != nil
		r.keepsCondition(t, e)
		for i, record := range all {
			status.Put(record)
			r.kept(t, e, object, record, blank)
			if i%3 == 2 {
				status.Put(plan.Record{})
				if diff := cmp.Diff(blank, statusOf(t, object)); diff != "" {
					t.Errorf("%s: reason %s leaves something behind: -want +got:\n%s", e.name, record.Reason, diff)
				}
			}
		}
	}
	if !foreign {
		t.Error("no example has a status with something that others wrote")
	}
}

// kept compares a Record with that of its object as the API server returns it.
func (r *runner) kept(t *testing.T, e example, object dialect.Object, want plan.Record, blank any) {
	t.Helper()
	doc := documentOf(t, object)
	for _, unknown := range pruned(schemaOf(e.kind.Type()), doc, nil) {
		t.Errorf("%s: the schema does not know %s", e.name, unknown)
	}
	got := e.kind.Status(mustDecode(t, doc, e.kind.New())).Record()
	for _, at := range []*time.Time{&got.Since, &got.LastSync, &got.LastSuccess} {
		if !at.IsZero() {
			*at = at.UTC()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: reason %s: -want +got:\n%s", e.name, want.Reason, diff)
	}
	if !holds(doc["status"], blank) {
		t.Errorf("%s: reason %s: the status %v lacks something of what others wrote: %v", e.name, want.Reason, doc["status"], blank)
	}
}

// keepsCondition proves that the condition of the restarter outlives what the syncer writes, at its place, so that a status which is
// written for its times alone has no conditions in its patch.
func (r *runner) keepsCondition(t *testing.T, e example) {
	t.Helper()
	pending := document{
		"type": plan.ConditionRestartPending, "status": "True", "reason": "Paused", "message": "m", "lastTransitionTime": "2026-01-02T03:04:05Z",
	}
	synced := e.kind.New()
	e.kind.Status(synced).Put(records()[0])
	doc := documentOf(t, synced)
	if status, ok := doc["status"].(document); ok { // as the API server adds a condition
		conditions, _ := status["conditions"].([]any)
		status["conditions"] = append(conditions, pending)
	}
	object := mustDecode(t, doc, e.kind.New())
	status, order := e.kind.Status(object), typesOf(t, object)
	want := &metav1.Condition{
		Type: plan.ConditionRestartPending, Status: metav1.ConditionTrue, Reason: "Paused", Message: "m",
		LastTransitionTime: metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
	}
	if status.Condition("Other") != nil {
		t.Errorf("%s: got a condition that it does not have", e.name)
	}
	for _, record := range append(records(), plan.Record{}) {
		status.Put(record)
		if now := typesOf(t, object); record.Ready != "" && !reflect.DeepEqual(order, now) {
			t.Errorf("%s: a Record of reason %q has conditions change their places from %v to %v", e.name, record.Reason, order, now)
		}
		got := status.Condition(plan.ConditionRestartPending)
		if got == nil {
			t.Errorf("%s: a Record of reason %q takes the condition of the restarter away", e.name, record.Reason)
			return
		}
		if got.LastTransitionTime = metav1.NewTime(got.LastTransitionTime.UTC()); !reflect.DeepEqual(want, got) {
			t.Errorf("%s: a Record of reason %q changes the condition of the restarter: -want +got:\n%s", e.name, record.Reason, cmp.Diff(want, got))
		}
	}
}

// typesOf are the types of an object's conditions.
func typesOf(t *testing.T, object dialect.Object) (types []any) {
	t.Helper()
	status, _ := documentOf(t, object)["status"].(document)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		condition, _ := c.(document)
		types = append(types, condition["type"])
	}
	return types
}

// documentOf is an object as the API server gets it.
func documentOf(t *testing.T, object dialect.Object) (doc document) {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// statusOf is an object's status as JSON has it; nil where there is none.
func statusOf(t *testing.T, object dialect.Object) any {
	t.Helper()
	doc := documentOf(t, object)
	if status, _ := doc["status"].(document); len(status) == 0 {
		return nil
	}
	return doc["status"]
}

// holds reports whether a value of JSON has all that another one has.
func holds(whole, part any) bool {
	switch part := part.(type) {
	case document:
		parent, ok := whole.(document)
		for name, member := range part {
			ok = ok && holds(parent[name], member)
		}
		return ok
	case []any:
		elements, ok := whole.([]any)
		for _, wanted := range part {
			found := false
			for _, element := range elements {
				found = found || holds(element, wanted)
			}
			ok = ok && found
		}
		return ok
	default:
		return part == nil || reflect.DeepEqual(whole, part)
	}
}

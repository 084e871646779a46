package controller

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

func TestDecide(t *testing.T) {
	p := &plan.Plan{Object: dbID, UID: "u", Generation: 3}
	forced := &plan.Plan{Object: dbID, UID: "u", Generation: 3, ForceSync: "now"}
	status := func(generation int64, ready metav1.ConditionStatus, forceSync string) plan.Record {
		return plan.Record{
			Generation: generation, ForceSync: forceSync, LastSync: time.Unix(1, 0), Ready: ready,
		}
	}
	good := status(3, metav1.ConditionTrue, "")
	tried := attempt{uid: "u", generation: 3}
	once := &plan.Plan{Object: dbID, UID: "u", Generation: 3, ForceSync: "now", Refresh: plan.Refresh{Once: true}}
	madeOnce := plan.Record{Generation: 2, LastSync: time.Unix(1, 0), LastSuccess: time.Unix(1, 0), Ready: metav1.ConditionTrue}
	of := func(reason plan.Reason) plan.Record {
		r := madeOnce
		r.Generation, r.Reason = 3, reason
		return r
	}
	now, later := fetch.Foreground, fetch.Background
	for _, tc := range []struct {
		name     string
		p        *plan.Plan
		observed observed
		want     trigger
	}{
		{"an object that was never synced is read at once", p, observed{}, trigger{read: true, priority: now, edited: true}},
		{"after a restart a synced object waits for its slot", p, observed{record: good, intact: true}, trigger{priority: later}},
		{"after a restart a synced object whose Secret was changed is repaired", p, observed{record: good}, trigger{read: true, priority: later}},
		{"after a restart an object that failed is read behind the new ones", p,
			observed{record: status(3, metav1.ConditionFalse, ""), intact: true}, trigger{read: true, priority: later}},
		{"an object that was edited while no syncer ran is read at once", p,
			observed{record: status(2, metav1.ConditionTrue, ""), intact: true}, trigger{read: true, priority: now, edited: true}},
		{"an edited object is read at once", p, observed{last: attempt{uid: "u", generation: 2}, record: good, intact: true}, trigger{read: true, priority: now, edited: true}},
		{"an object that was made anew under its name is read at once", p,
			observed{last: attempt{uid: "another", generation: 3}, intact: true}, trigger{read: true, priority: now, edited: true}},
		{"an object that was tried is left to the engine, failing or not", p,
			observed{last: tried, record: status(3, metav1.ConditionFalse, ""), intact: true}, trigger{priority: later}},
		{"one whose status another client has written since is read again", p,
			observed{last: tried, record: plan.Record{LastSync: good.LastSync}, intact: true}, trigger{read: true, priority: later}},
		{"one that was denied for names that a walk returned is read again, since it is admitted now", p,
			observed{last: tried, intact: true, record: plan.Record{Ready: metav1.ConditionFalse, Reason: plan.ReasonPolicyDenied}}, trigger{read: true, priority: later}},
		{"names that a walk returned are judged by other annotations", p,
			observed{last: attempt{uid: "u", generation: 3, walkPolicy: 1}, record: good, intact: true, next: attempt{walkPolicy: 2}}, trigger{read: true, priority: later}},
		{"and not again by the same", p,
			observed{last: attempt{uid: "u", generation: 3, walkPolicy: 2}, record: good, intact: true, next: attempt{walkPolicy: 2}}, trigger{priority: later}},
		{"an edited object that walks for the first time is read at once", p,
			observed{last: attempt{uid: "u", generation: 2}, record: good, intact: true, next: attempt{walkPolicy: 2}}, trigger{read: true, priority: now, edited: true}},
		{"what the object refers to was edited", p,
			observed{last: attempt{uid: "u", generation: 3, referred: 1}, record: good, intact: true, next: attempt{referred: 2}}, trigger{read: true, priority: later, edited: true}},
		{"what the object refers to has come", p,
			observed{record: plan.Record{Generation: 3, LastSync: good.LastSync, Ready: metav1.ConditionFalse, Reason: plan.ReasonStoreNotFound}, intact: true},
			trigger{read: true, priority: later, edited: true}},
		{"the Secret that the object is to complete has come", p, observed{record: of(plan.ReasonSecretMissing), intact: true},
			trigger{read: true, priority: later, edited: true}},
		{"after a restart an object whose Secret was deleted with its source waits for its slot", p,
			observed{record: of(plan.ReasonSecretDeleted), intact: true}, trigger{priority: later}},
		{"what failed is tried again after a restart though its status has no generation", p,
			observed{record: plan.Record{Ready: metav1.ConditionFalse}, intact: true}, trigger{read: true, priority: later}},
		{"a kind that always forces is not forced by what its status does not know", forced,
			observed{record: good, intact: true, forcer: true}, trigger{priority: later}},
		{"nor is what failed so", forced, observed{record: plan.Record{Ready: metav1.ConditionFalse}, intact: true, forcer: true}, trigger{read: true, priority: later}},
		{"it is by what changes while no syncer runs", forced, observed{record: status(3, metav1.ConditionTrue, "before"), intact: true, forcer: true},
			trigger{read: true, priority: now, fresh: true, forced: true}},
		{"and by what changes while one does", forced, observed{last: tried, record: good, intact: true, forcer: true},
			trigger{read: true, priority: now, fresh: true, forced: true}},
		{"an object of which a Secret is made once is read at first", once, observed{}, trigger{read: true, priority: now, fresh: true, edited: true}},
		{"and as long as that has failed", once, observed{last: tried, record: plan.Record{Ready: metav1.ConditionFalse}, retryDue: true, intact: true},
			trigger{read: true, priority: now, fresh: true, forced: true}},
		{"but not when it is edited or forced later", once, observed{last: attempt{uid: "u", generation: 2}, record: madeOnce, intact: true}, trigger{priority: later}},
		{"nor when that happened while no syncer ran", once, observed{record: madeOnce, intact: true}, trigger{priority: later}},
		{"it is where the Secret was changed", once, observed{last: tried, record: madeOnce, retryDue: true, intact: true}, trigger{read: true, priority: later}},
		{"or deleted while no syncer ran", once, observed{record: madeOnce}, trigger{read: true, priority: later}},
		{"or has to be made anew, since it was deleted with its source", once, observed{last: attempt{uid: "u", generation: 2}, record: of(plan.ReasonSecretDeleted), intact: true},
			trigger{read: true, priority: now, fresh: true, edited: true}},
		{"a change that comes right after a restart is repaired", p, observed{record: good, intact: true, retryDue: true}, trigger{read: true, priority: later}},
		{"a retry that is due is made", p, observed{last: tried, record: good, retryDue: true, intact: true}, trigger{read: true, priority: later}},
		{"a forced refresh needs a read that has not begun yet", forced, observed{last: tried, record: good, intact: true},
			trigger{read: true, priority: now, fresh: true, forced: true}},
		{"an object that is new besides is read like any other", forced, observed{intact: true}, trigger{read: true, priority: now, fresh: true, edited: true}},
		{"so is one that was edited besides", forced, observed{last: attempt{uid: "u", generation: 2}, record: good, intact: true},
			trigger{read: true, priority: now, fresh: true, edited: true}},
		{"and one that was edited besides while no syncer ran", forced, observed{record: status(2, metav1.ConditionTrue, ""), intact: true},
			trigger{read: true, priority: now, fresh: true, edited: true}},
		{"a refresh that was forced while no syncer ran is one", forced, observed{record: good, intact: true},
			trigger{read: true, priority: now, fresh: true, forced: true}},
		{"one whose status cannot be written is left alone until it is time", p, observed{last: tried, waits: true, intact: true}, trigger{priority: later}},
		{"a refresh that was forced already in this process is not forced again", forced,
			observed{last: attempt{uid: "u", generation: 3, forceSync: "now"}, record: good, intact: true}, trigger{priority: later}},
		{"nor is one that the status knows", forced, observed{record: status(3, metav1.ConditionTrue, "now"), intact: true}, trigger{priority: later}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := decide(tc.p, tc.observed); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestOverdue(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	success := func(ago time.Duration) plan.Record {
		return plan.Record{LastSuccess: now.Add(-ago)}
	}
	for _, tc := range []struct {
		name                string
		status              plan.Record
		interval, heartbeat time.Duration
		want                bool
	}{
		{"a status may be as old as an interval and a heartbeat", success(11 * time.Minute), time.Minute, 10 * time.Minute, false},
		{"an older one is overdue", success(11*time.Minute + time.Second), time.Minute, 10 * time.Minute, true},
		{"without heartbeats a status says nothing", success(time.Hour), time.Minute, 0, false},
		{"nor does it where the object is not refreshed", success(time.Hour), 0, time.Minute, false},
		{"nor where there was no success", plan.Record{}, time.Minute, time.Minute, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := overdue(tc.status, tc.interval, tc.heartbeat, now); got != tc.want {
				t.Error(got)
			}
		})
	}
}

func TestWhatOtherObjectsPutIntoAPlan(t *testing.T) {
	entry := plan.Entry{Source: plan.Source{Store: plan.Store{Backend: "a"}, Read: plan.Read{Key: "k"}}}
	base := plan.Plan{Entries: []plan.Entry{entry}, Template: plan.Template{Made: []plan.Made{{Text: template.Text{Source: "x"}, Name: "a"}}}}
	for name, change := range map[string]func(p *plan.Plan){
		"a store":    func(p *plan.Plan) { p.Entries[0].Source.Role = "other" },
		"a prefix":   func(p *plan.Plan) { p.Entries[0].Source.Key = "prefix/k" },
		"a template": func(p *plan.Plan) { p.Template.Made[0].Source = "y" },
		"one more":   func(p *plan.Plan) { p.Template.Made = append(p.Template.Made, p.Template.Made[0]) },
		"a pattern":  func(p *plan.Plan) { p.Entries[0].Matching = "a" },
		"another":    func(p *plan.Plan) { p.Entries[0].Excluding = "a" },
		"a library":  func(p *plan.Plan) { p.Template.Options.Library = []template.Text{{Source: "x"}} },
	} {
		t.Run(name, func(t *testing.T) {
			other := plan.Plan{Entries: slices.Clone(base.Entries), Template: plan.Template{Made: slices.Clone(base.Template.Made)}}
			if referred(&base) != referred(&other) {
				t.Error("got two hashes of equal plans, want one")
			}
			change(&other)
			if referred(&base) == referred(&other) {
				t.Error("got the hash of before, want another")
			}
		})
	}
}

func TestWhatForcesAReadIsTheUsersOrTheKinds(t *testing.T) {
	for name, test := range map[string]struct {
		text, annotation string
		want             bool
	}{
		"neither forces":                                  {"", "", false},
		"the user's annotation":                           {"now", "now", false},
		"a text of the kind's own":                        {"3-abc", "", true},
		"the same beside the annotation, which it counts": {"3-abc", "now", true},
	} {
		object := &apiv1.ExternalSecret{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationForceSync: test.annotation}}}
		if got := alwaysForces(&plan.Plan{ForceSync: test.text}, object); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}

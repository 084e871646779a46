package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// attempt is for what an object was last read in this process. The zero value is none.
type attempt struct {
	uid        types.UID
	generation int64
	forceSync  string
	walkPolicy uint64
}

func attemptOf(p *plan.Plan, walkPolicy uint64) attempt {
	return attempt{uid: p.UID, generation: p.Generation, forceSync: p.ForceSync, walkPolicy: walkPolicy}
}

// facts decide whether an object is read now, and not only when its sources are due.
type facts struct {
	last   attempt
	status apiv1.ExternalSecretStatus
	owed   bool // an attempt has come to nothing, or somebody changed the Secret, and it is time to try again
	waits  bool // it is not time yet to try again
	intact bool // the Secret is as the status says; asked only of an object without an attempt
	// walkPolicy stands for what judges the names that walks return, which are not kept; 0 where there are no walks.
	walkPolicy uint64
}

// wish is what to ask of the engine; the zero value is nothing.
type wish struct {
	ask    bool
	lane   fetch.Lane
	fresh  bool // a read that is under way already will not do
	edited bool // the object is new, or its spec is: limited by object
	forced bool // by the force-sync annotation: limited by object and by namespace
}

// decide weighs the facts. A restart, or a hand-over from another replica, finds most objects settled:
// their sources are read when they are due.
func decide(p *plan.Plan, f facts) wish {
	forced := p.ForceSync != "" && p.ForceSync != f.status.ObservedForceSync && p.ForceSync != f.last.forceSync
	edited := f.last.uid == p.UID && f.last.generation != p.Generation ||
		f.last.uid != p.UID && (f.status.ObservedGeneration != p.Generation || f.status.LastSync == nil)
	switch {
	case forced:
		// Of an edited object the spec asks for the read, whatever the annotation says.
		return wish{ask: true, lane: fetch.Foreground, fresh: true, edited: edited, forced: !edited}
	case f.last.uid == p.UID && deniedBefore(f.status):
		return wish{ask: true, lane: fetch.Background, edited: edited} // for names that a walk returned: it may be permitted now
	case f.last.uid == p.UID && f.last.generation == p.Generation:
		lost := len(f.status.Conditions) == 0 && !f.waits // not written yet, or overwritten by somebody else
		return wish{ask: f.owed || lost || f.last.walkPolicy != f.walkPolicy, lane: fetch.Background}
	case edited:
		return wish{ask: true, lane: fetch.Foreground, edited: true}
	case ready(f.status) != metav1.ConditionTrue:
		return wish{ask: true, lane: fetch.Background}
	}
	return wish{ask: !f.intact, lane: fetch.Background}
}

// deniedBefore tells whether the last attempt was denied.
func deniedBefore(status apiv1.ExternalSecretStatus) bool {
	c := meta.FindStatusCondition(status.Conditions, apiv1.ConditionReady)
	return c != nil && c.Reason == string(apiv1.ReasonPolicyDenied)
}

// overdue tells whether an object has not been refreshed for longer than the age that its status may have.
func overdue(status apiv1.ExternalSecretStatus, interval, heartbeat time.Duration, now time.Time) bool {
	return interval > 0 && heartbeat > 0 && status.LastSuccess != nil && now.Sub(status.LastSuccess.Time) > interval+heartbeat
}

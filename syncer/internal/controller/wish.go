package controller

import (
	"hash/maphash"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// attempt is for what an object was last read in this process. The zero value is none.
type attempt struct {
	uid        types.UID
	generation int64
	forceSync  string
	// walkPolicy stands for what judges the names that walks return, which are not kept; 0 where there are no walks.
	walkPolicy uint64
	// stores stands for where is read and as whom, which may change though the object does not.
	stores uint64
}

func attemptOf(p *plan.Plan, walkPolicy uint64) attempt {
	return attempt{uid: p.UID, generation: p.Generation, forceSync: p.ForceSync, walkPolicy: walkPolicy, stores: stores(p)}
}

// facts decide whether an object is read now, and not only when its sources are due.
type facts struct {
	last   attempt
	next   attempt // the one that would be made now
	record plan.Record
	owed   bool // an attempt has come to nothing, or another client changed the Secret, and it is time to try again
	waits  bool // it is not time yet to try again
	intact bool // the Secret is as the status says; asked only of an object without an attempt
}

// wish is what to ask of the engine; the zero value is nothing.
type wish struct {
	ask    bool
	lane   fetch.Lane
	fresh  bool // a read that is under way already will not do
	edited bool // the object, or what it refers to, is new or was edited: limited by object
	forced bool // by the force-sync annotation: limited by object and by namespace
}

// decide weighs the facts. A restart, or a hand-over from another replica, finds most objects settled:
// their sources are read when they are due.
func decide(p *plan.Plan, f facts) wish {
	forced := p.ForceSync != "" && p.ForceSync != f.record.ForceSync && p.ForceSync != f.last.forceSync
	edited := f.last.uid == p.UID && f.last.generation != p.Generation ||
		f.last.uid != p.UID && (f.record.Generation != p.Generation || f.record.LastSync.IsZero())
	switch {
	case forced:
		// Of an edited object the spec asks for the read, whatever the annotation says.
		return wish{ask: true, lane: fetch.Foreground, fresh: true, edited: edited, forced: !edited}
	case f.last.uid == p.UID && f.record.Reason == plan.ReasonPolicyDenied:
		return wish{ask: true, lane: fetch.Background, edited: edited} // for names that a walk returned: it may be permitted now
	case f.last.uid == p.UID && f.last.generation == p.Generation && f.last.stores != f.next.stores:
		return wish{ask: true, lane: fetch.Background, edited: true} // what the object refers to was edited
	case f.last.uid == p.UID && f.last.generation == p.Generation:
		lost := f.record.Ready == "" && !f.waits // not written yet, or overwritten by another client
		return wish{ask: f.owed || lost || f.last.walkPolicy != f.next.walkPolicy, lane: fetch.Background}
	case edited:
		return wish{ask: true, lane: fetch.Foreground, edited: true}
	case f.record.Ready != metav1.ConditionTrue:
		return wish{ask: true, lane: fetch.Background, edited: refused(f.record.Reason)}
	}
	return wish{ask: !f.intact, lane: fetch.Background}
}

// refused reports whether an object was not read at all. That it is now may be for a store that comes and goes.
func refused(reason plan.Reason) bool {
	return reason == plan.ReasonStoreNotFound || reason == plan.ReasonInvalidSpec || reason == plan.ReasonPolicyDenied
}

// overdue reports whether an object has not been refreshed for longer than the age that its status may have.
func overdue(last plan.Record, interval, heartbeat time.Duration, now time.Time) bool {
	return interval > 0 && heartbeat > 0 && !last.LastSuccess.IsZero() && now.Sub(last.LastSuccess) > interval+heartbeat
}

// seed is that of this process: what it makes is never kept.
var seed = maphash.MakeSeed()

// stores stands for all Stores of a plan.
func stores(p *plan.Plan) (sum uint64) {
	for _, store := range p.Stores() {
		sum = sum*31 + maphash.Comparable(seed, store)
	}
	return sum
}

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

// observed is the state that decides whether an object is read now, and not only when its sources are due.
type observed struct {
	last     attempt
	next     attempt // the one that would be made now
	record   plan.Record
	retryDue bool // an attempt has come to nothing, or another client changed the Secret, and it is time to try again
	waits    bool // it is not time yet to try again
	intact   bool // the Secret is as the status says; asked only of an object without an attempt
}

// trigger is what to ask of the engine; the zero value is nothing.
type trigger struct {
	ask    bool
	lane   fetch.Priority
	fresh  bool // a read that is under way already will not do
	edited bool // the object, or what it refers to, is new or was edited: limited by object
	forced bool // by the force-sync annotation: limited by object and by namespace
}

// decide derives the trigger from the observed state. After a restart, or a hand-over from another replica, most objects
// are in sync: their sources are read when they are due.
func decide(p *plan.Plan, obs observed) trigger {
	forced := p.ForceSync != "" && p.ForceSync != obs.record.ForceSync && p.ForceSync != obs.last.forceSync
	edited := obs.last.uid == p.UID && obs.last.generation != p.Generation ||
		obs.last.uid != p.UID && (obs.record.Generation != p.Generation || obs.record.LastSync.IsZero())
	switch {
	case forced:
		// Of an edited object the spec asks for the read, whatever the annotation says.
		return trigger{ask: true, lane: fetch.Foreground, fresh: true, edited: edited, forced: !edited}
	case obs.last.uid == p.UID && obs.record.Reason == plan.ReasonPolicyDenied:
		return trigger{ask: true, lane: fetch.Background, edited: edited} // for names that a walk returned: it may be permitted now
	case obs.last.uid == p.UID && obs.last.generation == p.Generation && obs.last.stores != obs.next.stores:
		return trigger{ask: true, lane: fetch.Background, edited: true} // what the object refers to was edited
	case obs.last.uid == p.UID && obs.last.generation == p.Generation:
		lost := obs.record.Ready == "" && !obs.waits // not written yet, or overwritten by another client
		return trigger{ask: obs.retryDue || lost || obs.last.walkPolicy != obs.next.walkPolicy, lane: fetch.Background}
	case edited:
		return trigger{ask: true, lane: fetch.Foreground, edited: true}
	case obs.record.Ready != metav1.ConditionTrue:
		return trigger{ask: true, lane: fetch.Background, edited: refused(obs.record.Reason)}
	}
	return trigger{ask: !obs.intact, lane: fetch.Background}
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

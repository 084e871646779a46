package controller

import (
	"hash/maphash"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// attempt is the state for which an object was last read in this process. The zero value is none.
type attempt struct {
	uid        types.UID
	generation int64
	forceSync  string
	// walkPolicy is a hash of the policy for the names that walks return, which are not kept; 0 where there are no walks.
	walkPolicy uint64
	// referred is a hash of what the plan has of other objects: its Stores, what is read from them, patterns and templates. They may change
	// though the object does not.
	referred uint64
}

func attemptOf(p *plan.Plan, walkPolicy uint64) attempt {
	return attempt{uid: p.UID, generation: p.Generation, forceSync: p.ForceSync, walkPolicy: walkPolicy, referred: referred(p)}
}

// observed is the state that decides whether an object is read now, and not only when its sources are due.
type observed struct {
	last     attempt
	next     attempt // the attempt that would be made now
	record   plan.Record
	retryDue bool // an attempt failed, or another client changed the Secret, and the back-off has passed
	waits    bool // the back-off has not passed yet
	intact   bool // the Secret is as the status says; set only for an object without an attempt
	forcer   bool // the object always has a text to force by, so that a record without one knows of none
}

// trigger is the read to request of the engine; the zero value is none.
type trigger struct {
	read     bool
	priority fetch.Priority
	fresh    bool // a read that is under way already does not suffice
	edited   bool // the object, or what it refers to, is new or was edited: limited by object
	forced   bool // by the force-sync annotation: limited by object and by namespace
}

// decide derives the trigger from the observed state. After a restart, or a hand-over from another replica, most objects
// are in sync: their sources are read when they are due.
func decide(p *plan.Plan, obs observed) trigger {
	tried := obs.last.uid == p.UID
	edited := tried && obs.last.generation != p.Generation || !tried && isNew(p, obs.record)
	switch {
	case p.Refresh.Once && made(obs.record):
		return trigger{read: obs.retryDue || !obs.intact, priority: fetch.Background}
	case obs.forces(p):
		// The read of an edited object counts as one for the edit, even where the annotation changed as well.
		return trigger{read: true, priority: fetch.Foreground, fresh: true, edited: edited, forced: !edited}
	case tried && obs.record.Reason == plan.ReasonPolicyDenied:
		return trigger{read: true, priority: fetch.Background, edited: edited} // for names that a walk returned: it may be permitted now
	case edited:
		return trigger{read: true, priority: fetch.Foreground, edited: true}
	case tried:
		return obs.again()
	case obs.record.Ready != metav1.ConditionTrue, refused(obs.record.Reason):
		return trigger{read: true, priority: fetch.Background, edited: refused(obs.record.Reason)}
	}
	return trigger{read: obs.retryDue || !obs.intact, priority: fetch.Background}
}

// forces reports whether an object is to be read at once, though it is not edited.
func (obs *observed) forces(p *plan.Plan) bool {
	unknown := obs.forcer && obs.last.uid != p.UID && obs.record.ForceSync == ""
	return p.ForceSync != "" && p.ForceSync != obs.record.ForceSync && p.ForceSync != obs.last.forceSync && !unknown
}

// alwaysForces reports whether the text by which an object forces reads is another one than the user's annotation, so that there always is
// one.
func alwaysForces(p *plan.Plan, object Object) bool {
	return p.ForceSync != object.GetAnnotations()[names.AnnotationForceSync]
}

// again is the trigger for an object that was tried as it is now.
func (obs *observed) again() trigger {
	if obs.last.referred != obs.next.referred {
		return trigger{read: true, priority: fetch.Background, edited: true} // what the object refers to was edited
	}
	lost := obs.record.Ready == "" && !obs.waits // not written yet, or overwritten by another client
	return trigger{read: obs.retryDue || lost || obs.last.walkPolicy != obs.next.walkPolicy, priority: fetch.Background}
}

// isNew reports whether an object was not synced as it is now. What failed may have left no generation where the status has no place of
// ours: it is tried again as what failed.
func isNew(p *plan.Plan, record plan.Record) bool {
	if record.Generation == 0 && record.Ready == metav1.ConditionFalse {
		return false
	}
	return record.Generation != p.Generation || record.LastSync.IsZero()
}

// made reports whether the Secret was made, and nothing has failed since.
func made(record plan.Record) bool {
	return record.Ready == metav1.ConditionTrue && !record.LastSuccess.IsZero() &&
		record.Reason != plan.ReasonSecretMissing && record.Reason != plan.ReasonSecretDeleted
}

// refused reports whether an object was not read at all. It may be read now because its store, or the Secret that it completes, has come
// back.
func refused(reason plan.Reason) bool {
	switch reason {
	case plan.ReasonStoreNotFound, plan.ReasonInvalidSpec, plan.ReasonPolicyDenied, plan.ReasonSecretMissing:
		return true
	}
	return false
}

// overdue reports whether an object has not been refreshed for longer than the age that its status may have.
func overdue(last plan.Record, interval, heartbeat time.Duration, now time.Time) bool {
	return interval > 0 && heartbeat > 0 && !last.LastSuccess.IsZero() && now.Sub(last.LastSuccess) > interval+heartbeat
}

// seed is that of this process: its hashes are never kept.
var seed = maphash.MakeSeed()

// referred is a hash of all that may change in a plan though its object does not.
func referred(p *plan.Plan) (sum uint64) {
	add := func(hash uint64) { sum = sum*31 + hash }
	for _, store := range p.Stores() {
		add(maphash.Comparable(seed, store))
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		add(maphash.Comparable(seed, e.Source.Read))
		add(maphash.Comparable(seed, [2]plan.List{e.Matching, e.Excluding}))
	}
	for _, text := range p.Template.Made {
		add(maphash.Comparable(seed, text))
	}
	for _, text := range p.Template.Options.Library {
		add(maphash.Comparable(seed, text))
	}
	return sum
}

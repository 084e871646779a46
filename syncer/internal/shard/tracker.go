package shard

import (
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// leaseDuration is how long the others wait for a renewal before they share out a replica's part.
	leaseDuration = 15 * time.Second
	// renewEvery leaves room for two renewals to fail.
	renewEvery = 5 * time.Second
	// staleAfter is within how long a renewal of each live replica is observed. It is also how long a view
	// of the Leases counts as current that shows none of the replica's own.
	staleAfter = renewEvery + 2*time.Second
	// orphanedAfter is how long an expired Lease stays after its last renewal, for people to see.
	orphanedAfter = time.Minute
)

// leaseTracker tracks the Leases of this replica's ring, by name; a Lease's name is its member's.
//
// Clocks are not compared: a Lease is live for its duration after this process observed that its renewTime
// changed. One that is new to it is given as long as a live replica takes to renew it: the others may
// know already that its holder is dead, and have left the newcomer's part of what it owned. Where its
// renewTime is older than twice its duration, the replica died long ago, or its clock is far off; its Lease
// counts from its next renewal on. Both may be wrong for a moment, in which two replicas own one object.
//
// While the view is stale (this replica is cut off, or the API server is down) no Lease expires, and
// when it is current again each gets a full duration to be renewed.
type leaseTracker struct {
	self           string
	observedLeases map[string]*observedLease
	current        time.Time // when the view was last known to be current; zero: nothing observed yet
}

type observedLease struct {
	uid             types.UID
	resourceVersion string
	renewTime       time.Time // in the Lease's spec, by its holder's clock
	duration        time.Duration
	observedTime    time.Time // when the renewal was observed, by our clock
	foundExpired    bool      // expired when first observed, and not renewed since
}

// replace takes a complete, consistent list of the Leases.
func (t *leaseTracker) replace(leases []coordinationv1.Lease, now time.Time) {
	t.markCurrent(now)
	listed := map[string]bool{}
	for i := range leases {
		listed[leases[i].Name] = true
		t.observe(&leases[i], now)
	}
	for name := range t.observedLeases {
		if !listed[name] {
			delete(t.observedLeases, name)
		}
	}
}

// observe takes a Lease that was created or changed.
func (t *leaseTracker) observe(lease *coordinationv1.Lease, now time.Time) {
	if lease.Name == t.self {
		t.markCurrent(now)
	}
	if t.observedLeases == nil {
		t.observedLeases = map[string]*observedLease{}
	}
	known, renewTime := t.observedLeases[lease.Name], time.Time{}
	if lease.Spec.RenewTime != nil {
		renewTime = lease.Spec.RenewTime.Time
	}
	duration := leaseDuration
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		duration = time.Duration(*seconds) * time.Second
	}
	switch {
	case known == nil:
		known = &observedLease{
			observedTime: now.Add(min(staleAfter, duration) - duration),
			foundExpired: now.Sub(renewTime) > 2*duration,
		}
		t.observedLeases[lease.Name] = known
	case !known.renewTime.Equal(renewTime):
		known.observedTime, known.foundExpired = now, false
	}
	known.uid, known.resourceVersion = lease.UID, lease.ResourceVersion
	known.renewTime, known.duration = renewTime, duration
}

// remove takes the deletion of a Lease.
func (t *leaseTracker) remove(name string) { delete(t.observedLeases, name) }

// markCurrent records that the view is current.
func (t *leaseTracker) markCurrent(now time.Time) {
	if now.Sub(t.current) > staleAfter {
		for _, o := range t.observedLeases {
			o.observedTime = now
		}
	}
	t.current = now
}

// live are the names of the Leases that are live, in order.
func (t *leaseTracker) live(now time.Time) []string {
	at := t.evaluationTime(now)
	var names []string
	for name, o := range t.observedLeases {
		if !o.foundExpired && at.Sub(o.observedTime) <= o.duration {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// evaluationTime is now, or for a stale view when it was last current.
func (t *leaseTracker) evaluationTime(now time.Time) time.Time {
	if latest := t.current.Add(staleAfter); now.After(latest) {
		return latest
	}
	return now
}

// nextExpiry is when the next Lease expires unless it is renewed; zero where none can.
func (t *leaseTracker) nextExpiry(now time.Time) time.Time {
	var next time.Time
	for _, o := range t.observedLeases {
		expiresAt := o.observedTime.Add(o.duration + time.Millisecond)
		if !o.foundExpired && expiresAt.After(now) && (next.IsZero() || expiresAt.Before(next)) {
			next = expiresAt
		}
	}
	return next
}

// orphaned are the Leases that have been expired long enough to be deleted.
func (t *leaseTracker) orphaned(now time.Time) map[string]observedLease {
	at, orphaned := t.evaluationTime(now), map[string]observedLease{}
	for name, o := range t.observedLeases {
		age := at.Sub(o.observedTime)
		if expired := o.foundExpired || age > o.duration; expired && age > orphanedAfter && name != t.self {
			orphaned[name] = *o
		}
	}
	return orphaned
}

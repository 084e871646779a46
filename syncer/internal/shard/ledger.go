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
	// blindAfter is within how long a renewal of each living replica is seen. It is also how long a view
	// of the Leases counts as current that shows none of the replica's own.
	blindAfter = renewEvery + 2*time.Second
	// buryAfter is how long a dead Lease stays for people to see.
	buryAfter = time.Minute
)

// ledger is what this replica has seen of its ring's Leases, by name; a Lease's name is its member's.
//
// Clocks are not compared: a Lease is alive for its duration after this process saw its renewTime
// change. One that is seen first is given as long as a living replica takes to renew it: the others may
// know already that its holder is dead, and have left the newcomer's part of what it owned. Where its
// renewTime is older than twice its duration, the replica died long ago, or its clock is far off; its Lease
// counts from its next renewal on. Both may be wrong for a moment, in which two replicas own one object.
//
// While the view is blind (this replica is cut off, or the API server is down) no replica is judged dead,
// and when it sees again each gets a full duration to be seen renewing.
type ledger struct {
	self      string
	sightings map[string]*sighting
	current   time.Time // when the view was last known to be current; zero: nothing seen yet
}

type sighting struct {
	uid             types.UID
	resourceVersion string
	renewTime       time.Time // as the Lease says, by its holder's clock
	duration        time.Duration
	renewed         time.Time // when it was seen to change, by our clock
	stillborn       bool      // dead when seen first, and not renewed since
}

// list takes a complete, consistent list of the Leases.
func (l *ledger) list(leases []coordinationv1.Lease, now time.Time) {
	l.see(now)
	listed := map[string]bool{}
	for i := range leases {
		listed[leases[i].Name] = true
		l.observe(&leases[i], now)
	}
	for name := range l.sightings {
		if !listed[name] {
			delete(l.sightings, name)
		}
	}
}

// observe takes a Lease that was created or changed.
func (l *ledger) observe(lease *coordinationv1.Lease, now time.Time) {
	if lease.Name == l.self {
		l.see(now)
	}
	if l.sightings == nil {
		l.sightings = map[string]*sighting{}
	}
	known, renewTime := l.sightings[lease.Name], time.Time{}
	if lease.Spec.RenewTime != nil {
		renewTime = lease.Spec.RenewTime.Time
	}
	duration := leaseDuration
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		duration = time.Duration(*seconds) * time.Second
	}
	switch {
	case known == nil:
		known = &sighting{renewed: now.Add(min(blindAfter, duration) - duration), stillborn: now.Sub(renewTime) > 2*duration}
		l.sightings[lease.Name] = known
	case !known.renewTime.Equal(renewTime):
		known.renewed, known.stillborn = now, false
	}
	known.uid, known.resourceVersion = lease.UID, lease.ResourceVersion
	known.renewTime, known.duration = renewTime, duration
}

// remove takes the deletion of a Lease.
func (l *ledger) remove(name string) { delete(l.sightings, name) }

// see says that the view is current.
func (l *ledger) see(now time.Time) {
	if now.Sub(l.current) > blindAfter {
		for _, s := range l.sightings {
			s.renewed = now
		}
	}
	l.current = now
}

// live are the names of the Leases that are alive, in order.
func (l *ledger) live(now time.Time) []string {
	at := l.judgedAt(now)
	var names []string
	for name, s := range l.sightings {
		if !s.stillborn && at.Sub(s.renewed) <= s.duration {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// judgedAt is now, or for a blind view when it could see last.
func (l *ledger) judgedAt(now time.Time) time.Time {
	if latest := l.current.Add(blindAfter); now.After(latest) {
		return latest
	}
	return now
}

// nextDeath is when the next Lease dies unless it is renewed; zero where none can.
func (l *ledger) nextDeath(now time.Time) time.Time {
	var next time.Time
	for _, s := range l.sightings {
		death := s.renewed.Add(s.duration + time.Millisecond)
		if !s.stillborn && death.After(now) && (next.IsZero() || death.Before(next)) {
			next = death
		}
	}
	return next
}

// buried are the Leases that have been dead long enough to be deleted.
func (l *ledger) buried(now time.Time) map[string]sighting {
	at, long := l.judgedAt(now), map[string]sighting{}
	for name, s := range l.sightings {
		if dead := s.stillborn || at.Sub(s.renewed) > s.duration; dead && at.Sub(s.renewed) > buryAfter && name != l.self {
			long[name] = *s
		}
	}
	return long
}

package membership

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

const (
	// suspendAfter is how long a member goes on serving without a renewal of its Lease: it ends before the
	// others take over.
	suspendAfter = 10 * time.Second
	// handOver is how long the ring must have stayed as it is before a member serves what it gained: the old owner has stopped
	// by then, and replicas of a Deployment, which start and stop together, change the ring once.
	handOver = 500 * time.Millisecond
)

// phase is what a process is in its ring.
type phase string

const (
	joining   phase = "joining"
	member    phase = "member"
	alone     phase = "alone"
	suspended phase = "suspended"
)

// status is a process's phase, and the members of the ring by which it divides the objects.
type status struct {
	phase   phase
	members []string
}

func (s status) equal(other status) bool {
	return s.phase == other.phase && slices.Equal(s.members, other.members)
}

// share is what a process of this status and name owns.
func (s status) share(self string) ring.Share {
	switch s.phase {
	case member:
		return ring.Assign(s.members).Share(self)
	case alone:
		return ring.Whole()
	default:
		return ring.Share{}
	}
}

// state is all that the loop knows.
type state struct {
	renewal access     // of the own Lease
	watch   access     // of all Leases of the ring
	leases  lease.View // what the watch shows

	wanted  status     // what follows from the above
	share   ring.Share // what the process is to own by it
	settled time.Time  // when what it gains may be acquired
	serving status     // what it was when that was acquired last
	owned   ring.Share // what the process owns

	resumed bool // the own Lease was live before this process had it
}

func newState(self string) *state {
	return &state{leases: lease.View{Own: self}, wanted: status{phase: joining}, serving: status{phase: joining}}
}

// evaluate derives the status that follows from the Leases. A refusal counts at once where there has been no Lease, and else when
// the process would stop to serve: an API server that starts may refuse what it will permit in a moment.
func (s *state) evaluate(now time.Time) status {
	had := !s.renewal.last.IsZero() && !s.watch.last.IsZero()
	sees := !s.watch.refused || now.Sub(s.watch.last) < suspendAfter
	switch {
	case had && sees && now.Sub(s.renewal.last) < suspendAfter:
		members := append(s.leases.Live(now), s.leases.Own) // its own renewal may not have been seen yet
		slices.Sort(members)
		return status{member, slices.Compact(members)}
	case s.renewal.refused || s.watch.refused:
		return status{alone, []string{s.leases.Own}}
	case had:
		return status{phase: suspended}
	default:
		return status{phase: joining}
	}
}

// step is what the loop does next.
type step string

const (
	stay    step = "nothing to do until something is learned, or until wake"
	renew   step = "renew the Lease"
	follow  step = "list and watch the Leases of the ring"
	release step = "the ring changed: stop serving what another owns now"
	acquire step = "the hand-over is done: serve what was gained"
)

// decide is the next step. The Leases are listed after the own one was made: of two processes that start together, one at least sees the
// other.
func (s *state) decide(now time.Time) step {
	switch {
	case s.renewal.isDue(now):
		return renew
	case s.watch.isDue(now) && !s.renewal.last.IsZero():
		return follow
	case !s.evaluate(now).equal(s.wanted):
		return release
	case (s.owned != s.share || !s.wanted.equal(s.serving)) && !now.Before(s.settled):
		return acquire
	}
	return stay
}

// take brings the state to where it is after a step.
func (s *state) take(step step, now time.Time) {
	switch step {
	case renew:
		s.renewal.running = true
	case follow:
		s.watch.running = true
	case release:
		s.wanted, s.settled = s.evaluate(now), now
		if s.mustWait() {
			s.settled = now.Add(handOver)
		}
		s.share = s.wanted.share(s.leases.Own)
		s.owned = s.owned.And(s.share)
	case acquire:
		s.serving, s.owned = s.wanted, s.share
	case stay:
	}
}

// mustWait reports whether others may own, or come to own, what the process gains. They do not where it is the first, or goes on with the
// Lease of an earlier process.
func (s *state) mustWait() bool {
	first := s.serving.phase == joining && (s.resumed || len(s.wanted.members) == 1)
	return s.wanted.phase == member && !first
}

// wake is when time alone may call for another step; zero: never.
func (s *state) wake(now time.Time) time.Time {
	var next time.Time
	for _, at := range []time.Time{
		s.renewal.due, s.watch.due, s.renewal.last.Add(suspendAfter), s.watch.last.Add(suspendAfter), s.leases.NextExpiry(now), s.settled,
	} {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// renewed takes the result of a renewal. Where the process was suspended, it looks at once who came and went meanwhile.
func (s *state) renewed(r renewal, now time.Time) {
	s.renewal.ended(r.err, now)
	if r.err != nil {
		return
	}
	s.renewal.succeeded(r.began)
	s.renewal.due = r.began.Add(lease.RenewEvery)
	s.resumed = s.resumed || r.resumed
	if s.serving.phase == suspended {
		s.watch.due = now
	}
}

// listed takes a list of all Leases of the ring.
func (s *state) listed(leases []coordinationv1.Lease, now time.Time) {
	s.leases.Replace(leases, now)
	s.watch.succeeded(now)
}

// changed takes an event of the watch. A Lease of its own that another client deleted is made again at once.
func (s *state) changed(kind watch.EventType, changed *coordinationv1.Lease, now time.Time) {
	switch kind {
	case watch.Added, watch.Modified:
		s.leases.Observe(changed, now)
		s.watch.last = s.leases.Current()
	case watch.Deleted:
		s.leases.Remove(changed.Name)
		if changed.Name == s.leases.Own {
			s.renewal.due = now
		}
	}
}

// readiness is nil where a process serves, and else says why it does not.
func (s *state) readiness() error {
	failure := cmp.Or(s.renewal.err, s.watch.err, errors.New("no answer yet"))
	switch s.serving.phase {
	case joining:
		return fmt.Errorf("which objects are this replica's is not known yet: %w", failure)
	case suspended:
		return fmt.Errorf("this replica serves nothing, since it cannot renew its Lease: %w", failure)
	default:
		return nil
	}
}

package shard

import (
	"slices"
	"time"

	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// suspendAfter is how long a replica goes on serving without a renewal of its Lease: it ends before the
// others take its part.
const suspendAfter = 10 * time.Second

// phase is what a replica is in its ring.
type phase string

const (
	unknown   phase = ""          // it does not know yet who else there is
	member    phase = "member"    // it serves its share
	alone     phase = "alone"     // it cannot have a Lease, or not see the others', and serves everything
	suspended phase = "suspended" // it could not renew its Lease, and serves nothing until it can
)

// membershipState is what a replica knows of itself and its ring at one moment.
type membershipState struct {
	renewed time.Time // when it began the last renewal of its Lease that succeeded; zero: never
	seen    time.Time // when it last saw the Leases of the others as they are; zero: never
	refused bool      // it may not have a Lease
	hidden  bool      // it may not see the others'
	live    []string  // the Leases that are live as far as it saw
	self    string    // its own Lease
}

// status is what follows from a membershipState.
type status struct {
	phase   phase
	members []string
}

// evaluate derives the replica's status. A refusal counts at once where there has been no Lease, and else when
// the replica would stop to serve: an API server that starts may refuse what it will permit in a moment.
func (s membershipState) evaluate(now time.Time) status {
	had := !s.renewed.IsZero() && !s.seen.IsZero()
	sees := !s.hidden || now.Sub(s.seen) < suspendAfter
	isMember := had && sees && now.Sub(s.renewed) < suspendAfter
	switch {
	case isMember:
		members := append([]string{s.self}, s.live...) // its own renewal may not have been seen yet
		slices.Sort(members)
		return status{member, slices.Compact(members)}
	case s.refused || s.hidden:
		return status{alone, []string{s.self}}
	case had:
		return status{suspended, nil}
	default:
		return status{unknown, nil}
	}
}

// nextDeadline is when time alone may change the status next, as far as it depends on this replica;
// zero: never.
func (s membershipState) nextDeadline(now time.Time) time.Time {
	next := s.renewed.Add(suspendAfter)
	if hidden := s.seen.Add(suspendAfter); s.hidden && hidden.After(now) && hidden.Before(next) {
		next = hidden
	}
	if !next.After(now) {
		return time.Time{}
	}
	return next
}

// share is the part of the hash space that the replica serves.
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

func (s status) equal(other status) bool {
	return s.phase == other.phase && slices.Equal(s.members, other.members)
}

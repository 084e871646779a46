package shard

import (
	"slices"
	"time"
)

// suspendAfter is how long a replica goes on serving without a renewal of its Lease: it ends before the
// others take its part.
const suspendAfter = 10 * time.Second

// state is what a replica is in its ring.
type state string

const (
	unknown   state = ""          // it does not know yet who else there is
	member    state = "member"    // it serves its share
	alone     state = "alone"     // it cannot have a Lease, or not see the others', and serves everything
	suspended state = "suspended" // it could not renew its Lease, and serves nothing until it can
)

// standing is what a replica knows of itself and its ring at one moment.
type standing struct {
	renewed time.Time // when it began the last renewal of its Lease that succeeded; zero: never
	seen    time.Time // when it last saw the Leases of the others as they are; zero: never
	refused bool      // it may not have a Lease
	hidden  bool      // it may not see the others'
	live    []string  // the Leases that are alive as far as it saw
	self    string    // its own Lease
}

// verdict is what follows from a standing.
type verdict struct {
	state   state
	members []string
}

// judge says what the replica is. A refusal counts at once where there has been no Lease, and else when
// the replica would stop to serve: an API server that starts may refuse what it will permit in a moment.
func (s standing) judge(now time.Time) verdict {
	had := !s.renewed.IsZero() && !s.seen.IsZero()
	sees := !s.hidden || now.Sub(s.seen) < suspendAfter
	holds := had && sees && now.Sub(s.renewed) < suspendAfter
	switch {
	case holds:
		members := append([]string{s.self}, s.live...) // its own renewal may not have been seen yet
		slices.Sort(members)
		return verdict{member, slices.Compact(members)}
	case s.refused || s.hidden:
		return verdict{alone, []string{s.self}}
	case had:
		return verdict{suspended, nil}
	default:
		return verdict{unknown, nil}
	}
}

// nextDeadline is when time alone may change the verdict next, as far as it depends on this replica;
// zero: never.
func (s standing) nextDeadline(now time.Time) time.Time {
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
func (v verdict) share(self string) Share {
	switch v.state {
	case member:
		return Assign(v.members).Share(self)
	case alone:
		return Whole()
	default:
		return Share{}
	}
}

func (v verdict) equal(other verdict) bool {
	return v.state == other.state && slices.Equal(v.members, other.members)
}

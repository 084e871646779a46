// Package session keeps the credentials that drivers obtain: one session per identity, renewed before its end, obtained once
// for all who wait, and let go where the backend refuses it.
package session

import "time"

// Session is what an identity reads with.
type Session[V any] struct {
	Value V
	// Expires is when it ends; zero: never.
	Expires time.Time
	// Renew is when to obtain its successor; not before, and at Expires at the latest.
	Renew time.Time
}

// Until is a session that ends at expires (zero: never) and is renewed a while before that. Where this is more than half of its
// time, it is renewed in the middle: else each read would renew it.
func Until[V any](value V, now, expires time.Time, before time.Duration) Session[V] {
	s := Session[V]{Value: value, Expires: expires}
	if !expires.IsZero() {
		s.Renew = expires.Add(-min(before, expires.Sub(now)/2))
	}
	return s
}

// step is what to do before an identity can read.
type step int

const (
	use    step = iota
	renew       // the session still works, if no other is to be had
	obtain      // there is none that works
)

// held is a session in the cache, or the place of one that was refused.
type held[V any] struct {
	Session[V]
	since    time.Time
	lastUsed time.Time
	// retry is when a renewal that failed is tried again.
	retry time.Time
	// refused: the backend did not accept it. There is no session any more.
	refused bool
	// replaces: it was obtained in place of one that was refused.
	replaces bool
}

func (h *held[V]) next(now time.Time) step {
	switch {
	case h.refused, h.since.IsZero():
		return obtain
	case h.Expires.IsZero():
		return use
	case !now.Before(h.Expires):
		return obtain
	case now.Before(h.Renew), now.Before(h.retry):
		return use
	}
	return renew
}

// postpone puts off the next renewal: the time that is left is divided up, so that not every read tries one.
func (h *held[V]) postpone(now time.Time) { h.retry = now.Add(h.Expires.Sub(now) / 4) }

// believed tells a session whose refusal is not taken for its end: where the backend refuses each, not every read may
// obtain another.
func (h *held[V]) believed(now time.Time, patience time.Duration) bool {
	return h.replaces && now.Sub(h.since) < patience
}

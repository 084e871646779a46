// Package session caches the credentials that drivers obtain: one session per identity, renewed before it expires, obtained once for
// all callers that wait, and dropped where the backend refuses it.
package session

import "time"

// Session is the credential that an identity reads with.
type Session[V any] struct {
	Value V
	// Expires is when it ends; zero: never.
	Expires time.Time
	// Renew is when to obtain the next one: not before, and at Expires at the latest.
	Renew time.Time
}

// Until is a session that expires at a time (zero: never) and is renewed some time before that, but not before half of its life has
// passed: otherwise each read might renew it.
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
	renew       // the session is still valid, in case that the renewal fails
	obtain      // there is no valid session
)

// held is a session in the cache, or the record of one that was refused.
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

// postpone delays the next renewal by a quarter of the time that is left, so that not every read tries one.
func (h *held[V]) postpone(now time.Time) { h.retry = now.Add(h.Expires.Sub(now) / 4) }

// inGracePeriod reports whether a refusal does not end the session yet: where the backend refuses every session, not every read may
// obtain another.
func (h *held[V]) inGracePeriod(now time.Time, grace time.Duration) bool {
	return h.replaces && now.Sub(h.since) < grace
}

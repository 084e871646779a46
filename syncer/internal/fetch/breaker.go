package fetch

import (
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
)

const (
	// breakAfter is how many calls in a row may find the backend down or throttling before it is left alone.
	breakAfter = 3
	// firstProbe and lastProbe are how long it is left alone: the first time, and at most.
	firstProbe = time.Second
	lastProbe  = 5 * time.Second
	// lastRetryAfter is how long a backend may ask to be left alone: more would let one answer stop an identity's refreshes.
	lastRetryAfter = time.Minute
)

// breaker spares a backend that does not answer, and us its timeouts: while it is open, one call per
// step of a back-off probes whether the backend is back. The zero value is closed: calls flow.
type breaker struct {
	failures int           // in a row
	step     int           // probes that failed, and one; 0: closed
	until    time.Time     // of an open breaker: when the next probe may go
	probing  bool          // one is under way
	last     backend.Error // why it opened; its Source is that of the call that said so
}

func (b *breaker) open() bool { return b.step > 0 }

// admits reports whether a call may go now.
func (b *breaker) admits(now time.Time) bool {
	return !b.open() || !b.probing && !now.Before(b.until)
}

// begin records that a call goes.
func (b *breaker) begin() { b.probing = b.open() }

// succeed records that the backend answered, be it with a refusal.
func (b *breaker) succeed() { *b = breaker{} }

// cancel records a call that said nothing about the backend.
func (b *breaker) cancel() { b.probing = false }

// fail records a call that found the backend down or throttling.
func (b *breaker) fail(now time.Time, err *backend.Error) {
	b.failures++
	b.last = *err
	probe := b.probing
	b.probing = false
	switch {
	case b.open() && !probe:
		return // begun before it opened: no news
	case !b.open() && b.failures < breakAfter && err.RetryAfter == 0:
		return
	}
	b.step++
	b.until = now.Add(max(backoff.Step(b.step, firstProbe, lastProbe), min(err.RetryAfter, lastRetryAfter)))
}

// transient reports whether a failure is the backend's, and may pass by itself.
func transient(err *backend.Error) bool {
	return err.Kind == driver.Throttled || err.Kind == driver.Unavailable
}

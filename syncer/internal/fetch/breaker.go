package fetch

import (
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
)

const (
	// breakAfter is how many calls in a row may find the backend down or throttling before the breaker opens.
	breakAfter = 3
	// firstProbe and lastProbe are how long it is open before a probe: the first time, and at most.
	firstProbe = time.Second
	lastProbe  = 5 * time.Second
	// lastRetryAfter is the longest Retry-After that is honoured: more would let one answer stop an identity's refreshes.
	lastRetryAfter = time.Minute
)

// breaker stops calls to a backend that does not answer: while it is open, one call per step of a back-off probes whether the
// backend is back. The zero value is closed: all calls go.
type breaker struct {
	failures int           // in a row
	step     int           // one more than the probes that failed; 0: closed
	until    time.Time     // of an open breaker: when the next probe may go
	probing  bool          // a probe is under way
	last     backend.Error // why it opened; its Source is that of the call that failed
}

func (b *breaker) open() bool { return b.step > 0 }

// admits reports whether a call may go now.
func (b *breaker) admits(now time.Time) bool {
	return !b.open() || !b.probing && !now.Before(b.until)
}

// started records that a call starts.
func (b *breaker) started() { b.probing = b.open() }

// succeeded records that the backend answered, if only to refuse a read.
func (b *breaker) succeeded() { *b = breaker{} }

// canceled records a call that says nothing about the backend.
func (b *breaker) canceled() { b.probing = false }

// failed records a call that found the backend down or throttling.
func (b *breaker) failed(now time.Time, err *backend.Error) {
	b.failures++
	b.last = *err
	probe := b.probing
	b.probing = false
	switch {
	case b.open() && !probe:
		return // the call started before the breaker opened
	case !b.open() && b.failures < breakAfter && err.RetryAfter == 0:
		return
	}
	b.step++
	b.until = now.Add(max(backoff.Step(b.step, firstProbe, lastProbe), min(err.RetryAfter, lastRetryAfter)))
}

// transient reports whether a failure is the backend's, and may end by itself.
func transient(err *backend.Error) bool {
	return err.Kind == driver.Throttled || err.Kind == driver.Unavailable
}

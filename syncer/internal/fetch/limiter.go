package fetch

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	minRate = 0.5 // calls a second, however much a backend throttles
	maxRate = 200 // beyond it there is no limit any more
)

// limiter finds the rate that a backend accepts: it is halved when the backend throttles, and raised by one call a second each
// second that it does not. There is no limit before a backend throttles. The zero value is ready to use.
type limiter struct {
	calls  *rate.Limiter // nil: no limit
	halved time.Time     // when it was last halved

	// The rate that was reached without a limit, which the first halving starts from.
	second time.Time
	count  int
	before int // in the second before
}

// delay is how long to wait before the next call.
func (l *limiter) delay(now time.Time) time.Duration {
	if l.calls == nil {
		return 0
	}
	reservation := l.calls.ReserveN(now, 1)
	defer reservation.CancelAt(now)
	return reservation.DelayFrom(now)
}

// started counts a call.
func (l *limiter) started(now time.Time) {
	if l.calls != nil {
		l.calls.ReserveN(now, 1) // a call that goes without waiting delays later ones
		return
	}
	if passed := now.Sub(l.second); passed >= time.Second {
		l.before = l.count
		if passed >= 2*time.Second {
			l.before = 0
		}
		l.second, l.count = now, 0
	}
	l.count++
}

// throttled halves the rate, once for all calls that were under way together.
func (l *limiter) throttled(now time.Time) {
	if l.calls != nil && now.Sub(l.halved) < time.Second {
		return
	}
	l.halved = now
	if l.calls == nil {
		l.calls = rate.NewLimiter(max(minRate, rate.Limit(max(l.before, l.count))/2), 1)
		l.calls.AllowN(now, 1) // the call that was refused
		return
	}
	l.calls.SetLimitAt(now, max(minRate, l.calls.Limit()/2))
}

// succeeded raises the rate.
func (l *limiter) succeeded(now time.Time) {
	if l.calls == nil {
		return
	}
	if raised := l.calls.Limit() + 1/max(1, l.calls.Limit()); raised < maxRate {
		l.calls.SetLimitAt(now, raised)
		return
	}
	*l = limiter{}
}

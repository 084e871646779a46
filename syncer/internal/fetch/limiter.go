package fetch

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	leastRate = 0.5 // calls a second, however much a backend throttles
	mostRate  = 200 // beyond it the limiter lets go
)

// limiter finds the rate that a backend bears: halved when it throttles, and raised by one call a
// second each second that it does not. Until a backend throttles there is no limit. The zero value
// is ready to use.
type limiter struct {
	calls  *rate.Limiter // nil: no limit
	halved time.Time     // when it was last halved

	// What was reached without a limit: where the first halving starts from.
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

// begin counts a call.
func (l *limiter) begin(now time.Time) {
	if l.calls != nil {
		l.calls.ReserveN(now, 1) // those that must go anyway are made up for
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

// throttled halves the rate, once for all calls that were under way at the time.
func (l *limiter) throttled(now time.Time) {
	if l.calls != nil && now.Sub(l.halved) < time.Second {
		return
	}
	l.halved = now
	if l.calls == nil {
		l.calls = rate.NewLimiter(max(leastRate, rate.Limit(max(l.before, l.count))/2), 1)
		l.calls.AllowN(now, 1) // the call that was refused
		return
	}
	l.calls.SetLimitAt(now, max(leastRate, l.calls.Limit()/2))
}

// succeeded raises it.
func (l *limiter) succeeded(now time.Time) {
	if l.calls == nil {
		return
	}
	if raised := l.calls.Limit() + 1/max(1, l.calls.Limit()); raised < mostRate {
		l.calls.SetLimitAt(now, raised)
		return
	}
	*l = limiter{}
}

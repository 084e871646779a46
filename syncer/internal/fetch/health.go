package fetch

import (
	"errors"
	"fmt"
	"time"
)

// stalledAfter is how long the engine may make no progress before it counts as stalled: longer than any call takes, and longer
// than the API server may keep all workers busy.
const stalledAfter = 5 * time.Minute

// Stalled returns an error where the engine makes no progress though it could. That is a bug, which a restart may cure. A
// backend that is down or throttles does not count.
func (e *Engine) Stalled(now time.Time) error {
	locked := make(chan struct{})
	go func() {
		e.mu.Lock()
		close(locked)
	}()
	select {
	case <-locked:
	case <-time.After(10 * time.Second):
		go func() { <-locked; e.mu.Unlock() }()
		return errors.New("the fetch engine does not answer")
	}
	defer e.mu.Unlock()
	return e.stalled(now)
}

func (e *Engine) stalled(now time.Time) error {
	if e.uncollected > 0 && now.Sub(e.lastCollected) > stalledAfter {
		waited := now.Sub(e.lastCollected).Round(time.Second)
		return fmt.Errorf("what was read for %d objects has not been collected for %s", e.uncollected, waited)
	}
	for _, st := range e.stores {
		limited := st.breaker.open() || st.limiter.calls != nil
		progresses := now.Sub(st.lastCallEnded) <= stalledAfter
		waitsForOthers := st.waitsForShare && now.Sub(e.lastCallEnded) <= stalledAfter
		if limited || progresses || waitsForOthers {
			continue
		}
		if late := st.overdue(now); late > stalledAfter {
			return fmt.Errorf("a source of %s should have been read %s ago", st.Backend, late.Round(time.Second))
		}
	}
	return nil
}

// overdue is how long the source that is most overdue has been so.
func (st *store) overdue(now time.Time) (late time.Duration) {
	for _, s := range st.sources {
		switch {
		case s.position >= 0:
			late = max(late, now.Sub(s.due))
		case s.element != nil:
			late = max(late, now.Sub(s.waitingSince))
		case s.underway:
			late = max(late, now.Sub(s.startedAt))
		}
	}
	return late
}

// snapshot is what the metrics show.
type snapshot struct {
	sources, breakers map[string]int // by backend
	waiting           [2]int         // by priority
	calls, ready      int
	overdue           time.Duration
	stalled           bool
}

func (e *Engine) snapshot(now time.Time) snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := snapshot{sources: map[string]int{}, breakers: map[string]int{}, ready: e.ready, stalled: e.stalled(now) != nil}
	if e.shares != nil {
		s.calls = e.shares.calls.Held() + e.shares.trials.Held()
	}
	for _, st := range e.stores {
		name := string(st.Backend)
		s.sources[name] += len(st.sources)
		if st.breaker.open() {
			s.breakers[name]++
		}
		for priority := range st.byPriority {
			s.waiting[priority] += st.byPriority[priority].singles.Len() + st.byPriority[priority].batches.Len()
		}
		s.overdue = max(s.overdue, st.overdue(now))
	}
	return s
}

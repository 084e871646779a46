package fetch

import (
	"errors"
	"fmt"
	"time"
)

// stalledAfter is how long the engine may leave undone what it could do before it counts as stalled: longer than any
// call takes, and than the API server may keep all workers busy.
const stalledAfter = 5 * time.Minute

// Stalled returns an error where the engine makes no progress though it could: a mistake of ours, that a restart may
// cure. A backend that is down, or throttles, is no such case.
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
	if e.untaken > 0 && now.Sub(e.taken) > stalledAfter {
		return fmt.Errorf("what was read for %d objects has not been taken for %s", e.untaken, now.Sub(e.taken).Round(time.Second))
	}
	for _, sc := range e.scopes {
		if sc.breaker.open() || sc.limiter.calls != nil || now.Sub(sc.ended) <= stalledAfter || sc.gated && now.Sub(e.ended) <= stalledAfter {
			continue // it is left alone, or makes progress, or others do with what it waits for
		}
		if late := sc.overdue(now); late > stalledAfter {
			return fmt.Errorf("a source of %s should have been read %s ago", sc.Backend, late.Round(time.Second))
		}
	}
	return nil
}

// overdue is how long the source that is most overdue has been so.
func (sc *scope) overdue(now time.Time) (late time.Duration) {
	for _, s := range sc.sources {
		switch {
		case s.position >= 0:
			late = max(late, now.Sub(s.due))
		case s.element != nil:
			late = max(late, now.Sub(s.wanted))
		case s.underway:
			late = max(late, now.Sub(s.began))
		}
	}
	return late
}

// snapshot is what the metrics show.
type snapshot struct {
	sources, breakers map[string]int // by backend
	waiting           [2]int         // by lane
	calls, holding    int
	overdue           time.Duration
	stalled           bool
}

func (e *Engine) snapshot(now time.Time) snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := snapshot{sources: map[string]int{}, breakers: map[string]int{}, holding: e.holding, stalled: e.stalled(now) != nil}
	if e.shares != nil {
		s.calls = e.shares.calls.Held() + e.shares.trials.Held()
	}
	for _, sc := range e.scopes {
		name := string(sc.Backend)
		s.sources[name] += len(sc.sources)
		if sc.breaker.open() {
			s.breakers[name]++
		}
		for l := range sc.lanes {
			s.waiting[l] += sc.lanes[l].singles.Len() + sc.lanes[l].batches.Len()
		}
		s.overdue = max(s.overdue, sc.overdue(now))
	}
	return s
}

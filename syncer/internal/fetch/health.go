package fetch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// stalledAfter is how long the engine may make no progress before it counts as stalled: longer than any call takes, and longer
// than the API server may keep all workers busy.
const stalledAfter = 5 * time.Minute

// Stalled returns an error where the engine makes no progress though it could. That is a bug, which a restart may cure. A
// backend that is down or throttles does not count.
func (e *Engine) Stalled(now time.Time) error {
	answer := make(chan error, 1)
	go func() { answer <- e.snapshot(now).stalled }()
	select {
	case err := <-answer:
		return err
	case <-time.After(10 * time.Second):
		return errors.New("the fetch engine does not answer")
	}
}

// health is what shows whether a Store makes progress.
type health struct {
	backend       string
	sources       int
	waiting       [2]int        // by priority
	overdue       time.Duration // of the source that is most overdue
	broken        bool          // its breaker is open
	limited       bool          // the backend throttles
	lacksShare    bool          // it waits for others' calls to end, or for values to be collected
	lastCallEnded time.Time
}

func (st *store) health(now time.Time) health {
	st.mu.Lock()
	defer st.mu.Unlock()
	s := &st.state
	h := health{
		backend: string(st.Backend), sources: len(s.sources), overdue: s.overdue(now), broken: s.breaker.open(),
		limited: s.limiter.calls != nil, lacksShare: s.lacksShare, lastCallEnded: st.lastCallEnded,
	}
	for priority := range s.byPriority {
		h.waiting[priority] = s.byPriority[priority].singles.Len() + s.byPriority[priority].batches.Len()
	}
	return h
}

// overdue is how long the source that is most overdue has been so.
func (s *state) overdue(now time.Time) (late time.Duration) {
	for _, src := range s.sources {
		switch {
		case src.place.position >= 0:
			late = max(late, now.Sub(src.place.due))
		case src.place.element != nil:
			late = max(late, now.Sub(src.progress.waitingSince))
		case src.underway():
			late = max(late, now.Sub(src.progress.startedAt))
		}
	}
	return late
}

// stalled returns an error where a Store makes no progress though it could.
func (h *health) stalled(now time.Time, all headway) error {
	progresses := now.Sub(h.lastCallEnded) <= stalledAfter
	waitsForOthers := h.lacksShare && now.Sub(all.lastCallEnded) <= stalledAfter
	if h.broken || h.limited || progresses || waitsForOthers || h.overdue <= stalledAfter {
		return nil
	}
	return fmt.Errorf("a source of %s should have been read %s ago", h.backend, h.overdue.Round(time.Second))
}

// stalled returns an error where what was read is not collected.
func (h headway) stalled(now time.Time) error {
	waited := now.Sub(h.lastCollected)
	if h.uncollected == 0 || waited <= stalledAfter {
		return nil
	}
	return fmt.Errorf("what was read for %d objects has not been collected for %s", h.uncollected, waited.Round(time.Second))
}

// snapshot is what the metrics show.
type snapshot struct {
	sources, breakers map[string]int // by backend
	waiting           [2]int         // by priority
	calls, ready      int
	overdue           time.Duration
	stalled           error // nil: it makes progress
}

func (e *Engine) snapshot(now time.Time) snapshot {
	s := snapshot{sources: map[string]int{}, breakers: map[string]int{}}
	stores, shares := e.parts()
	headway, calls := shares.headway()
	s.calls, s.ready, s.stalled = calls, headway.ready, headway.stalled(now)
	for _, st := range stores {
		h := st.health(now)
		s.sources[h.backend] += h.sources
		if h.broken {
			s.breakers[h.backend]++
		}
		for priority, n := range h.waiting {
			s.waiting[priority] += n
		}
		s.overdue = max(s.overdue, h.overdue)
		if s.stalled == nil {
			s.stalled = h.stalled(now, headway)
		}
	}
	return s
}

// parts are the engine's Stores and shares, to look at without its lock.
func (e *Engine) parts() ([]*store, *shares) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.prepare()
	return slices.Collect(maps.Values(e.stores)), e.shares
}

// headway is the progress of the engine as a whole, and how many calls are under way.
func (s *shares) headway() (headway, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress, s.calls.Held() + s.trials.Held()
}

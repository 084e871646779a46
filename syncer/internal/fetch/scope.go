package fetch

import (
	"container/heap"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// How many calls may be under way.
const (
	maxCalls             = 128 // in all
	maxForegroundBatches = 8   // of one scope, and so on
	maxForegroundReads   = 32
	maxBackgroundBatches = 2
	maxBackgroundReads   = 16
)

// What may wait to be taken before no more is read. Failures hold no values, and must not keep their own end from being noticed.
const (
	maxHolding   = 512
	maxHeldBytes = 32 << 20
)

// scope is the sources of one identity at one backend. Scopes share nothing but the bounds above, so
// that one tenant's trouble is nobody else's.
type scope struct {
	plan.Scope
	sources   map[plan.Read]*source
	scheduled schedule
	lanes     [2]lane
	breaker   breaker
	limiter   limiter
	unbatched time.Time // until when batches are not tried, since they fail as such
	timer     *time.Timer
}

// lane is what waits for a call, apart by how it can be read.
type lane struct {
	singles, batches     queue
	underway, batchesNow int // calls; the latter are batches
}

func (e *Engine) scope(s plan.Scope) *scope {
	if e.scopes == nil {
		e.scopes = map[plan.Scope]*scope{}
	}
	sc := e.scopes[s]
	if sc == nil {
		sc = &scope{Scope: s, sources: map[plan.Read]*source{}}
		e.scopes[s] = sc
	}
	return sc
}

// closeIfEmpty forgets a scope that nobody reads from any more.
func (e *Engine) closeIfEmpty(sc *scope) {
	if len(sc.sources) > 0 {
		return
	}
	if sc.timer != nil {
		sc.timer.Stop()
	}
	delete(e.scopes, sc.Scope)
	delete(e.waiting, sc)
}

func (sc *scope) source(s plan.Source, reader Reader) *source {
	known := sc.sources[s.Read]
	if known == nil {
		known = &source{Source: s, scope: sc, phase: phase(s), batch: reader.BatchSize(s), position: -1}
		sc.sources[s.Read] = known
	}
	return known
}

// enqueue has a source read as soon as possible. One that waits already may move to the front lane.
func (sc *scope) enqueue(s *source, l Lane) {
	if s.underway {
		return // it is seen to when that is done
	}
	if s.element != nil && (l == Background || s.queue == &sc.lanes[Foreground].singles || s.queue == &sc.lanes[Foreground].batches) {
		return
	}
	s.unschedule()
	s.refresh = l == Background
	now := time.Now()
	if s.wanted.IsZero() {
		s.wanted = now
	}
	if sc.batches(s, now) {
		sc.lanes[l].batches.push(s)
		return
	}
	sc.lanes[l].singles.push(s)
}

func (sc *scope) batches(s *source, now time.Time) bool {
	return s.batch > 1 && !now.Before(s.alone) && !now.Before(sc.unbatched)
}

// readSingly has no batches tried until a time, nor those that wait already.
func (sc *scope) readSingly(until time.Time) {
	sc.unbatched = until
	for i := range sc.lanes {
		l := &sc.lanes[i]
		for _, s := range l.batches.take(l.batches.Len()) {
			l.singles.push(s)
		}
	}
}

// dispatch makes all the calls of a scope that may go now, and sets the clock for the next ones.
func (e *Engine) dispatch(sc *scope) {
	if e.ctx == nil || e.ctx.Err() != nil || e.scopes[sc.Scope] != sc {
		return
	}
	delete(e.waiting, sc)
	now := time.Now()
	for len(sc.scheduled) > 0 && !sc.scheduled[0].due.After(now) {
		sc.enqueue(sc.scheduled[0], sc.scheduled[0].lane())
	}
	if sc.breaker.open() {
		e.expire(sc, now)
		if sc.breaker.admits(now) && !sc.waits() && len(sc.scheduled) > 0 {
			sc.enqueue(sc.scheduled[0], Background) // the next one is the probe, due or not
		}
	}
	for sc.waits() && sc.breaker.admits(now) && sc.limiter.delay(now) == 0 {
		if e.calls >= maxCalls || e.holding >= maxHolding || e.bytes >= maxHeldBytes && e.holding > 0 {
			e.wait(sc)
			break
		}
		sources, l := sc.next(now)
		if len(sources) == 0 {
			break
		}
		e.launch(sc, l, sources, now)
	}
	e.arm(sc, now)
}

func (e *Engine) wait(sc *scope) {
	if e.waiting == nil {
		e.waiting = map[*scope]bool{}
	}
	e.waiting[sc] = true
}

// resume gives the scopes that wait another chance.
func (e *Engine) resume() {
	if len(e.waiting) == 0 || e.calls >= maxCalls || e.holding >= maxHolding {
		return
	}
	waiting := e.waiting
	e.waiting = nil
	for sc := range waiting {
		e.dispatch(sc)
	}
}

func (sc *scope) queues() [4]*queue {
	return [...]*queue{
		&sc.lanes[Foreground].singles, &sc.lanes[Foreground].batches,
		&sc.lanes[Background].singles, &sc.lanes[Background].batches,
	}
}

// waits tells whether anything waits for a call.
func (sc *scope) waits() bool {
	for _, q := range sc.queues() {
		if q.Len() > 0 {
			return true
		}
	}
	return false
}

// next takes the sources of the next call from the lanes. A lone read never waits for a batch to fill;
// what comes while a batch is under way forms the next one, or goes as soon as it is a full one.
func (sc *scope) next(now time.Time) ([]*source, Lane) {
	front, back := &sc.lanes[Foreground], &sc.lanes[Background]
	if front.singles.Len() > 0 && front.underway < maxForegroundReads {
		return front.singles.take(1), Foreground
	}
	if waiting := front.batches.Len(); waiting > 0 && front.batchesNow < maxForegroundBatches {
		size := front.batches.first().batch
		if waiting >= size || front.batchesNow == 0 {
			sources := front.batches.take(size)
			return append(sources, back.batches.take(size-len(sources))...), Foreground
		}
	}
	if back.singles.Len() > 0 && back.underway < maxBackgroundReads {
		return back.singles.take(1), Background
	}
	if back.batches.Len() > 0 && back.batchesNow < maxBackgroundBatches {
		size := back.batches.first().batch
		sources := back.batches.take(size)
		return append(sources, sc.early(size-len(sources), now)...), Background
	}
	return nil, Background
}

// early takes sources that are due next, to fill a batch that goes anyway. Not those that failed: they
// have reason to wait.
func (sc *scope) early(n int, now time.Time) []*source {
	var taken, left []*source
	for len(taken) < n && len(left) < n && len(sc.scheduled) > 0 {
		s := heap.Pop(&sc.scheduled).(*source) //nolint:errcheck // the heap holds nothing else
		if s.failures == 0 && sc.batches(s, now) {
			s.refresh = true
			taken = append(taken, s)
		} else {
			left = append(left, s)
		}
	}
	for _, s := range left {
		heap.Push(&sc.scheduled, s)
	}
	return taken
}

// expire fails what has waited for too long for a backend that is left alone.
func (e *Engine) expire(sc *scope, now time.Time) {
	for _, q := range sc.queues() {
		for s := q.first(); s != nil && now.Sub(s.wanted) >= patience; s = q.first() {
			q.remove(s)
			s.reads++ // one that did not come about
			e.settle(s, reading{err: sc.breaker.last.For(s.Read)})
		}
	}
}

// release has everything read now that failed while the backend was down.
func (sc *scope) release(now time.Time) {
	for _, s := range sc.sources {
		if s.err != nil && transient(s.err) && !s.underway {
			s.schedule(now)
		}
	}
}

// arm sets the clock for when dispatch has something to do again without being told.
func (e *Engine) arm(sc *scope, now time.Time) {
	next := time.Time{}
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if len(sc.scheduled) > 0 {
		soonest(sc.scheduled[0].due)
	}
	if sc.breaker.open() {
		for _, q := range sc.queues() {
			if s := q.first(); s != nil {
				soonest(s.wanted.Add(patience))
			}
		}
		if !sc.breaker.probing && len(sc.sources) > 0 && !e.waiting[sc] {
			soonest(sc.breaker.until)
		}
	}
	if delay := sc.limiter.delay(now); delay > 0 && sc.waits() {
		soonest(now.Add(delay))
	}
	switch {
	case next.IsZero() && sc.timer != nil:
		sc.timer.Stop()
	case next.IsZero():
	case sc.timer == nil:
		sc.timer = time.AfterFunc(next.Sub(now), func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.dispatch(sc)
		})
	default:
		sc.timer.Reset(next.Sub(now))
	}
}

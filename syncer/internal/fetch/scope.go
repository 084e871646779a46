package fetch

import (
	"container/heap"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// How many calls of one scope may be under way. Those of one source are shared among namespaces.
const (
	maxForegroundBatches = 8
	maxForegroundReads   = 32
	maxBackgroundBatches = 2
	maxBackgroundReads   = 16
	maxScopeTrials       = 2 // until it has answered
)

// scope is the sources of one Store. Scopes share nothing but what shares holds, so
// that one tenant's trouble is no other's.
type scope struct {
	plan.Store
	sources   map[plan.Read]*source
	scheduled schedule
	lanes     [2]lane
	breaker   breaker
	limiter   limiter
	proven    bool      // the backend has answered, be it with a refusal
	gated     bool      // it waits for a share
	ended     time.Time // when a call last ended
	unbatched time.Time // until when batches are not tried, since they fail as such
	timer     *time.Timer
}

func (e *Engine) scope(s plan.Store) *scope {
	sc := e.scopes[s]
	if sc == nil {
		sc = &scope{Store: s, sources: map[plan.Read]*source{}}
		sc.lanes[Foreground].calls.Capacity, sc.lanes[Foreground].batchCalls.Capacity = maxForegroundReads, maxForegroundBatches
		sc.lanes[Background].calls.Capacity, sc.lanes[Background].batchCalls.Capacity = maxBackgroundReads, maxBackgroundBatches
		e.scopes[s] = sc
	}
	return sc
}

// closeIfEmpty forgets a scope that has no source any more.
func (e *Engine) closeIfEmpty(sc *scope) {
	if len(sc.sources) > 0 {
		return
	}
	if sc.timer != nil {
		sc.timer.Stop()
	}
	delete(e.scopes, sc.Store)
	e.Reader.Forget(sc.Store)
}

func (sc *scope) source(s plan.Source, reader Reader) *source {
	known := sc.sources[s.Read]
	if known == nil {
		known = &source{Read: s.Read, scope: sc, phase: phase(s), batch: reader.BatchSize(s), position: -1}
		sc.sources[s.Read] = known
	}
	return known
}

// enqueue has a source read as soon as possible, out of a namespace's share; an empty one stands for that of the read before.
// One that waits already may move to the front lane, or to a namespace whose turn comes sooner.
func (sc *scope) enqueue(s *source, l Lane, namespace string) {
	if s.underway {
		return // it is seen to when that is done
	}
	if s.element != nil && (l == Background || s.queue == &sc.lanes[Foreground].singles || s.queue == &sc.lanes[Foreground].batches) {
		q := s.queue
		if namespace == "" || namespace == s.namespace || q.Waiting(namespace) >= q.Waiting(s.namespace) {
			return
		}
		q.remove(s)
		s.namespace = namespace
		q.push(s)
		return
	}
	s.unschedule()
	if namespace != "" {
		s.namespace = namespace
	}
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
		for _, s := range l.batches.take(l.batches.Len(), nil) {
			l.singles.push(s)
		}
	}
}

// dispatch makes all the calls of a scope that may go now, and sets the clock for the next ones.
func (e *Engine) dispatch(sc *scope) {
	if e.ctx == nil || e.ctx.Err() != nil || e.scopes[sc.Store] != sc {
		return
	}
	now := time.Now()
	for len(sc.scheduled) > 0 && !sc.scheduled[0].due.After(now) {
		sc.enqueue(sc.scheduled[0], sc.scheduled[0].lane(), "")
	}
	if sc.breaker.open() {
		e.expire(sc, now)
		if sc.breaker.admits(now) && !sc.waits() && len(sc.scheduled) > 0 {
			sc.enqueue(sc.scheduled[0], Background, "") // the next one is the probe, due or not
		}
	}
	may := func(namespace string) bool {
		_, ok := e.shares.may(sc, namespace)
		return ok
	}
	sc.gated = false
	for sc.waits() && sc.admits(now) {
		sources, l := sc.next(now, may)
		if len(sources) == 0 {
			sc.gated = e.shares.wait(sc)
			break
		}
		e.launch(sc, l, sources, now)
	}
	e.arm(sc, now)
}

// dispatchFor dispatches all scopes that an object reads of.
func (e *Engine) dispatchFor(o *object) {
	for _, sc := range o.scopes() {
		e.dispatch(sc)
	}
}

// admits reports whether the scope as such bears another call now.
func (sc *scope) admits(now time.Time) bool {
	underway := sc.lanes[Foreground].calls.Held() + sc.lanes[Background].calls.Held()
	return sc.breaker.admits(now) && sc.limiter.delay(now) == 0 && (sc.proven || underway < maxScopeTrials)
}

// resume gives those that wait for a share of something another chance.
func (e *Engine) resume() {
	if e.shares == nil {
		return
	}
	for o, ok := e.shares.fits(); ok; o, ok = e.shares.fits() {
		lane := o.demand.lane
		e.release(o)
		e.want(o, lane, false, nil, nil)
		e.dispatchFor(o)
	}
	for sc, ok := e.shares.next(); ok; sc, ok = e.shares.next() {
		e.dispatch(sc)
	}
}

func (sc *scope) queues() [4]*queue {
	return [...]*queue{
		&sc.lanes[Foreground].singles, &sc.lanes[Foreground].batches,
		&sc.lanes[Background].singles, &sc.lanes[Background].batches,
	}
}

// waits reports whether anything waits for a call.
func (sc *scope) waits() bool {
	for _, q := range sc.queues() {
		if q.Len() > 0 {
			return true
		}
	}
	return false
}

// next takes the sources of the next call from the lanes, of namespaces that may call. A lone read never waits for a batch to
// fill; what comes while a batch is under way forms the next one, or goes as soon as it is a full one.
func (sc *scope) next(now time.Time, may func(namespace string) bool) ([]*source, Lane) {
	front, back := &sc.lanes[Foreground], &sc.lanes[Background]
	if sources := front.single(may); sources != nil {
		return sources, Foreground
	}
	if first, ok := front.batch(may); ok && (front.batches.Len() >= first.batch || front.batchCalls.Held() == 0) {
		sources := front.fill(first, may)
		return append(sources, back.batches.take(first.batch-len(sources), back.riders(first, may))...), Foreground
	}
	if sources := back.single(may); sources != nil {
		return sources, Background
	}
	if first, ok := back.batch(may); ok {
		sources := back.fill(first, may)
		return append(sources, sc.early(first.batch-len(sources), now)...), Background
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
		for s := q.late(now); s != nil; s = q.late(now) {
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
			for _, s := range q.Fronts {
				soonest(s.wanted.Add(patience))
			}
		}
		if !sc.breaker.probing && len(sc.sources) > 0 && !sc.gated {
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

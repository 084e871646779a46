package fetch

import (
	"container/heap"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// How many calls of one store may be under way. Its namespaces share them.
const (
	maxForegroundBatches = 8
	maxForegroundReads   = 32
	maxBackgroundBatches = 2
	maxBackgroundReads   = 16
	maxStoreTrials       = 2 // until it has answered
)

// store is the state of one plan.Store: its sources, its breaker and its limiter. Stores have nothing in common but shares, so
// that the trouble of one tenant does not reach another.
type store struct {
	plan.Store
	sources       map[plan.Read]*source
	scheduled     schedule
	byPriority    [2]callQueue
	breaker       breaker
	limiter       limiter
	answered      bool      // the backend has answered, if only to refuse a read
	waitsForShare bool      // it may not call before others release what they hold of shares
	lastCallEnded time.Time // when a call last ended
	singleUntil   time.Time // until then no batches are tried, since they fail as such
	timer         *time.Timer
}

func (e *Engine) store(s plan.Store) *store {
	st := e.stores[s]
	if st == nil {
		st = &store{Store: s, sources: map[plan.Read]*source{}}
		st.byPriority[Foreground].calls.Capacity, st.byPriority[Foreground].batchCalls.Capacity = maxForegroundReads, maxForegroundBatches
		st.byPriority[Background].calls.Capacity, st.byPriority[Background].batchCalls.Capacity = maxBackgroundReads, maxBackgroundBatches
		e.stores[s] = st
	}
	return st
}

// closeIfEmpty forgets a store that has no source any more.
func (e *Engine) closeIfEmpty(st *store) {
	if len(st.sources) > 0 {
		return
	}
	if st.timer != nil {
		st.timer.Stop()
	}
	delete(e.stores, st.Store)
	e.Reader.Forget(st.Store)
}

func (st *store) source(s plan.Source, reader Reader) *source {
	known := st.sources[s.Read]
	if known == nil {
		known = &source{Read: s.Read, store: st, phase: phase(s), batch: reader.BatchSize(s), position: -1}
		st.sources[s.Read] = known
	}
	return known
}

// enqueue has a source read as soon as possible, out of a namespace's share; an empty namespace means that of the last read.
// A source that waits already may move to a higher priority, or to a namespace that has its turn sooner.
func (st *store) enqueue(s *source, priority Priority, namespace string) {
	if s.underway {
		return // handleReading decides when the read is done
	}
	front := &st.byPriority[Foreground]
	if s.element != nil && (priority == Background || s.queue == &front.singles || s.queue == &front.batches) {
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
	s.refresh = priority == Background
	now := time.Now()
	if s.waitingSince.IsZero() {
		s.waitingSince = now
	}
	if st.batches(s, now) {
		st.byPriority[priority].batches.push(s)
		return
	}
	st.byPriority[priority].singles.push(s)
}

func (st *store) batches(s *source, now time.Time) bool {
	return s.batch > 1 && !now.Before(s.singleUntil) && !now.Before(st.singleUntil)
}

// readSingly stops batches until a time, those that wait already included.
func (st *store) readSingly(until time.Time) {
	st.singleUntil = until
	for i := range st.byPriority {
		q := &st.byPriority[i]
		for _, s := range q.batches.take(q.batches.Len(), nil) {
			q.singles.push(s)
		}
	}
}

// dispatch launches all calls of a store that may go now, and sets the timer for the next ones.
func (e *Engine) dispatch(st *store) {
	if e.ctx == nil || e.ctx.Err() != nil || e.stores[st.Store] != st {
		return
	}
	now := time.Now()
	for len(st.scheduled) > 0 && !st.scheduled[0].due.After(now) {
		st.enqueue(st.scheduled[0], st.scheduled[0].priority(), "")
	}
	if st.breaker.open() {
		e.failWaiting(st, now)
		if st.breaker.admits(now) && !st.hasWaiting() && len(st.scheduled) > 0 {
			st.enqueue(st.scheduled[0], Background, "") // this is the probe, whether the source is due or not
		}
	}
	may := func(namespace string) bool {
		_, ok := e.shares.mayCall(st, namespace)
		return ok
	}
	st.waitsForShare = false
	for st.hasWaiting() && st.admits(now) {
		sources, priority := st.next(now, may)
		if len(sources) == 0 {
			st.waitsForShare = e.shares.wait(st)
			break
		}
		e.launch(st, priority, sources, now)
	}
	e.setTimer(st, now)
}

// dispatchFor dispatches all stores that an object reads from.
func (e *Engine) dispatchFor(o *object) {
	for _, st := range o.stores() {
		e.dispatch(st)
	}
}

// admits reports whether the store's breaker and limits permit another call now.
func (st *store) admits(now time.Time) bool {
	underway := st.byPriority[Foreground].calls.Held() + st.byPriority[Background].calls.Held()
	return st.breaker.admits(now) && st.limiter.delay(now) == 0 && (st.answered || underway < maxStoreTrials)
}

// resume retries what waits for a share: deferred requests, and stores.
func (e *Engine) resume() {
	if e.shares == nil {
		return
	}
	for o, ok := e.shares.nextFitting(); ok; o, ok = e.shares.nextFitting() {
		priority := o.request.priority
		e.dropRequest(o)
		e.startRequest(o, priority, false, nil, nil)
		e.dispatchFor(o)
	}
	for st, ok := e.shares.next(); ok; st, ok = e.shares.next() {
		e.dispatch(st)
	}
}

func (st *store) queues() [4]*queue {
	return [...]*queue{
		&st.byPriority[Foreground].singles, &st.byPriority[Foreground].batches,
		&st.byPriority[Background].singles, &st.byPriority[Background].batches,
	}
}

// hasWaiting reports whether a source waits for a call.
func (st *store) hasWaiting() bool {
	for _, q := range st.queues() {
		if q.Len() > 0 {
			return true
		}
	}
	return false
}

// next takes the sources of the next call from the queues, of namespaces that may call. A single read never waits for a batch
// to fill. What comes while a batch is under way forms the next batch, or goes as soon as it fills one.
func (st *store) next(now time.Time, may func(namespace string) bool) ([]*source, Priority) {
	front, back := &st.byPriority[Foreground], &st.byPriority[Background]
	if sources := front.single(may); sources != nil {
		return sources, Foreground
	}
	if first, ok := front.batch(may); ok && (front.batches.Len() >= first.batch || front.batchCalls.Held() == 0) {
		sources := front.fill(first, may)
		return append(sources, back.batches.take(first.batch-len(sources), back.mayFill(first, may))...), Foreground
	}
	if sources := back.single(may); sources != nil {
		return sources, Background
	}
	if first, ok := back.batch(may); ok {
		sources := back.fill(first, may)
		return append(sources, st.nextDue(first.batch-len(sources), now)...), Background
	}
	return nil, Background
}

// nextDue takes sources that are due next, to fill a batch that goes anyway. It leaves those that failed: they back off.
func (st *store) nextDue(n int, now time.Time) []*source {
	var taken, left []*source
	for len(taken) < n && len(left) < n && len(st.scheduled) > 0 {
		s := heap.Pop(&st.scheduled).(*source) //nolint:errcheck // the heap holds nothing else
		if s.failures == 0 && st.batches(s, now) {
			s.refresh = true
			taken = append(taken, s)
		} else {
			left = append(left, s)
		}
	}
	for _, s := range left {
		heap.Push(&st.scheduled, s)
	}
	return taken
}

// failWaiting fails the sources that have waited longer than the grace period while the breaker is open.
func (e *Engine) failWaiting(st *store, now time.Time) {
	for _, q := range st.queues() {
		for s := q.pastGracePeriod(now); s != nil; s = q.pastGracePeriod(now) {
			q.remove(s)
			s.reads++ // a read that was not made
			e.handleReading(s, reading{err: st.breaker.last.For(s.Read)})
		}
	}
}

// retryFailed schedules all sources now that failed while the backend was down.
func (st *store) retryFailed(now time.Time) {
	for _, s := range st.sources {
		if s.err != nil && transient(s.err) && !s.underway {
			s.schedule(now)
		}
	}
}

// setTimer has dispatch called when it next has something to do.
func (e *Engine) setTimer(st *store, now time.Time) {
	next := time.Time{}
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if len(st.scheduled) > 0 {
		soonest(st.scheduled[0].due)
	}
	if st.breaker.open() {
		for _, q := range st.queues() {
			for _, s := range q.Fronts {
				soonest(s.waitingSince.Add(gracePeriod))
			}
		}
		if !st.breaker.probing && len(st.sources) > 0 && !st.waitsForShare {
			soonest(st.breaker.until)
		}
	}
	if delay := st.limiter.delay(now); delay > 0 && st.hasWaiting() {
		soonest(now.Add(delay))
	}
	switch {
	case next.IsZero() && st.timer != nil:
		st.timer.Stop()
	case next.IsZero():
	case st.timer == nil:
		st.timer = time.AfterFunc(next.Sub(now), func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.dispatch(st)
		})
	default:
		st.timer.Reset(next.Sub(now))
	}
}

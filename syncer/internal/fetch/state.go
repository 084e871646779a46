package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// How many calls of one Store may be under way. Its namespaces share them.
const (
	maxForegroundBatches = 8
	maxForegroundReads   = 32
	maxBackgroundBatches = 2
	maxBackgroundReads   = 16
	maxStoreTrials       = 2 // until it has answered
)

// state is all that decides what a Store does next: its sources, where they wait, and what is known of its backend.
type state struct {
	sources     map[plan.Read]*source
	scheduled   schedule
	byPriority  [2]callQueue
	breaker     breaker
	limiter     limiter
	answered    bool      // the backend has answered, if only to refuse a read
	singleUntil time.Time // until then no batches are tried, since they fail as such
	lacksShare  bool      // when it last rested, it might not call before others release what they hold of shares
}

func newState() state {
	s := state{sources: map[plan.Read]*source{}}
	s.byPriority[Foreground].calls.Capacity, s.byPriority[Foreground].batchCalls.Capacity = maxForegroundReads, maxForegroundBatches
	s.byPriority[Background].calls.Capacity, s.byPriority[Background].batchCalls.Capacity = maxBackgroundReads, maxBackgroundBatches
	return s
}

// action is what a Store does next.
type action string

const (
	rest   action = "nothing, until a time or a message"
	queued action = "a source is due: it waits for a call now"
	probe  action = "the breaker lets a call go, and no source waits: the one that is due next does"
	fail   action = "a source has waited for a backend that is down for as long as objects shall: they learn of it"
	launch action = "read a source, or a batch"
)

// step is one action of a Store.
type step struct {
	action   action
	source   *source   // the one that it is about; of launch: the first one of the call
	priority Priority  // of the call
	until    time.Time // of rest; zero: until a message comes
	lacking  []string  // of rest: namespaces that may not call before others release what they hold of shares
}

// decide is what a Store does next. may reports whether the share of a namespace permits a call.
func (s *state) decide(now time.Time, may func(namespace string) bool) step {
	if len(s.scheduled) > 0 && !s.scheduled[0].place.due.After(now) {
		return step{action: queued, source: s.scheduled[0]}
	}
	if s.breaker.open() {
		if next, ok := s.decideDown(now); ok {
			return next
		}
	}
	return s.decideCall(now, may)
}

// decideDown is what a Store does about a backend that is down, beside trying a call for what waits.
func (s *state) decideDown(now time.Time) (next step, ok bool) {
	if late := s.pastGracePeriod(now); late != nil {
		return step{action: fail, source: late}, true
	}
	if s.breaker.admits(now) && !s.hasWaiting() && len(s.scheduled) > 0 {
		return step{action: probe, source: s.scheduled[0]}, true
	}
	return next, false
}

// decideCall is the next call of a Store, or its rest.
func (s *state) decideCall(now time.Time, may func(namespace string) bool) step {
	var lacking []string
	if s.admits(now) && s.hasWaiting() {
		first, priority := s.next(func(namespace string) bool {
			ok := may(namespace)
			if !ok {
				lacking = append(lacking, namespace)
			}
			return ok
		})
		if first != nil {
			return step{action: launch, source: first, priority: priority}
		}
	}
	return step{action: rest, until: s.restsUntil(now, len(lacking) > 0), lacking: lacking}
}

// admits reports whether the Store's breaker and limits permit another call now.
func (s *state) admits(now time.Time) bool {
	underway := s.byPriority[Foreground].calls.Held() + s.byPriority[Background].calls.Held()
	return s.breaker.admits(now) && s.limiter.delay(now) == 0 && (s.answered || underway < maxStoreTrials)
}

// trial reports whether the next call is one to a backend that never answered, or that is down.
func (s *state) trial() bool { return !s.answered || s.breaker.open() }

// next is the first source of the next call, of a namespace that may call; nil where there is none. A single read never waits for a
// batch to fill. What comes while a batch is under way forms the next batch, or goes as soon as it fills one.
func (s *state) next(may func(namespace string) bool) (*source, Priority) {
	front, back := &s.byPriority[Foreground], &s.byPriority[Background]
	first := front.single(may)
	if first == nil {
		if first = front.batch(may); first != nil && front.batches.Len() < first.batch && front.batchCalls.Held() > 0 {
			first = nil // its batch fills while the one before is under way
		}
	}
	if first != nil {
		return first, Foreground
	}
	if first = back.single(may); first == nil {
		first = back.batch(may)
	}
	return first, Background
}

// restsUntil is when a Store without anything to do next has something to do, if no message comes.
func (s *state) restsUntil(now time.Time, lacksShare bool) (next time.Time) {
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if len(s.scheduled) > 0 {
		soonest(s.scheduled[0].place.due)
	}
	if s.breaker.open() {
		for _, q := range s.queues() {
			for _, waits := range q.Fronts {
				soonest(waits.progress.waitingSince.Add(gracePeriod))
			}
		}
		if !s.breaker.probing && len(s.sources) > 0 && !lacksShare {
			soonest(s.breaker.until)
		}
	}
	if delay := s.limiter.delay(now); delay > 0 && s.hasWaiting() {
		soonest(now.Add(delay))
	}
	return next
}

func (s *state) queues() [4]*queue {
	return [...]*queue{
		&s.byPriority[Foreground].singles, &s.byPriority[Foreground].batches,
		&s.byPriority[Background].singles, &s.byPriority[Background].batches,
	}
}

// hasWaiting reports whether a source waits for a call.
func (s *state) hasWaiting() bool {
	for _, q := range s.queues() {
		if q.Len() > 0 {
			return true
		}
	}
	return false
}

// pastGracePeriod is a source that has waited longer than the grace period; nil where there is none.
func (s *state) pastGracePeriod(now time.Time) *source {
	for _, q := range s.queues() {
		if late := q.pastGracePeriod(now); late != nil {
			return late
		}
	}
	return nil
}

// enqueue has a source read as soon as possible, out of a namespace's share; an empty namespace means that of the last read.
// A source that waits already may move to a higher priority, or to a namespace that has its turn sooner.
func (s *state) enqueue(src *source, priority Priority, namespace string, now time.Time) {
	place := &src.place
	if src.underway() {
		return // resolve decides when the read is done
	}
	front := &s.byPriority[Foreground]
	if place.element != nil && (priority == Background || place.queue == &front.singles || place.queue == &front.batches) {
		q := place.queue
		if namespace == "" || namespace == place.namespace || q.Waiting(namespace) >= q.Waiting(place.namespace) {
			return
		}
		q.remove(src)
		place.namespace = namespace
		q.push(src)
		return
	}
	s.scheduled.remove(src)
	if namespace != "" {
		place.namespace = namespace
	}
	src.progress.refresh = priority == Background
	if src.progress.waitingSince.IsZero() {
		src.progress.waitingSince = now
	}
	q := &s.byPriority[priority].singles
	if s.batches(src, now) {
		q = &s.byPriority[priority].batches
	}
	q.push(src)
}

func (s *state) batches(src *source, now time.Time) bool {
	return src.batch > 1 && !now.Before(src.progress.singleUntil) && !now.Before(s.singleUntil)
}

// readSingly stops batches until a time, those that wait already included.
func (s *state) readSingly(until time.Time) {
	s.singleUntil = until
	for i := range s.byPriority {
		q := &s.byPriority[i]
		for _, src := range q.batches.take(q.batches.Len(), nil) {
			q.singles.push(src)
		}
	}
}

// sourcesOf takes the sources of the call that begins with one: it alone, or a batch.
func (s *state) sourcesOf(first *source, priority Priority, may func(namespace string) bool, now time.Time) []*source {
	front, back := &s.byPriority[Foreground], &s.byPriority[Background]
	switch q := first.place.queue; q {
	case &front.batches:
		sources := front.fill(first, may)
		return append(sources, back.batches.take(first.batch-len(sources), back.mayFill(first, may))...)
	case &back.batches:
		sources := back.fill(first, may)
		return append(sources, s.scheduled.take(first.batch-len(sources), func(src *source) bool {
			fits := src.progress.failures == 0 && s.batches(src, now) // what failed backs off
			src.progress.refresh = src.progress.refresh || fits
			return fits
		})...)
	default:
		return s.byPriority[priority].singles.take(1, func(namespace string) bool { return namespace == first.place.namespace })
	}
}

// started counts a call that starts.
func (s *state) started(c *call, now time.Time) {
	for _, src := range c.sources {
		src.progress.begun++
		src.progress.startedAt = now
		if src.progress.waitingSince.IsZero() {
			src.progress.waitingSince = now
		}
	}
	s.byPriority[c.priority].acquire(c)
	s.breaker.started()
	s.limiter.started(now)
}

// answer reports to the limiter and the breaker how a call ended; canceled: it was cut off.
func (s *state) answer(failure *backend.Error, canceled bool, now time.Time) {
	switch {
	case canceled:
		s.breaker.canceled()
	case failure == nil, !transient(failure):
		wasOpen := s.breaker.open()
		s.answered = true
		s.breaker.succeeded()
		s.limiter.succeeded(now)
		if wasOpen {
			s.retryFailed(now)
		}
	default:
		if failure.Kind == driver.Throttled {
			s.limiter.throttled(now)
		}
		s.breaker.failed(now, failure)
	}
}

// retryFailed schedules all sources now that failed while the backend was down.
func (s *state) retryFailed(now time.Time) {
	for _, src := range s.sources {
		if src.failing() && transient(src.found.reading.err) {
			s.scheduled.add(src, now)
		}
	}
}

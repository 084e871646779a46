package fetch

import (
	"slices"
	"time"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
	"github.com/secretgate/secretgate/syncer/internal/digest"
)

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// gracePeriod is how long a transient failure is retried before the objects that wait for the source are notified.
	gracePeriod = 3 * time.Second
	// singleFor is how long a source that made a batch fail is read singly, and all sources of an identity whose batches all fail.
	singleFor = time.Hour
)

// source is a source that objects subscribe to. Its Store's lock guards it. It is in one state at a time: scheduled, in a queue, under
// way, or none of these (where it is not refreshed).
type source struct {
	plan.Read
	store       *store
	subscribers []*need
	phase       uint64
	batch       int // how many sources a call may read together with this one, itself included

	place    place
	progress progress
	found    found
}

// place is where a source waits.
type place struct {
	position int                    // in the schedule; -1: not there
	due      time.Time              // of a scheduled one
	element  *fair.Element[*source] // of queue; nil: not queued
	queue    *queue
	// namespace is the one that its next read counts for: that of the last object that requested it.
	namespace string
}

// progress is that of a source's reads, which are numbered from 1.
type progress struct {
	begun     uint64    // reads
	ended     uint64    // of them; fewer than begun: one is under way
	delivered uint64    // the last one that objects were sent; they wait on where it was a failure that may pass
	startedAt time.Time // of the read under way
	refresh   bool      // it is read in the background: no object waits for it

	// waitingSince is when it began to wait for a read, transient failures included; zero: it does not wait.
	waitingSince time.Time
	singleUntil  time.Time // until then it is read singly
	failures     int       // in a row
}

// found is the result of a source's last read, without the value itself.
type found struct {
	reading *reading
	digest  digest.Digest // of the value that was last read with success
	at      time.Time     // when that read began; zero: none
}

func newSource(st *store, of plan.Source) *source {
	return &source{
		Read: of.Read, store: st, phase: phase(of), batch: st.engine.Reader.BatchSize(of),
		place: place{position: -1}, found: found{reading: unread},
	}
}

// Source is what is read, and from where.
func (s *source) Source() plan.Source { return plan.Source{Store: s.store.Store, Read: s.Read} }

func (s *source) underway() bool { return s.progress.ended < s.progress.begun }

func (s *source) failing() bool { return s.found.reading.err != nil }

// interval is the shortest among its subscribers'; 0: it is refreshed for none of them.
func (s *source) interval() time.Duration {
	var shortest time.Duration
	for _, n := range s.subscribers {
		if n.interval > 0 && (shortest == 0 || n.interval < shortest) {
			shortest = n.interval
		}
	}
	return shortest
}

func (s *source) subscribe(n *need) {
	s.subscribers = append(s.subscribers, n)
	n.source, n.reading, n.read = s, s.found.reading, s.progress.delivered
}

func (s *source) unsubscribe(n *need) {
	if i := slices.Index(s.subscribers, n); i >= 0 {
		last := len(s.subscribers) - 1
		s.subscribers[i] = s.subscribers[last]
		s.subscribers[last] = nil
		s.subscribers = s.subscribers[:last]
	}
	if s.place.element == nil && s.place.namespace == n.object.name.Namespace {
		s.place.namespace = ""
	}
}

// wanted reports whether an object waits for a read that has not begun.
func (s *source) wanted() bool {
	return slices.ContainsFunc(s.subscribers, func(n *need) bool { return n.wanted > s.progress.begun })
}

// priority is the highest among the objects that wait for the source.
func (s *source) priority() Priority {
	priority := Background
	for _, n := range s.subscribers {
		if n.wanted > s.progress.delivered {
			priority = max(priority, n.priority)
		}
	}
	return priority
}

// retry is how long to wait after the latest failure.
func (s *source) retry() time.Duration {
	wait := backoff.Step(s.progress.failures, firstRetry, lastRetry)
	if interval := s.interval(); interval > 0 {
		return min(wait, max(interval, firstRetry))
	}
	return wait
}

// update keeps the result of a read. A result that differs from the one before has a higher revision.
func (s *source) update(r *result) {
	f, p := &s.found, &s.progress
	p.delivered, p.waitingSince = p.begun, time.Time{}
	last := f.reading
	switch {
	case r.err != nil:
		p.failures++
		if last.err == nil || last.err.Error() != r.err.Error() {
			f.reading = &reading{revision: last.revision + 1, version: last.version, size: last.size, err: r.err}
		}
		return
	case last.revision == 0, last.err != nil, f.digest != r.digest:
		f.reading = &reading{revision: last.revision + 1, size: size(r.values)}
		if len(r.values) == 1 {
			f.reading.version = r.values[0].Version
		}
	}
	p.failures, f.digest, f.at = 0, r.digest, p.startedAt
}

// resolve takes the result of a read, and schedules the next one. It reports whether the objects shall have the result: not where
// it is a failure that may pass before any object needs to know.
func (s *state) resolve(src *source, r *result, now time.Time) bool {
	p := &src.progress
	switch {
	case len(src.subscribers) == 0: // no object reads it any more
	case r.unread:
		s.enqueue(src, src.priority(), "", now)
	case r.err != nil && transient(r.err) && now.Sub(p.waitingSince) < gracePeriod:
		p.failures++
		s.scheduled.add(src, earlier(now.Add(src.retry()), p.waitingSince.Add(gracePeriod)))
	default:
		src.update(r)
		s.readNext(src, now)
		return true
	}
	return false
}

// readNext has a source read again that has just been read: at once where an object wants that, or at its next time.
func (s *state) readNext(src *source, now time.Time) {
	switch interval := src.interval(); {
	case src.wanted():
		s.enqueue(src, src.priority(), "", now)
	case src.failing():
		s.scheduled.add(src, now.Add(src.retry()))
	case interval == 0:
	case src.progress.refresh:
		s.scheduled.add(src, followingSlot(src.phase, interval, now))
	default:
		s.scheduled.add(src, nextSlot(src.phase, interval, now))
	}
}

// subscribe has a source refreshed for an object, too.
func (s *state) subscribe(src *source, n *need, overdue bool, now time.Time) {
	src.subscribe(n)
	switch {
	case n.interval <= 0 || src.underway():
	case !overdue || n.interval <= overdueSpread:
		// Not sooner than half an interval after the last read: an interval that is edited again and again has many slots.
		s.scheduled.add(src, nextSlot(src.phase, n.interval, later(now, src.found.at.Add(n.interval/2))))
	default:
		s.scheduled.add(src, nextSlot(src.phase, overdueSpread, now))
	}
}

// unsubscribe is the opposite of subscribe.
func (s *state) unsubscribe(n *need) {
	n.source.unsubscribe(n)
	if len(n.source.subscribers) == 0 {
		s.scheduled.remove(n.source)
		delete(s.sources, n.source.Read)
		return
	}
	if src := n.source; src.interval() == 0 && !src.failing() && !src.wanted() {
		s.scheduled.remove(src) // it was to be refreshed for this object alone
	}
}

// lastRead is when the last read of a source that succeeded began; zero: none did.
func (s *source) lastRead() time.Time {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.found.at
}

package fetch

import (
	"time"

	"github.com/secretgate/secretgate/syncer/internal/digest"
)

// handleReading keeps what was read of a source, notifies the objects that subscribe to it, and schedules the next read.
func (e *Engine) handleReading(s *source, r reading) {
	now := time.Now()
	switch {
	case len(s.subscribers) == 0:
		return // no object reads it any more
	case r.unread:
		s.store.enqueue(s, s.priority(), "")
		return
	case r.err != nil && transient(r.err) && now.Sub(s.waitingSince) < gracePeriod:
		// It may pass before any object needs to know.
		s.failures++
		s.schedule(earlier(now.Add(s.retry()), s.waitingSince.Add(gracePeriod)))
		return
	}
	changed := s.update(e, r)
	s.waitingSince = time.Time{}
	for _, o := range s.subscribers {
		e.notify(o, s, r, changed)
	}
	e.reschedule(s, now)
}

// update keeps a reading, and reports whether it differs from the one before.
func (s *source) update(e *Engine, r reading) (changed bool) {
	if r.err != nil {
		changed = s.err == nil || s.err.Error() != r.err.Error()
		s.err = r.err
		s.failures++
		return changed
	}
	if e.digests == nil {
		e.digests = digest.NewMaker()
	}
	sum := digestOf(e.digests, r.values)
	changed = s.err != nil || s.digest != sum
	s.digest, s.err, s.failures, s.readAt = sum, nil, 0, s.startedAt
	s.version, s.size = "", size(r.values)
	if len(r.values) == 1 {
		s.version = r.values[0].Version
	}
	if more := len(s.subscribers) - 1; more > 0 {
		e.Metrics.avoid("shared", more)
	}
	return changed
}

// notify passes a reading of one of its sources on to an object.
func (e *Engine) notify(o *object, s *source, r reading, changed bool) {
	switch {
	case o.request != nil:
		e.updateRequest(o, s, r, changed)
	case o.interval == 0 && !o.requested: // it is not refreshed, even where others refresh its sources
	case o.tooLarge: // its owner makes the next request
	case changed && (r.err != nil || o.failing()):
		o.unreportedFailure = true // a source has failed, or recovered while another one fails: the status of the object changes
		e.Notify(o.name, Background)
	case r.err == nil && (changed || !o.delivered) && !o.failing():
		e.startRequest(o, Background, false, s, r.values) // the object's other sources are read now
	default:
		e.observe(o, s, r.err == nil && !o.failing())
	}
}

// observe reports that a refresh changed nothing for an object, once for all of its sources.
func (e *Engine) observe(o *object, s *source, ok bool) {
	if e.Observe != nil && s == o.sources[0] {
		e.Observe(o.name, ok, s.startedAt)
	}
}

// updateRequest adds a reading to an object's request.
func (e *Engine) updateRequest(o *object, s *source, r reading, changed bool) {
	req := o.request
	needed, waits := req.pending[s]
	switch {
	case req.deferred != nil: // all sources are read again later
	case waits && needed > s.reads: // it needs a later read, which reschedule starts
	case waits:
		e.receive(o, s, r)
	case !changed:
	case r.err != nil:
		o.unreportedFailure = true // the values of the request were right when they were read; the failure came afterwards
		e.Notify(o.name, Background)
	case req.failed && req.complete():
		e.dropRequest(o)
		e.startRequest(o, req.priority, false, s, r.values)
	case req.complete():
		e.releaseReady(o)
		e.addValues(o, s.Source(), r.values) // newer than those of the request
		if o.request == req {
			e.acquireReady(o)
		}
	default:
		e.addValues(o, s.Source(), r.values) // newer than those of the request
	}
}

// receive adds a reading that a request was waiting for.
func (e *Engine) receive(o *object, s *source, r reading) {
	req := o.request
	if r.err != nil {
		req.failed = true
		e.dropValues(o)
	} else {
		e.addValues(o, s.Source(), r.values)
	}
	if o.request != req || req.tooLarge {
		return // the request is deferred, or complete
	}
	delete(req.pending, s)
	if req.complete() {
		e.finish(o)
	}
}

// reschedule decides when a source is read again.
func (e *Engine) reschedule(s *source, now time.Time) {
	interval := s.interval()
	switch {
	case s.wanted():
		s.store.enqueue(s, s.priority(), "")
	case s.err != nil:
		s.schedule(now.Add(s.retry()))
	case interval == 0:
	case s.refresh:
		s.schedule(followingSlot(s.phase, interval, now))
	default:
		s.schedule(nextSlot(s.phase, interval, now))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

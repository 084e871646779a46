package fetch

import "time"

// settle takes in what was read of a source, tells the objects that subscribe to it, and says when it
// is read again.
func (e *Engine) settle(s *source, r reading) {
	now := time.Now()
	switch {
	case len(s.subscribers) == 0:
		return // no object reads it any more
	case r.again:
		s.scope.enqueue(s, s.lane(), "")
		return
	case r.err != nil && transient(r.err) && now.Sub(s.wanted) < patience:
		// It may pass before any object needs to know.
		s.failures++
		s.schedule(earlier(now.Add(s.retry()), s.wanted.Add(patience)))
		return
	}
	news := s.learn(e, r)
	s.wanted = time.Time{}
	for _, o := range s.subscribers {
		e.tell(o, s, r, news)
	}
	e.plan(s, now)
}

// learn keeps what a reading says, and reports whether it differs from what was known.
func (s *source) learn(e *Engine, r reading) (news bool) {
	if r.err != nil {
		news = s.err == nil || s.err.Error() != r.err.Error()
		s.err = r.err
		s.failures++
		return news
	}
	if e.digester == nil {
		e.digester = newDigester()
	}
	digest := e.digester.of(r.values)
	news = s.err != nil || s.digest != digest
	s.digest, s.err, s.failures, s.readAt = digest, nil, 0, s.began
	s.version, s.size = "", size(r.values)
	if len(r.values) == 1 {
		s.version = r.values[0].Version
	}
	if more := len(s.subscribers) - 1; more > 0 {
		e.Metrics.avoid("shared", more)
	}
	return news
}

// tell says to an object what was read of one of its sources.
func (e *Engine) tell(o *object, s *source, r reading, news bool) {
	switch {
	case o.demand != nil:
		e.satisfy(o, s, r, news)
	case o.interval == 0 && !o.asked: // what others refresh is not for it
	case o.excess: // its owner asks again
	case news && (r.err != nil || o.failing()):
		o.told = true // a source has recovered while another one fails: what is said of the object changes
		e.Notify(o.name, Background)
	case r.err == nil && (news || !o.verified) && !o.failing():
		e.want(o, Background, false, s, r.values) // the others become due now
	default:
		e.observe(o, s, r.err == nil && !o.failing())
	}
}

// observe says that a refresh brought no news for an object, once for all of its sources.
func (e *Engine) observe(o *object, s *source, ok bool) {
	if e.Observe != nil && s == o.sources[0] {
		e.Observe(o.name, ok, s.began)
	}
}

// satisfy adds what was read to an object's demand.
func (e *Engine) satisfy(o *object, s *source, r reading, news bool) {
	d := o.demand
	needed, waits := d.needs[s]
	switch {
	case d.putOff != nil: // all is read again
	case waits && needed > s.reads: // it wants a later read, which plan sees to
	case waits:
		e.collect(o, s, r)
	case !news:
	case r.err != nil:
		o.told = true // what it holds was good when it was read; this comes after it
		e.Notify(o.name, Background)
	case d.failed && d.complete():
		e.release(o)
		e.want(o, d.lane, false, s, r.values)
	case d.complete():
		e.unhold(o)
		e.put(o, s.Source(), r.values) // newer than what it holds
		if o.demand == d {
			e.hold(o)
		}
	default:
		e.put(o, s.Source(), r.values) // newer than what it holds
	}
}

// collect takes what a demand was waiting for.
func (e *Engine) collect(o *object, s *source, r reading) {
	d := o.demand
	if r.err != nil {
		d.failed = true
		e.empty(o)
	} else {
		e.put(o, s.Source(), r.values)
	}
	if o.demand != d || d.excess {
		return // it is put off, or complete
	}
	delete(d.needs, s)
	if d.complete() {
		e.complete(o)
	}
}

// plan says when a source is read again.
func (e *Engine) plan(s *source, now time.Time) {
	interval := s.interval()
	switch {
	case s.asked():
		s.scope.enqueue(s, s.lane(), "")
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

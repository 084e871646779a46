package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// request is for one read of all sources of an object. It keeps the values that have been read until the last one has, and
// then until the owner collects them.
type request struct {
	priority Priority
	pending  map[*source]uint64 // the sources it waits for, and the number of the read that suffices for each
	values   render.Values
	failed   bool // a source could not be read; no values are kept
	tooLarge bool // the values are too many bytes; none are kept
	notified bool // its owner has been notified that it is complete

	bytes    int // of values
	reserved int // of its namespace's share of all bytes: what it is expected to need, or what it holds
	weight   int // of its namespace's share of what waits to be collected; 0: it does not wait
	// deferred is its place among the requests that wait for memory; nil: its sources are being read, or it is complete.
	deferred *fair.Element[*object]
}

func (r *request) complete() bool { return r.deferred == nil && len(r.pending) == 0 }

func (r *request) withoutValues() bool { return r.failed || r.tooLarge }

func size(values []driver.Value) (bytes int) {
	for i := range values {
		bytes += values[i].Size()
	}
	return bytes
}

// raisePriority has the sources that a request waits for read with a higher priority.
func (e *Engine) raisePriority(o *object, priority Priority) {
	if priority <= o.request.priority {
		return
	}
	o.request.priority = priority
	for s := range o.request.pending {
		s.store.enqueue(s, priority, o.name.Namespace)
	}
}

// startRequest makes a request for all sources of an object. The values of one of them may be there already: those of have.
func (e *Engine) startRequest(o *object, priority Priority, fresh bool, have *source, values []driver.Value) {
	req := &request{priority: priority, pending: make(map[*source]uint64, len(o.sources)), values: render.Values{}}
	o.request = req
	o.tooLarge = false
	expected := o.expected()
	if !e.shares.bytes.CanAcquire(o.name.Namespace, expected) {
		e.deferRequest(o)
		return
	}
	e.shares.bytes.Acquire(o.name.Namespace, expected)
	req.reserved = expected
	if have != nil {
		e.addValues(o, have.Source(), values)
	}
	switch {
	case o.request != req:
		return // it is deferred
	case req.tooLarge:
		e.finish(o)
		return
	}
	for _, s := range o.sources {
		switch {
		case s == have:
		case s.underway && !fresh:
			req.pending[s] = s.reads
			e.Metrics.avoid("in_flight", 1)
		default:
			req.pending[s] = s.reads + 1
			s.store.enqueue(s, priority, o.name.Namespace)
		}
	}
	if req.complete() {
		e.finish(o)
	}
}

// addValues adds what was read to a request. A request that grows beyond MaxObjectBytes is complete, without values; one that
// grows beyond its namespace's share is deferred.
func (e *Engine) addValues(o *object, read plan.Source, values []driver.Value) {
	req := o.request
	if req.withoutValues() {
		return // the object needs none
	}
	bytes := req.bytes + size(values) - size(req.values[read])
	more := bytes - req.reserved
	switch {
	case bytes > MaxObjectBytes:
		e.endTooLarge(o)
	case more > 0 && !e.shares.bytes.CanAcquire(o.name.Namespace, more):
		e.deferRequest(o)
	default:
		req.bytes, req.values[read] = bytes, values
		if more > 0 {
			e.shares.bytes.Acquire(o.name.Namespace, more)
			req.reserved = bytes
		}
	}
}

// dropValues drops the values of a request.
func (e *Engine) dropValues(o *object) {
	req := o.request
	e.shares.bytes.Release(o.name.Namespace, req.reserved)
	req.values, req.bytes, req.reserved = nil, 0, 0
}

// endTooLarge ends a request that has too many bytes of values. Nothing more is read for the object until the next Request.
func (e *Engine) endTooLarge(o *object) {
	req := o.request
	waited := len(req.pending) > 0
	req.tooLarge, o.tooLarge, req.pending = true, true, nil
	e.dropValues(o)
	for _, s := range o.sources {
		if !s.wanted() && s.interval() == 0 {
			s.unschedule()
		}
	}
	if waited {
		e.finish(o)
	}
}

// deferRequest has an object read later, when there is memory for its values.
func (e *Engine) deferRequest(o *object) {
	priority := o.request.priority
	e.dropRequest(o)
	o.request = &request{priority: priority}
	o.request.deferred = e.shares.deferred.Push(o.name.Namespace, o)
}

// finish notifies the owner that its request is complete.
func (e *Engine) finish(o *object) {
	if e.uncollected == 0 {
		e.lastCollected = time.Now()
	}
	e.uncollected++
	o.request.notified = true
	e.acquireReady(o)
	e.Notify(o.name, o.request.priority)
}

// acquireReady counts a complete request, and its bytes, as ready to be collected.
func (e *Engine) acquireReady(o *object) {
	req := o.request
	if req.withoutValues() {
		return
	}
	req.weight = max(req.bytes, readyWeight)
	e.shares.ready.Acquire(o.name.Namespace, req.weight)
	e.ready++
}

// releaseReady is the opposite of acquireReady.
func (e *Engine) releaseReady(o *object) {
	if req := o.request; req.weight > 0 {
		e.shares.ready.Release(o.name.Namespace, req.weight)
		req.weight = 0
		e.ready--
	}
}

// dropRequest drops an object's request, if it has one.
func (e *Engine) dropRequest(o *object) {
	req := o.request
	if req == nil {
		return
	}
	if req.deferred != nil {
		e.shares.deferred.Remove(req.deferred)
	}
	if req.notified {
		e.uncollected--
		e.releaseReady(o)
		e.lastCollected = time.Now()
	}
	e.dropValues(o)
	o.request = nil
}

// collect returns what was read for an object, and drops the request.
func (e *Engine) collect(o *object) (Result, State) {
	req := o.request
	values := req.values
	e.dropRequest(o)
	e.resume()
	switch {
	case req.tooLarge:
		return Result{TooLarge: true}, Ready
	case !req.failed:
		o.delivered, o.requested = true, false
		return o.result(values), Ready
	}
	o.unreportedFailure = false
	result := o.result(nil)
	if len(result.Failures) > 0 {
		return result, Ready
	}
	// The source that failed has been read since.
	e.startRequest(o, req.priority, false, nil, nil)
	e.dispatchFor(o)
	return Result{}, Pending
}

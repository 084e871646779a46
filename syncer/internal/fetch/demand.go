package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/fair"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// demand is a wish to have all sources of an object read. It holds the values that have come until
// the last one has, and then until they are taken.
type demand struct {
	lane   Lane
	needs  map[*source]uint64 // the number of the read that will do
	values render.Values
	failed bool // a source was not read; no values are held
	excess bool // they are too many bytes; no values are held
	told   bool // its owner was told that it is complete

	bytes    int // of values
	reserved int // of its namespace's share of all bytes: what it is expected to need, or what it holds
	weight   int // of its namespace's share of what waits to be taken; 0: it does not
	// putOff is its place among those for whose bytes there is no room; nil: it is being read for, or complete.
	putOff *fair.Element[*object]
}

func (d *demand) complete() bool { return d.putOff == nil && len(d.needs) == 0 }

func (d *demand) valueless() bool { return d.failed || d.excess }

func size(values []driver.Value) (bytes int) {
	for _, v := range values {
		bytes += len(v.Data)
	}
	return bytes
}

// hurry moves what a demand waits for to the front lane.
func (e *Engine) hurry(o *object, lane Lane) {
	if lane <= o.demand.lane {
		return
	}
	o.demand.lane = lane
	for s := range o.demand.needs {
		s.scope.enqueue(s, lane, o.name.Namespace)
	}
}

// want makes a demand for all sources of an object but the one, if any, whose values are at hand.
func (e *Engine) want(o *object, lane Lane, fresh bool, have *source, values []driver.Value) {
	d := &demand{lane: lane, needs: make(map[*source]uint64, len(o.sources)), values: render.Values{}}
	o.demand = d
	o.excess = false
	expected := o.expected()
	if !e.shares.bytes.May(o.name.Namespace, expected) {
		e.postpone(o)
		return
	}
	e.shares.bytes.Take(o.name.Namespace, expected)
	d.reserved = expected
	if have != nil {
		e.put(o, have.Source(), values)
	}
	switch {
	case o.demand != d:
		return // it is put off
	case d.excess:
		e.complete(o)
		return
	}
	for _, s := range o.sources {
		switch {
		case s == have:
		case s.underway && !fresh:
			d.needs[s] = s.reads
			e.Metrics.avoid("in_flight", 1)
		default:
			d.needs[s] = s.reads + 1
			s.scope.enqueue(s, lane, o.name.Namespace)
		}
	}
	if d.complete() {
		e.complete(o)
	}
}

// put adds what was read to a demand. One that grows beyond its bounds is complete, without values; one beyond its namespace's
// share is put off.
func (e *Engine) put(o *object, read plan.Source, values []driver.Value) {
	d := o.demand
	if d.valueless() {
		return // they are of no use
	}
	bytes := d.bytes + size(values) - size(d.values[read])
	more := bytes - d.reserved
	switch {
	case bytes > MaxObjectBytes:
		e.exceed(o)
	case more > 0 && !e.shares.bytes.May(o.name.Namespace, more):
		e.postpone(o)
	default:
		d.bytes, d.values[read] = bytes, values
		if more > 0 {
			e.shares.bytes.Take(o.name.Namespace, more)
			d.reserved = bytes
		}
	}
}

// empty drops the values of a demand.
func (e *Engine) empty(o *object) {
	d := o.demand
	e.shares.bytes.Give(o.name.Namespace, d.reserved)
	d.values, d.bytes, d.reserved = nil, 0, 0
}

// exceed ends a demand whose values are too many bytes. Until the object is asked for again, nothing more is read for it.
func (e *Engine) exceed(o *object) {
	d := o.demand
	waited := len(d.needs) > 0
	d.excess, o.excess, d.needs = true, true, nil
	e.empty(o)
	for _, s := range o.sources {
		if !s.asked() && s.interval() == 0 {
			s.unschedule()
		}
	}
	if waited {
		e.complete(o)
	}
}

// postpone has an object read for later, when there is room for its values.
func (e *Engine) postpone(o *object) {
	lane := o.demand.lane
	e.release(o)
	o.demand = &demand{lane: lane}
	o.demand.putOff = e.shares.putOff.Push(o.name.Namespace, o)
}

// complete tells the owner that its demand is met.
func (e *Engine) complete(o *object) {
	if e.untaken == 0 {
		e.taken = time.Now()
	}
	e.untaken++
	o.demand.told = true
	e.hold(o)
	e.Notify(o.name, o.demand.lane)
}

// hold counts what a complete demand holds.
func (e *Engine) hold(o *object) {
	d := o.demand
	if d.valueless() {
		return
	}
	d.weight = max(d.bytes, readyWeight)
	e.shares.ready.Take(o.name.Namespace, d.weight)
	e.holding++
}

// unhold is the opposite of hold.
func (e *Engine) unhold(o *object) {
	if d := o.demand; d.weight > 0 {
		e.shares.ready.Give(o.name.Namespace, d.weight)
		d.weight = 0
		e.holding--
	}
}

// release drops a demand.
func (e *Engine) release(o *object) {
	d := o.demand
	if d == nil {
		return
	}
	if d.putOff != nil {
		e.shares.putOff.Remove(d.putOff)
	}
	if d.told {
		e.untaken--
		e.unhold(o)
		e.taken = time.Now()
	}
	e.empty(o)
	o.demand = nil
}

// hand takes what was read for an object.
func (e *Engine) hand(o *object) (Result, State) {
	d := o.demand
	values := d.values
	e.release(o)
	e.resume()
	switch {
	case d.excess:
		return Result{Excess: true}, Ready
	case !d.failed:
		o.verified, o.asked = true, false
		return o.result(values), Ready
	}
	o.told = false
	result := o.result(nil)
	if len(result.Failures) > 0 {
		return result, Ready
	}
	// What failed has been read since.
	e.want(o, d.lane, false, nil, nil)
	e.dispatchFor(o)
	return Result{}, Pending
}

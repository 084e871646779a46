package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// demand is a wish to have all sources of an object read. It holds the values that have come until
// the last one has, and then until they are taken.
type demand struct {
	lane   Lane
	needs  map[*source]uint64 // the number of the read that will do
	values render.Values
	failed bool
	bytes  int
}

func (d *demand) complete() bool { return len(d.needs) == 0 }

func (d *demand) fail() {
	d.failed, d.values, d.bytes = true, nil, 0
}

func (d *demand) put(read plan.Read, values []driver.Value) {
	if d.failed {
		return // nobody will take them
	}
	d.bytes += size(values) - size(d.values[read])
	d.values[read] = values
}

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
		s.scope.enqueue(s, lane)
	}
}

// want makes a demand for all sources of an object but the one, if any, whose values are at hand.
func (e *Engine) want(o *object, lane Lane, fresh bool, have *source, values []driver.Value) {
	o.demand = &demand{lane: lane, needs: make(map[*source]uint64, len(o.sources)), values: render.Values{}}
	for _, s := range o.sources {
		if s == have {
			o.demand.put(s.Read, values)
			continue
		}
		if s.underway && !fresh {
			o.demand.needs[s] = s.reads
			e.Metrics.avoid("in_flight", 1)
			continue
		}
		o.demand.needs[s] = s.reads + 1
		s.scope.enqueue(s, lane)
	}
	if o.demand.complete() {
		e.complete(o)
	}
}

// complete tells the owner that its demand is met.
func (e *Engine) complete(o *object) {
	if e.untaken == 0 {
		e.taken = time.Now()
	}
	e.untaken++
	e.bytes += o.demand.bytes
	if !o.demand.failed {
		e.holding++
	}
	e.Notify(o.name, o.demand.lane)
}

// release drops a demand.
func (e *Engine) release(o *object) {
	if o.demand == nil {
		return
	}
	if o.demand.complete() {
		e.untaken--
		e.bytes -= o.demand.bytes
		if !o.demand.failed {
			e.holding--
		}
		e.taken = time.Now()
	}
	o.demand = nil
}

// hand takes what was read for an object.
func (e *Engine) hand(o *object) (Result, State) {
	d := o.demand
	e.release(o)
	e.resume()
	if !d.failed {
		o.verified, o.asked = true, false
		return o.result(d.values), Ready
	}
	o.told = false
	result := o.result(nil)
	if len(result.Failures) > 0 {
		return result, Ready
	}
	// What failed has been read since.
	e.want(o, d.lane, false, nil, nil)
	e.dispatch(o.sources[0].scope)
	return Result{}, Pending
}

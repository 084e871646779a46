package fetch

import (
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Result is what was read for an object.
type Result struct {
	// Values are those of all sources; nil where one fails. They are shared, and must not be changed.
	Values   render.Values
	Failures []Failure              // in the order of the plan's entries
	Versions map[plan.Source]string // the version last read of each source
	// TooLarge: the sources have more than MaxObjectBytes together. Nothing else is set then.
	TooLarge bool
}

// Failure is a source that could not be read. The error is a *backend.Error.
type Failure struct {
	Source plan.Source
	Err    error
}

// State is what Collect has for an object.
type State int

// The states.
const (
	Idle    State = iota // nothing was requested, and nothing has changed
	Pending              // Notify will be called when the request is complete
	Ready
)

// collect returns what was read for the object, which keeps nothing of it.
func (o *object) collect() (result Result, state State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch r := o.request; {
	case r == nil && o.failing() && o.news():
		result, state = o.failures(), Ready // where one of several sources has recovered or failed
	case r == nil:
		state = Idle
	case r.stage < ready:
		state = Pending
	default:
		result, state = o.collectRequest()
	}
	return result, state
}

// collectRequest gives the owner a request that is complete.
func (o *object) collectRequest() (result Result, state State) {
	r := o.request
	if r.stage == failed && !o.failing() {
		o.startRequest(r.priority, false, nil, nil) // the source that failed has been read since
		return Result{}, Pending
	}
	switch r.stage {
	case oversized:
		result.TooLarge = true
	case failed:
		result = o.failures()
	default:
		result = o.values()
	}
	o.drop()
	return result, Ready
}

// values is the result of a request that has them.
func (o *object) values() Result {
	values := make(render.Values, len(o.needs))
	for i := range o.needs {
		n := &o.needs[i]
		values[n.source.Source()] = n.values
		if n.applied = n.held; o.interval == 0 {
			n.applied = everything
		}
	}
	return o.result(values)
}

// failures is the result of an object of which a source fails: the state of all sources as it is. One that no reading is news to stays so.
func (o *object) failures() Result {
	for i := range o.needs {
		if n := &o.needs[i]; n.applied != everything {
			n.applied = n.reading.revision
		}
	}
	return o.result(nil)
}

// result is the state of the object's sources, and the values that were read.
func (o *object) result(values render.Values) Result {
	r := Result{Values: values, Versions: make(map[plan.Source]string, len(o.needs))}
	for i := range o.needs {
		n := &o.needs[i]
		r.Versions[n.source.Source()] = n.reading.version
		if n.reading.err != nil && values == nil {
			r.Failures = append(r.Failures, Failure{Source: n.source.Source(), Err: n.reading.err})
		}
	}
	return r
}

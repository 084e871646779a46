package fetch

import "github.com/secretgate/secretgate/syncer/backend/driver"

// MaxObjectBytes bounds the values of all sources of an object.
const MaxObjectBytes = 8 << 20

// request is one read of all sources of an object. It keeps the values that have been read until the last one has, and then until the
// owner collects them: all, or none.
type request struct {
	priority Priority
	stage    stage
	bytes    int // of values
	reserved int // of its namespace's share of all bytes: what it is expected to need, or what it holds
	weight   int // of its namespace's share of what waits to be collected; 0: it does not wait
	deferral *deferral
}

// stage is how far a request has come. From ready on it is complete, and the owner has been notified.
type stage int

const (
	deferred  stage = iota // there was no memory: all sources are read again once there is
	gathering              // it waits for reads
	spoiled                // the same, after a read that failed: no values are kept
	ready                  // it has values
	failed                 // a source could not be read
	oversized              // the values are more than MaxObjectBytes: none are kept
)

// readNow is a Request of the owner: it has all sources read.
func (o *object) readNow(priority Priority, fresh bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return
	case o.request != nil && !fresh:
		o.raise(priority) // what has been read, or is being read, suffices
		return
	}
	for i := range o.needs {
		if n := &o.needs[i]; n.applied == everything {
			n.applied = 0
		}
	}
	o.startRequest(priority, fresh, nil, nil)
}

// close ends what is under way for the object.
func (o *object) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
	o.closed = true
}

// startRequest starts a request, instead of the one before. The values of one source may be there already: those of have.
func (o *object) startRequest(priority Priority, fresh bool, have *need, values []driver.Value) {
	o.drop()
	expected := o.expected()
	if !o.engine.shares.reserve(o.name.Namespace, expected) {
		o.postpone(priority)
		return
	}
	o.request = &request{priority: priority}
	o.readSources(expected, fresh, have, values)
}

// readSources has all sources of a request read, which has memory for what is expected.
func (o *object) readSources(reserved int, fresh bool, have *need, values []driver.Value) {
	o.request.stage, o.request.reserved, o.request.deferral = gathering, reserved, nil
	if have != nil && !o.hold(have, values) {
		return
	}
	for st := range o.stores {
		st.want(o, have, o.request.priority, fresh)
	}
	o.finishIfComplete()
}

// resume starts a request that was deferred. The memory for it is reserved.
func (o *object) resume(d *deferral) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.request == nil || o.request.deferral != d {
		o.engine.shares.free(o.name.Namespace, d.bytes) // it was dropped meanwhile
		return
	}
	o.readSources(d.bytes, false, nil, nil)
}

// raise has the sources that a request waits for read with a higher priority.
func (o *object) raise(priority Priority) {
	if priority <= o.request.priority {
		return
	}
	o.request.priority = priority
	if o.request.stage == gathering || o.request.stage == spoiled {
		for st := range o.stores {
			st.raise(o, priority)
		}
	}
}

// gather adds a reading to a request.
func (o *object) gather(n *need, values []driver.Value) {
	r := o.request
	switch {
	case n.reading.err != nil:
		o.dropValues()
		r.stage = spoiled
	case r.stage == spoiled: // the object needs no values
	case !o.hold(n, values):
		return
	}
	o.finishIfComplete()
}

// hold keeps values for a request, and reports whether the request goes on. It does not where they make it larger than MaxObjectBytes, or
// than the memory that its namespace may have.
func (o *object) hold(n *need, values []driver.Value) bool {
	r, namespace := o.request, o.name.Namespace
	bytes := r.bytes + size(values) - size(n.values)
	more := max(bytes-r.reserved, 0)
	switch {
	case bytes > MaxObjectBytes:
		o.endOversized()
		return false
	case more > 0 && !o.engine.shares.reserve(namespace, more):
		o.postpone(r.priority)
		return false
	}
	n.values, n.held = values, n.reading.revision
	r.bytes, r.reserved = bytes, r.reserved+more
	if r.stage == ready {
		o.engine.shares.reweigh(namespace, r.weight, max(bytes, readyWeight))
		r.weight = max(bytes, readyWeight)
	}
	return true
}

// finishIfComplete notifies the owner when the last read that a request waits for has ended.
func (o *object) finishIfComplete() {
	r := o.request
	for i := range o.needs {
		if o.needs[i].read < o.needs[i].wanted {
			return
		}
	}
	switch r.stage {
	case gathering:
		r.stage, r.weight = ready, max(r.bytes, readyWeight)
	case spoiled:
		r.stage = failed
	default:
		return // it was complete before
	}
	o.finish()
}

func (o *object) finish() {
	o.engine.shares.completed(o.name.Namespace, o.request.weight)
	o.engine.Notify(o.name, o.request.priority)
}

// endOversized ends a request that has too many bytes of values. Nothing more is read for the object until the next Request.
func (o *object) endOversized() {
	r := o.request
	o.dropValues()
	for st := range o.stores {
		st.pause(o)
	}
	for i := range o.needs {
		o.needs[i].applied = everything
	}
	before := r.stage
	r.stage = oversized
	if before != ready {
		o.finish()
		return
	}
	o.engine.shares.reweigh(o.name.Namespace, r.weight, 0)
	r.weight = 0
}

// postpone has the object read later, when there is memory for its values.
func (o *object) postpone(priority Priority) {
	o.drop()
	o.request = &request{priority: priority, stage: deferred, deferral: o.engine.shares.postpone(o, o.name.Namespace, o.expected())}
}

// drop ends the object's request, if it has one.
func (o *object) drop() {
	r := o.request
	if r == nil {
		return
	}
	switch shares := o.engine.shares; {
	case r.stage == deferred:
		shares.cancel(r.deferral)
	case r.stage >= ready:
		shares.collected(o.name.Namespace, r.weight)
	default:
		for st := range o.stores {
			st.withdraw(o)
		}
	}
	o.dropValues()
	o.request = nil
}

// dropValues drops the values of a request.
func (o *object) dropValues() {
	r := o.request
	if r.reserved > 0 {
		o.engine.shares.free(o.name.Namespace, r.reserved)
	}
	r.bytes, r.reserved = 0, 0
	for i := range o.needs {
		o.needs[i].values = nil
	}
}

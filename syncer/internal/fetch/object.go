package fetch

import (
	"iter"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// object is one that subscribes to sources, of one Store or of several.
type object struct {
	engine   *Engine
	name     plan.ID
	uid      types.UID
	interval time.Duration // 0: it is not refreshed

	mu      sync.Mutex
	needs   []need   // in the order of the plan's entries
	request *request // nil: no read of all sources is under way, or waits to be collected
	closed  bool     // it is unsubscribed, or replaced: deliveries come too late
}

// need is what an object needs of one source. The Store's lock guards what the Store reads of it, and the object's lock the rest; wanted
// is written under both.
type need struct {
	object *object
	source *source

	interval time.Duration // how often the source is refreshed for this object; 0: not at all
	wanted   uint64        // the number of the read that the object waits for, or waited for last
	priority Priority      // of that read

	reading *reading // the latest
	read    uint64   // the number of the latest read
	applied revision // that the owner has collected

	values []driver.Value // those that wait for the others, or to be collected
	held   revision       // theirs
}

// reaction is what an object does about a reading of one of its sources.
type reaction int

const (
	ignore  reaction = iota // it waits for a later read, or has what it needs
	observe                 // a refresh changed nothing
	report                  // a source fails, or recovered while another one fails: the owner shall collect the failures
	gather                  // the reading belongs to the request
	readAll                 // a value is new: all sources are read now, as values are given together or not at all
)

// decide says what a reading means to an object, which has it as the need's latest one. awaited: its request was waiting for it.
// changed: the reading before was another one.
func (o *object) decide(n *need, awaited, changed bool) (next reaction) {
	switch r := o.request; {
	case r == nil:
		next = o.decideIdle(n, changed)
	case r.stage == deferred, n.wanted > n.read:
		next = ignore
	case awaited:
		next = gather
	case !changed, r.stage == oversized:
		next = ignore
	case n.reading.err != nil:
		next = report // the values of the request were right when they were read; the failure came afterwards
	case r.stage == failed:
		next = readAll
	default:
		next = gather // it is newer than what the request has
	}
	return next
}

// decideIdle is decide for an object without a request.
func (o *object) decideIdle(n *need, changed bool) (next reaction) {
	switch failing := o.failing(); {
	case n.applied == everything:
		next = ignore
	case failing && changed:
		next = report
	case !failing && n.applied < n.reading.revision:
		next = readAll
	default:
		next = observe
	}
	return next
}

// receive takes a delivery of a Store.
func (o *object) receive(d *delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	n := d.need
	awaited, changed := n.read < n.wanted, n.reading.revision < d.reading.revision
	n.reading, n.read = d.reading, d.read
	switch o.decide(n, awaited, changed) {
	case ignore:
	case observe:
		if o.engine.Observe != nil && n == &o.needs[0] { // once for all of its sources
			o.engine.Observe(o.name, !o.failing(), d.began)
		}
	case report:
		o.engine.Notify(o.name, Background)
	case gather:
		o.gather(n, d.values)
	case readAll:
		priority := Background
		if o.request != nil {
			priority = o.request.priority
		}
		o.startRequest(priority, false, n, d.values)
	}
}

// stores yields those of its sources.
func (o *object) stores(yield func(*store) bool) {
	for i := range o.needs {
		st, first := o.needs[i].source.store, 0
		for o.needs[first].source.store != st {
			first++
		}
		if first == i && !yield(st) {
			return
		}
	}
}

// needsOf yields those that a Store reads.
func (o *object) needsOf(st *store) iter.Seq[*need] {
	return func(yield func(*need) bool) {
		for i := range o.needs {
			if n := &o.needs[i]; n.source.store == st && !yield(n) {
				return
			}
		}
	}
}

// reads reports whether the object's sources are those of the plan.
func (o *object) reads(sources []plan.Source) bool {
	if len(o.needs) != len(sources) {
		return false
	}
	for i := range sources {
		if s := o.needs[i].source; s.Read != sources[i].Read || s.store.Store != sources[i].Store {
			return false
		}
	}
	return true
}

// expected is how many bytes its sources are expected to have: as many as when they were last read.
func (o *object) expected() (bytes int) {
	for i := range o.needs {
		bytes += o.needs[i].reading.size
	}
	return min(bytes, MaxObjectBytes)
}

// failing reports whether one of its sources fails. Until it has recovered, the others need not be read for the object.
func (o *object) failing() bool {
	for i := range o.needs {
		if o.needs[i].reading.err != nil {
			return true
		}
	}
	return false
}

// news reports whether a source has a revision that the owner has not collected.
func (o *object) news() bool {
	for i := range o.needs {
		if o.needs[i].applied < o.needs[i].reading.revision {
			return true
		}
	}
	return false
}

// freshness is when the oldest of its sources was read with success; zero where one was not, or fails.
func (o *object) freshness() (oldest time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing() {
		return oldest
	}
	for i := range o.needs {
		if at := o.needs[i].source.lastRead(); i == 0 || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

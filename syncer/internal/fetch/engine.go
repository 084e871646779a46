// Package fetch reads the sources that objects of all kinds ask for: each source once, however many objects share
// it, in as few calls as the backend's batches allow, and spread over the interval. What an object
// does not need to know costs it nothing: an unchanged value triggers no notification.
//
//	engine.go               what the controller calls: Subscribe, Ask, Take, Unsubscribe
//	object.go, source.go    what is known of both
//	demand.go               an object's wish to have its sources read, from Ask or news until Take
//	share.go                what all objects share, by namespace: calls and bytes
//	scope.go, lane.go       the sources of one Store, and which call comes next
//	call.go                 a call: a read, or a batch with its fallbacks
//	settle.go               what a read means to the objects that subscribe to the source
//	slot, breaker, limiter, digest   decisions without side effects
//
// Values are in memory from the end of a read until the objects that wait for them have taken them.
package fetch

import (
	"context"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Lane says who goes first.
type Lane int

// The lanes.
const (
	Background Lane = iota // refreshes, and what follows from them
	Foreground             // objects that are new or were edited: a user waits
)

// Reader makes the calls. Its errors are *backend.Error. A backend.Client is one.
type Reader interface {
	BatchSize(source plan.Source) int
	Get(ctx context.Context, source plan.Source) ([]driver.Value, error)
	GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]backend.Outcome, error)
	// Forget is called for a Store that no object reads any more, once or again. It must not block.
	Forget(store plan.Store)
}

// Engine reads sources for objects. It may be used concurrently. Its fields may not be changed once it runs.
type Engine struct {
	Reader Reader
	// Notify tells that Take has something for an object. It must not call the engine.
	Notify func(object plan.ID, lane Lane)
	// Observe tells that a refresh brought no news for an object, since its values are unchanged (ok), or
	// since a source fails as before. It must not call the engine. Nil: not called.
	Observe func(object plan.ID, ok bool, at time.Time)
	// Metrics counts; nil: nothing is counted.
	Metrics *Metrics

	mu       sync.Mutex
	ctx      context.Context //nolint:containedctx // of Run, for the calls, which no caller waits for
	digester *digester
	objects  map[plan.ID]*object
	scopes   map[plan.Store]*scope
	shares   *shares
	untaken  int       // demands that are complete and have not been taken
	holding  int       // those of them that hold values, and report no failures
	taken    time.Time // when one was last taken, or the first one completed
	ended    time.Time // when a call last ended
	done     sync.WaitGroup
}

// Failure is a source that could not be read. The error is a *backend.Error.
type Failure struct {
	Source plan.Source
	Err    error
}

// Result is what an object's sources gave.
type Result struct {
	// Values are those of all sources; nil where one fails. They are shared, and must not be changed.
	Values   render.Values
	Failures []Failure              // in the order of the plan's entries
	Versions map[plan.Source]string // the version last read of each source
	// Excess: the sources hold more than MaxObjectBytes together. There is nothing else then.
	Excess bool
}

// State says what Take has.
type State int

// The states.
const (
	Idle    State = iota // nothing was asked for, and there is no news
	Pending              // Notify will tell when what was asked for is there
	Ready
)

// Run makes calls until ctx ends, and waits for those under way.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.ctx = ctx
	for _, sc := range e.scopes {
		e.dispatch(sc)
	}
	e.mu.Unlock()
	<-ctx.Done()
	e.done.Wait()
	return nil
}

// Subscribe says what an object reads, by a plan that policy has judged, and how often: each interval, or never where
// it is 0. It replaces what was said before; said again, it changes nothing. Overdue objects are
// read before a whole interval has passed. One that is never refreshed is told nothing between its own
// success and the next Ask, though others refresh what it shares with them.
func (e *Engine) Subscribe(p *plan.Plan, interval time.Duration, overdue bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.objects == nil {
		e.objects, e.scopes, e.shares = map[plan.ID]*object{}, map[plan.Store]*scope{}, newShares()
	}
	sources := p.Sources()
	o := e.objects[p.Object]
	if o != nil && o.uid == p.UID && o.interval == interval && o.reads(sources) {
		return
	}
	next := &object{name: p.Object, uid: p.UID, interval: interval, sources: make([]*source, 0, len(sources))}
	now := time.Now()
	for _, read := range sources {
		s := e.scope(read.Store).source(read, e.Reader)
		s.subscribe(next)
		next.sources = append(next.sources, s)
		next.told = next.told || s.err != nil && interval > 0
		if interval <= 0 || s.underway {
			continue
		}
		if !overdue || interval <= overdueSpread {
			// Not sooner than half an interval after the last read: an interval that is edited again and again has many slots.
			s.schedule(nextSlot(s.phase, interval, later(now, s.readAt.Add(interval/2))))
		} else {
			s.schedule(nextSlot(s.phase, overdueSpread, now))
		}
	}
	// The old one goes afterwards, so that what both read is not forgotten.
	e.forget(o)
	e.objects[p.Object] = next
	e.dispatchFor(next)
	e.resume()
}

// Unsubscribe ends an object's subscription. What was read for it is dropped.
func (e *Engine) Unsubscribe(name plan.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(e.objects[name])
	delete(e.objects, name)
	e.resume()
}

func (e *Engine) forget(o *object) {
	if o == nil {
		return
	}
	e.release(o)
	for _, s := range o.sources {
		s.unsubscribe(o)
		if len(s.subscribers) == 0 {
			s.unschedule()
			delete(s.scope.sources, s.Read)
			e.closeIfEmpty(s.scope)
		}
	}
}

// Ask wants all sources of a subscribed object read now. A read that is under way will do, unless
// it must be fresh. Notify tells when all are there, or have failed.
func (e *Engine) Ask(name plan.ID, lane Lane, fresh bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects[name]
	if o == nil {
		return
	}
	o.asked = true
	if o.demand != nil && !fresh {
		e.hurry(o, lane) // what is there, or on its way, will do
	} else {
		e.release(o)
		e.want(o, lane, fresh, nil, nil)
	}
	e.dispatchFor(o)
	e.resume()
}

// Take hands over what was read for an object.
func (e *Engine) Take(name plan.ID) (Result, State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects[name]
	switch {
	case o == nil:
		return Result{}, Idle
	case o.demand != nil && !o.demand.complete():
		return Result{}, Pending
	case o.demand != nil:
		return e.hand(o)
	case o.told && o.failing():
		o.told = false
		return o.result(nil), Ready // how it fails now, where one of several has recovered or failed
	}
	o.told = false // what failed has recovered, and its values have been taken since
	return Result{}, Idle
}

// Freshness is when the oldest of an object's sources was read with success; zero where one was not,
// or fails.
func (e *Engine) Freshness(name plan.ID) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o := e.objects[name]; o != nil {
		return o.freshness()
	}
	return time.Time{}
}

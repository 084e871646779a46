// Package fetch reads the sources of objects of all kinds: each source once, however many objects share it, in as few calls as
// the backend's batches allow, and spread over the interval. A refresh that changes nothing triggers no notification.
//
//	engine.go                what the controller calls: Subscribe, Request, Collect, Unsubscribe
//	object.go, source.go     the state of an object, and of a source
//	request.go               a read of all sources of an object, until its values are collected
//	share.go                 what all objects share, by namespace: calls and bytes
//	store.go, callqueue.go   the sources of one Store, and which call comes next
//	call.go                  a call: a read, or a batch with its fallbacks
//	reading.go               what a reading means to the objects that subscribe to its source
//	slot, breaker, limiter, digest   decisions without side effects
//
// Values are in memory from the end of a read until the owners of the objects that wait for them have collected them.
package fetch

import (
	"context"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/digest"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Priority is the order in which sources and objects have their turn.
type Priority int

// The priorities.
const (
	Background Priority = iota // refreshes, and what follows from them
	Foreground                 // objects that are new or were edited: a user waits
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
	// Notify is called when Collect has something for an object. It must not call the engine.
	Notify func(object plan.ID, priority Priority)
	// Observe is called when a refresh changed nothing for an object: its values are the same (ok), or a source fails as before.
	// It must not call the engine. Nil: not called.
	Observe func(object plan.ID, ok bool, at time.Time)
	// Metrics counts; nil: nothing is counted.
	Metrics *Metrics

	mu            sync.Mutex
	ctx           context.Context //nolint:containedctx // of Run, for the calls, which no caller waits for
	digests       *digest.Maker
	objects       map[plan.ID]*object
	stores        map[plan.Store]*store
	shares        *shares
	uncollected   int       // requests that are complete and have not been collected
	ready         int       // of them those that have values, not failures
	lastCollected time.Time // when a request was last collected, or the first one completed
	lastCallEnded time.Time // when a call last ended
	done          sync.WaitGroup
}

// Failure is a source that could not be read. The error is a *backend.Error.
type Failure struct {
	Source plan.Source
	Err    error
}

// Result is what was read for an object.
type Result struct {
	// Values are those of all sources; nil where one fails. They are shared, and must not be changed.
	Values   render.Values
	Failures []Failure              // in the order of the plan's entries
	Versions map[plan.Source]string // the version last read of each source
	// TooLarge: the sources have more than MaxObjectBytes together. Nothing else is set then.
	TooLarge bool
}

// State is what Collect has for an object.
type State int

// The states.
const (
	Idle    State = iota // nothing was requested, and nothing has changed
	Pending              // Notify will be called when the request is complete
	Ready
)

// Run makes calls until ctx ends, and waits for those under way.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.ctx = ctx
	for _, st := range e.stores {
		e.dispatch(st)
	}
	e.mu.Unlock()
	<-ctx.Done()
	e.done.Wait()
	return nil
}

// Subscribe sets what an object reads, by a plan that policy permits, and how often: each interval, or never where it is 0.
// It replaces the subscription before; an equal one changes nothing. Overdue objects are read before a whole interval has
// passed. An object that is never refreshed gets no notification between its own success and the next Request, even where
// other objects refresh its sources.
func (e *Engine) Subscribe(p *plan.Plan, interval time.Duration, overdue bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.objects == nil {
		e.objects, e.stores, e.shares = map[plan.ID]*object{}, map[plan.Store]*store{}, newShares()
	}
	sources := p.Sources()
	o := e.objects[p.Object]
	if o != nil && o.uid == p.UID && o.interval == interval && o.reads(sources) {
		return
	}
	next := &object{name: p.Object, uid: p.UID, interval: interval, sources: make([]*source, 0, len(sources))}
	now := time.Now()
	for _, read := range sources {
		s := e.store(read.Store).source(read, e.Reader)
		s.subscribe(next)
		next.sources = append(next.sources, s)
		next.unreportedFailure = next.unreportedFailure || s.err != nil && interval > 0
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
	// The old object is removed last, so that sources of both are not forgotten.
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
	e.dropRequest(o)
	for _, s := range o.sources {
		s.unsubscribe(o)
		switch {
		case len(s.subscribers) == 0:
			s.unschedule()
			delete(s.store.sources, s.Read)
			e.closeIfEmpty(s.store)
		case s.interval() == 0 && s.err == nil && !s.wanted():
			s.unschedule() // it was to be refreshed for this object alone
		}
	}
}

// Request has all sources of a subscribed object read now. A read that is under way suffices, unless the read must be fresh.
// Notify is called when all have been read, or have failed.
func (e *Engine) Request(name plan.ID, priority Priority, fresh bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects[name]
	if o == nil {
		return
	}
	o.requested = true
	if o.request != nil && !fresh {
		e.raisePriority(o, priority) // what has been read, or is being read, suffices
	} else {
		e.dropRequest(o)
		e.startRequest(o, priority, fresh, nil, nil)
	}
	e.dispatchFor(o)
	e.resume()
}

// Collect returns what was read for an object. The engine keeps nothing of it.
func (e *Engine) Collect(name plan.ID) (Result, State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects[name]
	switch {
	case o == nil:
		return Result{}, Idle
	case o.request != nil && !o.request.complete():
		return Result{}, Pending
	case o.request != nil:
		return e.collect(o)
	case o.unreportedFailure && o.failing():
		o.unreportedFailure = false
		return o.result(nil), Ready // its present failures, where one of several sources has recovered or failed
	}
	o.unreportedFailure = false // the source has recovered, and its values have been collected since
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

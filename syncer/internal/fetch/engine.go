package fetch

import (
	"context"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/digest"
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
	// Notify is called when Collect has something for an object. It must not call the engine, and may be called concurrently.
	Notify func(object plan.ID, priority Priority)
	// Observe is called when a refresh changed nothing for an object: its values are the same (ok), or a source fails as before.
	// It must not call the engine, and may be called concurrently. Nil: not called.
	Observe func(object plan.ID, ok bool, at time.Time)
	// Metrics counts; nil: nothing is counted.
	Metrics *Metrics

	mu      sync.Mutex
	objects map[plan.ID]*object
	stores  map[plan.Store]*store
	running running

	// What objects and Stores use without the lock.
	shares  *shares
	digests *digest.Maker
}

// running is what runs: the goroutines of Stores, and calls.
type running struct {
	ctx   context.Context //nolint:containedctx // of Run, for the Stores that come later
	group sync.WaitGroup
}

// prepare makes what the zero value lacks.
func (e *Engine) prepare() {
	if e.objects == nil {
		e.objects, e.stores = map[plan.ID]*object{}, map[plan.Store]*store{}
		e.shares, e.digests = newShares(), digest.NewMaker()
	}
}

// Run makes calls until ctx ends, and waits for those under way. It resumes the requests that were deferred.
func (e *Engine) Run(ctx context.Context) error {
	e.startStores(ctx)
	for e.active() {
		if d := e.shares.nextFitting(); d != nil {
			d.object.resume(d)
			continue
		}
		select {
		case <-e.shares.freed:
		case <-ctx.Done():
		}
	}
	e.running.group.Wait()
	return nil
}

// startStores runs the Stores that there are, and has those run that come.
func (e *Engine) startStores(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.prepare()
	e.running.ctx = ctx //nolint:fatcontext // it is set once
	for _, st := range e.stores {
		e.running.start(st)
	}
}

// active reports whether Stores that come run. Once it does not, none is started any more.
func (e *Engine) active() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running.active()
}

func (r *running) start(st *store) {
	r.group.Go(func() { st.run(r.ctx) })
}

func (r *running) active() bool { return r.ctx != nil && r.ctx.Err() == nil }

// Subscribe sets what an object reads, by a plan that policy permits, and how often: each interval, or never where it is 0.
// It replaces the subscription before; an equal one changes nothing. Overdue objects are read before a whole interval has
// passed. An object that is never refreshed gets no notification between its own success and the next Request, even where
// other objects refresh its sources.
func (e *Engine) Subscribe(p *plan.Plan, interval time.Duration, overdue bool) {
	sources := p.Sources()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.prepare()
	before := e.objects[p.Object]
	if before != nil && before.uid == p.UID && before.interval == interval && before.reads(sources) {
		return
	}
	o := &object{engine: e, name: p.Object, uid: p.UID, interval: interval, needs: make([]need, len(sources))}
	e.join(o, sources, overdue)
	// The old object is removed last, so that sources of both are not forgotten.
	e.forget(before)
	e.objects[p.Object] = o
}

// join subscribes an object to its sources. What they deliver meanwhile waits until it has all of them.
func (e *Engine) join(o *object, sources []plan.Source, overdue bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var st *store
	for i := range sources {
		if i == 0 || sources[i].Store != sources[i-1].Store {
			st = e.store(sources[i].Store)
		}
		n := &o.needs[i]
		n.object, n.interval = o, o.interval
		if o.interval <= 0 {
			n.applied = everything
		}
		st.subscribe(n, sources[i], overdue)
	}
	for st := range o.stores {
		st.signal()
	}
}

// Unsubscribe ends an object's subscription. What was read for it is dropped.
func (e *Engine) Unsubscribe(name plan.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(e.objects[name])
	delete(e.objects, name)
}

func (e *Engine) forget(o *object) {
	if o == nil {
		return
	}
	o.close()
	for i := range o.needs {
		st := o.needs[i].source.store
		if last := st.unsubscribe(&o.needs[i]); last {
			delete(e.stores, st.Store)
			e.Reader.Forget(st.Store)
		}
	}
	for st := range o.stores {
		st.signal()
	}
}

// Request has all sources of a subscribed object read now. A read that is under way suffices, unless the read must be fresh.
// Notify is called when all have been read, or have failed.
func (e *Engine) Request(name plan.ID, priority Priority, fresh bool) {
	if o := e.object(name); o != nil {
		o.readNow(priority, fresh)
	}
}

// Collect returns what was read for an object. The engine keeps nothing of it.
func (e *Engine) Collect(name plan.ID) (Result, State) {
	if o := e.object(name); o != nil {
		return o.collect()
	}
	return Result{}, Idle
}

// Freshness is when the oldest of an object's sources was read with success; zero where one was not,
// or fails.
func (e *Engine) Freshness(name plan.ID) time.Time {
	if o := e.object(name); o != nil {
		return o.freshness()
	}
	return time.Time{}
}

func (e *Engine) object(name plan.ID) *object {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.objects[name]
}

// store is the engine's one of a plan.Store, which runs if the engine does.
func (e *Engine) store(of plan.Store) *store {
	st := e.stores[of]
	if st == nil {
		st = newStore(e, of)
		e.stores[of] = st
		if e.running.active() {
			e.running.start(st)
		}
	}
	return st
}

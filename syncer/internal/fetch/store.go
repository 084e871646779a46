package fetch

import (
	"context"
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// store reads the sources of one plan.Store. It is an actor: messages change its state under its lock and wake its goroutine, which
// alone takes steps and sends deliveries. Stores have nothing in common but shares, so that the trouble of one tenant does not reach
// another.
type store struct {
	plan.Store
	engine *Engine
	wake   chan struct{} // holds one: a message has come
	line   line          // where it waits for shares

	mu            sync.Mutex
	state         state
	outbox        []delivery
	closed        bool // no object reads it any more
	lastCallEnded time.Time
}

func newStore(e *Engine, of plan.Store) *store {
	st := &store{Store: of, engine: e, wake: make(chan struct{}, 1), state: newState()}
	st.line.wake = st.signal
	return st
}

// signal has the goroutine look at what has changed. It never blocks.
func (st *store) signal() {
	select {
	case st.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// subscribe is the message that an object reads a source.
func (st *store) subscribe(n *need, read plan.Source, overdue bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	src := st.state.sources[read.Read]
	if src == nil {
		src = newSource(st, read)
		st.state.sources[read.Read] = src
	}
	st.state.subscribe(src, n, overdue, time.Now())
}

// unsubscribe is the message that an object does not read a source any more. It reports whether that was the Store's last one, which
// ends it.
func (st *store) unsubscribe(n *need) (last bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.state.unsubscribe(n)
	st.closed = len(st.state.sources) == 0
	return st.closed
}

// want is the message that an object waits for reads of its sources of this Store, but the one that it has already. A read that is
// under way suffices, unless it must be fresh.
func (st *store) want(o *object, have *need, priority Priority, fresh bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := time.Now()
	for n := range o.needsOf(st) {
		if n == have {
			continue
		}
		n.interval, n.priority, n.wanted = o.interval, priority, n.source.progress.begun
		if n.source.underway() && !fresh {
			st.engine.Metrics.avoid("in_flight", 1)
			continue
		}
		n.wanted++
		st.state.enqueue(n.source, priority, o.name.Namespace, now)
	}
	st.signal()
}

// raise is the message that an object waits with a higher priority.
func (st *store) raise(o *object, priority Priority) {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := time.Now()
	for n := range o.needsOf(st) {
		if n.read < n.wanted {
			n.priority = priority
			st.state.enqueue(n.source, priority, o.name.Namespace, now)
		}
	}
	st.signal()
}

// withdraw is the message that an object waits for no reads any more.
func (st *store) withdraw(o *object) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for n := range o.needsOf(st) {
		n.wanted = 0
	}
}

// pause is the message that an object needs no reads before it wants the next ones.
func (st *store) pause(o *object) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for n := range o.needsOf(st) {
		n.wanted, n.interval = 0, 0
		if src := n.source; src.interval() == 0 && !src.wanted() {
			st.state.scheduled.remove(src)
		}
	}
}

// run sends deliveries and takes steps until ctx ends, or the Store.
func (st *store) run(ctx context.Context) {
	defer st.engine.shares.leave(&st.line)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var sent []delivery
	for ctx.Err() == nil {
		deliveries, until, closed := st.work(ctx, sent)
		for i := range deliveries {
			d := &deliveries[i]
			d.need.object.receive(d)
			*d = delivery{} // its values are the object's now
		}
		sent = deliveries[:0]
		if closed {
			return
		}
		if len(deliveries) == 0 {
			st.rest(ctx, timer, until)
		}
	}
}

// work takes steps until there is none to take, or something to deliver. It returns that, in exchange for an empty outbox: no call is
// launched before objects have what was read, as what they hold decides whether more may be read.
func (st *store) work(ctx context.Context, empty []delivery) (deliveries []delivery, until time.Time, closed bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for now := time.Now(); len(st.outbox) == 0 && !st.closed; {
		next := st.state.decide(now, st.may)
		if next.action == rest {
			until = next.until
			st.state.lacksShare = len(next.lacking) > 0
			st.engine.shares.await(&st.line, st.state.trial(), next.lacking)
			break
		}
		st.take(ctx, next, now)
	}
	deliveries, st.outbox = st.outbox, empty
	return deliveries, until, st.closed
}

// rest waits for a message, a time (zero: none) or the end of ctx.
func (st *store) rest(ctx context.Context, timer *time.Timer, until time.Time) {
	timer.Stop()
	if !until.IsZero() {
		timer.Reset(time.Until(until))
	}
	select {
	case <-st.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// take does one step.
func (st *store) take(ctx context.Context, next step, now time.Time) {
	src := next.source
	switch next.action {
	case queued:
		st.state.enqueue(src, src.priority(), "", now)
	case probe:
		st.state.enqueue(src, Background, "", now)
	case fail:
		src.place.queue.remove(src)
		src.progress.begun++ // a read that was not made
		st.resolve(src, &result{err: st.state.breaker.last.For(src.Read)}, now)
	case launch:
		st.launch(ctx, next, now)
	case rest:
	}
}

// may reports whether the share of a namespace permits a call.
func (st *store) may(namespace string) bool {
	return st.engine.shares.may(&st.line, st.state.trial(), namespace)
}

// launch starts a call, unless another Store has just taken the share that it needs.
func (st *store) launch(ctx context.Context, next step, now time.Time) {
	first, trial := next.source, st.state.trial()
	namespace := first.place.namespace
	if !st.engine.shares.acquire(&st.line, trial, namespace) {
		return
	}
	c := &call{store: st, priority: next.priority, namespace: namespace, trial: trial, batch: first.batch > 1}
	c.sources = st.state.sourcesOf(first, next.priority, st.may, now)
	st.state.started(c, now)
	st.engine.running.group.Go(func() { c.run(ctx) })
}

// ended is the message that a call has ended, with a result for each of its sources.
func (st *store) ended(c *call, results []result) {
	now := time.Now()
	st.engine.shares.callEnded(c.trial, c.namespace, now)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.state.byPriority[c.priority].release(c)
	st.lastCallEnded = now
	for i := range results {
		if results[i].single {
			c.sources[i].progress.singleUntil = now.Add(singleFor)
		}
		st.resolve(c.sources[i], &results[i], now)
	}
	if st.closed && results != nil {
		st.engine.Reader.Forget(st.Store) // the call may have opened a session since the Store was closed
	}
	st.signal()
}

// resolve ends a read of a source, and has its result delivered to all objects that subscribe to it.
func (st *store) resolve(src *source, r *result, now time.Time) {
	src.progress.ended = src.progress.begun
	if !st.state.resolve(src, r, now) {
		return
	}
	for _, n := range src.subscribers {
		st.outbox = append(st.outbox, delivery{
			need: n, reading: src.found.reading, read: src.progress.delivered, began: src.progress.startedAt, values: r.values,
		})
	}
	if more := len(src.subscribers) - 1; more > 0 && r.err == nil {
		st.engine.Metrics.avoid("shared", more)
	}
}

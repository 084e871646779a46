package fetch

import (
	"github.com/secretgate/secretgate/shared/fair"
)

// What all objects share. Each is shared among namespaces as package fair says.
const (
	// maxCalls is how many calls may be under way at backends that answer.
	maxCalls = 128
	// maxTrials is how many may be under way at stores that never answered, or have an open breaker: such calls may last until
	// they time out, and there may be any number of such stores.
	maxTrials = 32
	// maxHeldBytes bounds the values in memory, from their read until they are collected.
	maxHeldBytes = 64 << 20
	// maxReady is how many objects may wait to be collected before reads pause. Failures do not count: they have no values, and
	// their recovery must be noticed.
	maxReady = 512
)

// MaxObjectBytes bounds the values of all sources of an object.
const MaxObjectBytes = 8 << 20

// readyWeight is the least that an object counts for while it waits to be collected, however small its values are.
const readyWeight = maxHeldBytes / maxReady

// shares are the pools that all objects share, by namespace.
type shares struct {
	calls, trials gate
	// ready counts the bytes of objects that wait to be collected, at least readyWeight each.
	ready gate
	// bytes counts those of all requests. A request for which there is no memory is deferred and starts again later, so that no
	// request waits for one that waits itself.
	bytes    fair.Pool
	deferred fair.Queue[*object]
}

func newShares() *shares {
	return &shares{
		calls:  gate{Pool: fair.Pool{Capacity: maxCalls}},
		trials: gate{Pool: fair.Pool{Capacity: maxTrials}},
		ready:  gate{Pool: fair.Pool{Capacity: maxHeldBytes}},
		bytes:  fair.Pool{Capacity: maxHeldBytes},
	}
}

// of is the pool that a store's next call counts in.
func (s *shares) of(st *store) *gate {
	if !st.answered || st.breaker.open() {
		return &s.trials
	}
	return &s.calls
}

// mayCall reports whether a store may call for a namespace, and what it has to wait for if it may not.
func (s *shares) mayCall(st *store, namespace string) (*gate, bool) {
	if g := s.of(st); !g.CanAcquire(namespace, 1) {
		return g, false
	}
	return &s.ready, s.ready.CanAcquire(namespace, readyWeight)
}

// wait has a store dispatched again once one of its namespaces gets the share that it lacks. It reports whether there is such a
// namespace: otherwise the store's own limits are reached, and the ends of its own calls dispatch it.
func (s *shares) wait(st *store) (waits bool) {
	for _, q := range st.queues() {
		for namespace := range q.Fronts {
			if g, ok := s.mayCall(st, namespace); !ok {
				g.wait(namespace, st)
				waits = true
			}
		}
	}
	return waits
}

// next is a store that has waited and may call now.
func (s *shares) next() (*store, bool) {
	for _, g := range []*gate{&s.calls, &s.trials} {
		if st, ok := g.next(1); ok {
			return st, true
		}
	}
	return s.ready.next(readyWeight)
}

// nextFitting is a deferred object for which there is memory now.
func (s *shares) nextFitting() (*object, bool) {
	for namespace, o := range s.deferred.Fronts {
		if s.bytes.CanAcquire(namespace, max(o.expected(), 1)) {
			return o, true
		}
	}
	return nil, false
}

// gate is a pool that stores wait for.
type gate struct {
	fair.Pool
	waiting    fair.Queue[*store]
	registered map[waiter]bool
}

type waiter struct {
	namespace string
	store     *store
}

func (g *gate) wait(namespace string, st *store) {
	w := waiter{namespace, st}
	if g.registered[w] {
		return
	}
	if g.registered == nil {
		g.registered = map[waiter]bool{}
	}
	g.registered[w] = true
	g.waiting.Push(namespace, st)
}

// next removes a store that waits for a namespace which may now acquire n.
func (g *gate) next(n int) (st *store, ok bool) {
	namespace := ""
	st, ok = g.waiting.Pop(func(ns string) bool {
		namespace = ns
		return g.CanAcquire(ns, n)
	})
	delete(g.registered, waiter{namespace, st})
	return st, ok
}

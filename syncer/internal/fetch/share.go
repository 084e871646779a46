package fetch

import (
	"github.com/secretgate/secretgate/syncer/internal/fair"
)

// What all objects share. Each is shared among namespaces as package fair says.
const (
	// maxCalls is how many calls may be under way at backends that answer.
	maxCalls = 128
	// maxTrials is how many may be under way at scopes that never answered, or whose breaker is open: they may take as long as
	// a call may take, and there may be any number of them.
	maxTrials = 32
	// maxHeldBytes bounds the values in memory, from their read until they are taken.
	maxHeldBytes = 64 << 20
	// maxReady is how many objects may wait to be taken before no more is read. Failures hold no values, and must not keep
	// their own end from being noticed.
	maxReady = 512
)

// MaxObjectBytes is what the values of an object's sources may add up to.
const MaxObjectBytes = 8 << 20

// readyWeight is the share of an object that waits to be taken, whose values may be small.
const readyWeight = maxHeldBytes / maxReady

// shares are what namespaces hold of what all objects share.
type shares struct {
	calls, trials gate
	// ready holds the bytes of objects that wait to be taken, at least readyWeight each.
	ready gate
	// bytes holds those of all demands. A demand for which there is no room is put off, and read for again later: nothing
	// waits for a demand that waits itself.
	bytes  fair.Pool
	putOff fair.Queue[*object]
}

func newShares() *shares {
	return &shares{
		calls:  gate{Pool: fair.Pool{Capacity: maxCalls}},
		trials: gate{Pool: fair.Pool{Capacity: maxTrials}},
		ready:  gate{Pool: fair.Pool{Capacity: maxHeldBytes}},
		bytes:  fair.Pool{Capacity: maxHeldBytes},
	}
}

// of is the share that a scope's next call takes.
func (s *shares) of(sc *scope) *gate {
	if !sc.proven || sc.breaker.open() {
		return &s.trials
	}
	return &s.calls
}

// may reports whether a scope may call for a namespace, and what it has to wait for if it may not.
func (s *shares) may(sc *scope, namespace string) (*gate, bool) {
	if g := s.of(sc); !g.May(namespace, 1) {
		return g, false
	}
	return &s.ready, s.ready.May(namespace, readyWeight)
}

// wait has a scope dispatched again once one of the namespaces that it reads for may take what it lacks. It reports whether
// there is such a namespace: otherwise the scope's own bounds are reached, and its own calls dispatch it.
func (s *shares) wait(sc *scope) (waits bool) {
	for _, q := range sc.queues() {
		for namespace := range q.Fronts {
			if g, ok := s.may(sc, namespace); !ok {
				g.wait(namespace, sc)
				waits = true
			}
		}
	}
	return waits
}

// next is a scope that has waited and may call now.
func (s *shares) next() (*scope, bool) {
	for _, g := range []*gate{&s.calls, &s.trials} {
		if sc, ok := g.next(1); ok {
			return sc, true
		}
	}
	return s.ready.next(readyWeight)
}

// fits is an object that was put off, and for which there is room now.
func (s *shares) fits() (*object, bool) {
	for namespace, o := range s.putOff.Fronts {
		if s.bytes.May(namespace, max(o.expected(), 1)) {
			return o, true
		}
	}
	return nil, false
}

// gate is a pool that scopes wait for.
type gate struct {
	fair.Pool
	waiting fair.Queue[*scope]
	known   map[waiter]bool
}

type waiter struct {
	namespace string
	scope     *scope
}

func (g *gate) wait(namespace string, sc *scope) {
	w := waiter{namespace, sc}
	if g.known[w] {
		return
	}
	if g.known == nil {
		g.known = map[waiter]bool{}
	}
	g.known[w] = true
	g.waiting.Push(namespace, sc)
}

// next takes a scope out that waits for a namespace which may take n.
func (g *gate) next(n int) (sc *scope, ok bool) {
	namespace := ""
	sc, ok = g.waiting.Pop(func(ns string) bool {
		namespace = ns
		return g.May(ns, n)
	})
	delete(g.known, waiter{namespace, sc})
	return sc, ok
}

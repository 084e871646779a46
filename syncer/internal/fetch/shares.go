package fetch

import (
	"sync"
	"time"

	"github.com/secretgate/secretgate/shared/fair"
)

// What all Stores share. Each is shared among namespaces as package fair says.
const (
	// maxCalls is how many calls may be under way at backends that answer.
	maxCalls = 128
	// maxTrials is how many may be under way at Stores that never answered, or have an open breaker: such calls may last until
	// they time out, and there may be any number of such Stores.
	maxTrials = 32
	// maxHeldBytes bounds the values in memory, from their read until they are collected.
	maxHeldBytes = 64 << 20
	// maxReady is how many objects may wait to be collected before reads pause. Failures do not count: they have no values, and
	// their recovery must be noticed.
	maxReady = 512
)

// readyWeight is the least that an object counts for while it waits to be collected, however small its values are.
const readyWeight = maxHeldBytes / maxReady

// shares are the pools that all objects share, by namespace. Its lock is the last to be taken, and it calls none but wake functions, which
// do not block. What is released is given to those who wait for it, in their turn: they need not compete for it.
type shares struct {
	mu            sync.Mutex
	calls, trials callPool
	// ready counts the bytes of objects that wait to be collected, at least readyWeight each.
	ready fair.Pool
	// bytes counts those of all requests. A request for which there is no memory is deferred and starts again later, so that no request
	// waits for one that waits itself.
	bytes    fair.Pool
	deferred fair.Queue[*deferral]
	freed    chan struct{} // holds one: there may be memory for a request that is deferred
	progress headway
}

// headway is what shows that the engine as a whole makes progress.
type headway struct {
	uncollected   int       // requests that are complete and have not been collected
	ready         int       // of them those that have values, not failures
	lastCollected time.Time // when a request was last collected, or the first one completed
	lastCallEnded time.Time
}

// callPool is a pool of calls, which Stores wait for.
type callPool struct {
	fair.Pool
	waiting fair.Queue[*line]
}

// line is where a Store waits for calls: for each namespace and pool once at most.
type line struct {
	wake    func()
	turns   map[turn]*fair.Element[*line] // nil: the call is granted, and counts already
	granted int                           // of the turns
}

func (l *line) has(t turn) bool {
	element, ok := l.turns[t]
	return ok && element == nil
}

// turn is what a Store waits for.
type turn struct {
	trial     bool
	namespace string
}

func newShares() *shares {
	return &shares{
		calls:  callPool{Pool: fair.Pool{Capacity: maxCalls}},
		trials: callPool{Pool: fair.Pool{Capacity: maxTrials}},
		ready:  fair.Pool{Capacity: maxHeldBytes},
		bytes:  fair.Pool{Capacity: maxHeldBytes},
		freed:  make(chan struct{}, 1),
	}
}

func (s *shares) pool(trial bool) *callPool {
	if trial {
		return &s.trials
	}
	return &s.calls
}

// fits reports whether one more call of a namespace may go: there is one, and what has been read is collected.
func (s *shares) fits(trial bool, namespace string) bool {
	return s.pool(trial).CanAcquire(namespace, 1) && s.ready.CanAcquire(namespace, readyWeight)
}

// may reports whether a Store may call for a namespace.
func (s *shares) may(l *line, trial bool, namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.has(turn{trial, namespace}) || s.fits(trial, namespace)
}

// acquire takes a call for a namespace, and reports whether there was one.
func (s *shares) acquire(l *line, trial bool, namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := turn{trial, namespace}
	switch {
	case l.has(t):
		l.granted--
		delete(l.turns, t)
		if len(l.turns) == 0 {
			l.turns = nil // most Stores wait once, before they have answered
		}
	case s.fits(trial, namespace):
		s.pool(trial).Acquire(namespace, 1)
	default:
		return false
	}
	return true
}

// await is for a Store that rests: it waits for calls of the namespaces that lack one, and gives back those that it has no use for.
func (s *shares) await(l *line, trial bool, lacking []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(lacking) == 0 && l.granted == 0 {
		return
	}
	s.giveBack(l)
	if l.turns == nil {
		l.turns = map[turn]*fair.Element[*line]{}
	}
	for _, namespace := range lacking {
		t := turn{trial, namespace}
		if _, waits := l.turns[t]; !waits {
			l.turns[t] = s.pool(trial).waiting.Push(namespace, l)
		}
	}
	s.grant()
}

// leave is for a Store that ends.
func (s *shares) leave(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(l)
	for t, element := range l.turns {
		s.pool(t.trial).waiting.Remove(element)
	}
	clear(l.turns)
	s.grant()
}

func (s *shares) giveBack(l *line) {
	if l.granted == 0 {
		return
	}
	for t, element := range l.turns {
		if element == nil {
			s.pool(t.trial).Release(t.namespace, 1)
			delete(l.turns, t)
		}
	}
	l.granted = 0
}

// grant gives the calls that are free to Stores that wait for one.
func (s *shares) grant() {
	for _, trial := range []bool{false, true} {
		pool := s.pool(trial)
		for pool.waiting.Len() > 0 && pool.Held() < pool.Capacity {
			var t turn
			l, ok := pool.waiting.Pop(func(namespace string) bool {
				t = turn{trial, namespace}
				return s.fits(trial, namespace)
			})
			if !ok {
				break
			}
			l.turns[t] = nil
			l.granted++
			pool.Acquire(t.namespace, 1)
			l.wake()
		}
	}
}

// callEnded takes a call back.
func (s *shares) callEnded(trial bool, namespace string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.lastCallEnded = now
	s.pool(trial).Release(namespace, 1)
	s.grant()
}

// completed counts a request that is complete; weight is 0 where it has no values.
func (s *shares) completed(namespace string, weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress.uncollected == 0 {
		s.progress.lastCollected = time.Now()
	}
	s.progress.uncollected++
	s.weigh(namespace, 0, weight)
}

// collected is the opposite of completed.
func (s *shares) collected(namespace string, weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.uncollected--
	s.progress.lastCollected = time.Now()
	s.weigh(namespace, weight, 0)
}

// reweigh is for a complete request whose values are replaced, or dropped.
func (s *shares) reweigh(namespace string, from, to int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weigh(namespace, from, to)
}

func (s *shares) weigh(namespace string, from, to int) {
	if from > 0 {
		s.ready.Release(namespace, from)
		s.progress.ready--
	}
	if to > 0 {
		s.ready.Acquire(namespace, to)
		s.progress.ready++
	}
	s.grant()
}

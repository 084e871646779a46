package admit

import (
	"context"
	"sync"
)

// pool is a bounded number of bytes that namespaces share fairly: a namespace may acquire what is free, and what becomes free goes
// to the waiting namespace that holds least, so that none gets more than its share while others wait. Within a namespace requests
// are served in their order. The zero value has no bytes.
type pool struct {
	capacity int64

	mu      sync.Mutex
	used    int64
	arrived int
	held    map[string]int64     // by namespace; those that hold nothing are left out
	waiting map[string][]*waiter // by namespace; those of which nothing waits are left out
}

type waiter struct {
	size    int64
	arrival int
	granted chan struct{} // closed once the bytes are the waiter's
}

// acquire waits for a number of bytes until ctx ends; more than the capacity count as all of it. The caller has to release them.
func (s *pool) acquire(ctx context.Context, namespace string, size int64) (release func(), err error) {
	size = min(size, s.capacity)
	release = sync.OnceFunc(func() { s.release(namespace, size) })
	w := s.enqueue(namespace, size)
	select {
	case <-w.granted:
		return release, nil
	case <-ctx.Done():
	}
	if !s.cancel(namespace, w) {
		release()
	}
	return nil, ctx.Err()
}

func (s *pool) enqueue(namespace string, size int64) *waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held, s.waiting = map[string]int64{}, map[string][]*waiter{}
	}
	s.arrived++
	w := &waiter{size: size, arrival: s.arrived, granted: make(chan struct{})}
	s.waiting[namespace] = append(s.waiting[namespace], w)
	s.grant()
	return w
}

// cancel removes a waiter from its queue. It reports false where the waiter was granted its bytes in the meantime.
func (s *pool) cancel(namespace string, w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.waiting[namespace] {
		if other == w {
			s.dequeue(namespace, i)
			s.grant() // those behind it may need less
			return true
		}
	}
	return false
}

func (s *pool) release(namespace string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= size
	if s.held[namespace] -= size; s.held[namespace] <= 0 {
		delete(s.held, namespace)
	}
	s.grant()
}

// grant gives waiters their bytes, in turn. It never skips a large waiter for a smaller one behind it that would fit: large ones
// might wait for ever.
func (s *pool) grant() {
	for len(s.waiting) > 0 {
		namespace := s.next()
		w := s.waiting[namespace][0]
		if s.used+w.size > s.capacity {
			return
		}
		s.dequeue(namespace, 0)
		s.used += w.size
		s.held[namespace] += w.size
		close(w.granted)
	}
}

// next is the waiting namespace that holds least; of several, the one that waits longest.
func (s *pool) next() string {
	best, found := "", false
	for namespace, queue := range s.waiting {
		held, least := s.held[namespace], s.held[best]
		if !found || held < least || held == least && queue[0].arrival < s.waiting[best][0].arrival {
			best, found = namespace, true
		}
	}
	return best
}

func (s *pool) dequeue(namespace string, i int) {
	queue := s.waiting[namespace]
	if len(queue) == 1 {
		delete(s.waiting, namespace)
		return
	}
	s.waiting[namespace] = append(queue[:i:i], queue[i+1:]...)
}

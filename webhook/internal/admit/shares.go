package admit

import (
	"context"
	"sync"
)

// shares hands out a bounded number of bytes, fairly by namespace: one that waits may take what is free, and what comes free goes
// to the one that holds least, so that none gets more than its share while others wait. Within a namespace, first come, first
// served. The zero value has no bytes.
type shares struct {
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

// take waits for so many bytes until ctx ends; more than there are count as all of them. The caller is to give them back.
func (s *shares) take(ctx context.Context, namespace string, size int64) (giveBack func(), err error) {
	size = min(size, s.capacity)
	giveBack = sync.OnceFunc(func() { s.giveBack(namespace, size) })
	w := s.enqueue(namespace, size)
	select {
	case <-w.granted:
		return giveBack, nil
	case <-ctx.Done():
	}
	if !s.leave(namespace, w) {
		giveBack()
	}
	return nil, ctx.Err()
}

func (s *shares) enqueue(namespace string, size int64) *waiter {
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

// leave takes a waiter out of its queue. It reports false where the waiter was granted its bytes in the meantime.
func (s *shares) leave(namespace string, w *waiter) bool {
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

func (s *shares) giveBack(namespace string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= size
	if s.held[namespace] -= size; s.held[namespace] <= 0 {
		delete(s.held, namespace)
	}
	s.grant()
}

// grant serves those whose turn it is. Who is next is waited for, even where a smaller one behind would fit: else large ones
// would wait for ever.
func (s *shares) grant() {
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
func (s *shares) next() string {
	best, found := "", false
	for namespace, queue := range s.waiting {
		held, least := s.held[namespace], s.held[best]
		if !found || held < least || held == least && queue[0].arrival < s.waiting[best][0].arrival {
			best, found = namespace, true
		}
	}
	return best
}

func (s *shares) dequeue(namespace string, i int) {
	queue := s.waiting[namespace]
	if len(queue) == 1 {
		delete(s.waiting, namespace)
		return
	}
	s.waiting[namespace] = append(queue[:i:i], queue[i+1:]...)
}

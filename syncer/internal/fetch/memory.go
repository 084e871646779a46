package fetch

import "github.com/secretgate/secretgate/shared/fair"

// deferral is a request that waits for memory.
type deferral struct {
	object  *object
	bytes   int // that it is expected to need
	element *fair.Element[*deferral]
	over    bool // it does not wait any more
}

// reserve takes memory for values, and reports whether there was as much.
func (s *shares) reserve(namespace string, bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.bytes.CanAcquire(namespace, bytes) {
		return false
	}
	s.bytes.Acquire(namespace, bytes)
	return true
}

// free gives memory back.
func (s *shares) free(namespace string, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes.Release(namespace, bytes)
	s.resumeDeferred()
}

func (s *shares) resumeDeferred() {
	if s.deferred.Len() == 0 {
		return
	}
	select {
	case s.freed <- struct{}{}:
	default: // it is known
	}
}

// postpone has a request resumed when there is memory for it.
func (s *shares) postpone(o *object, namespace string, bytes int) *deferral {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &deferral{object: o, bytes: bytes}
	d.element = s.deferred.Push(namespace, d)
	s.resumeDeferred()
	return d
}

// cancel ends a deferral.
func (s *shares) cancel(d *deferral) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.over {
		d.over = true
		s.deferred.Remove(d.element)
	}
}

// nextFitting is a deferral for which there is memory, which it takes; nil where there is none.
func (s *shares) nextFitting() *deferral {
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace, d := range s.deferred.Fronts {
		if s.bytes.CanAcquire(namespace, max(d.bytes, 1)) {
			d.over = true
			s.deferred.Remove(d.element)
			s.bytes.Acquire(namespace, d.bytes)
			return d
		}
	}
	return nil
}

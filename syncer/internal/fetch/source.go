package fetch

import (
	"container/heap"
	"slices"
	"time"

	"github.com/secretgate/secretgate/shared/fair"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
	"github.com/secretgate/secretgate/syncer/internal/digest"
)

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// gracePeriod is how long a transient failure is retried before the objects that wait for the source are notified.
	gracePeriod = 3 * time.Second
	// singleFor is how long a source that made a batch fail is read singly, and all sources of an identity whose batches all fail.
	singleFor = time.Hour
)

// source is a source that objects subscribe to. It is in one state at a time: scheduled, in a queue, under way, or none of these
// (where it is not refreshed).
type source struct {
	plan.Read
	store       *store
	subscribers []*object
	phase       uint64
	batch       int // how many sources a call may read together with this one, itself included

	position int                    // in store.scheduled; -1: not there
	due      time.Time              // of a scheduled one
	element  *fair.Element[*source] // of queue; nil: not queued
	queue    *queue
	// namespace is the one that its next read counts for: that of the last object that requested it.
	namespace string
	underway  bool
	startedAt time.Time // of the read under way
	refresh   bool      // it is read in the background: no object waits for it
	reads     uint64    // reads begun

	// waitingSince is when it began to wait for a read, transient failures included; zero: it does not wait.
	waitingSince time.Time
	singleUntil  time.Time // until then it is read singly

	// The result of the last read, without the value itself.
	digest   digest.Digest
	version  string
	size     int       // of the value, in bytes
	readAt   time.Time // when the last read that succeeded began; zero: none
	err      *backend.Error
	failures int // in a row
}

// Source is what is read, and from where.
func (s *source) Source() plan.Source { return plan.Source{Store: s.store.Store, Read: s.Read} }

// interval is the shortest among its subscribers'; 0: it is refreshed for none of them.
func (s *source) interval() time.Duration {
	var shortest time.Duration
	for _, o := range s.subscribers {
		if o.interval > 0 && !o.tooLarge && (shortest == 0 || o.interval < shortest) {
			shortest = o.interval
		}
	}
	return shortest
}

func (s *source) subscribe(o *object) { s.subscribers = append(s.subscribers, o) }

func (s *source) unsubscribe(o *object) {
	if i := slices.Index(s.subscribers, o); i >= 0 {
		last := len(s.subscribers) - 1
		s.subscribers[i] = s.subscribers[last]
		s.subscribers[last] = nil
		s.subscribers = s.subscribers[:last]
	}
	if s.element == nil && s.namespace == o.name.Namespace {
		s.namespace = ""
	}
}

// wanted reports whether an object waits for a read that has not begun.
func (s *source) wanted() bool {
	return slices.ContainsFunc(s.subscribers, func(o *object) bool { return o.request != nil && o.request.pending[s] > s.reads })
}

// priority is the highest among the objects that wait for the source.
func (s *source) priority() Priority {
	priority := Background
	for _, o := range s.subscribers {
		if o.request != nil && o.request.pending[s] > 0 {
			priority = max(priority, o.request.priority)
		}
	}
	return priority
}

// retry is how long to wait after the latest failure.
func (s *source) retry() time.Duration {
	wait := backoff.Step(s.failures, firstRetry, lastRetry)
	if interval := s.interval(); interval > 0 {
		return min(wait, max(interval, firstRetry))
	}
	return wait
}

// idle reports whether the source is not read again before the next request.
func (s *source) idle() bool { return s.position < 0 && s.element == nil && !s.underway }

// schedule makes the source due at a time, unless it is due sooner already.
func (s *source) schedule(due time.Time) {
	switch {
	case s.position >= 0:
		if due.Before(s.due) {
			s.due = due
			heap.Fix(&s.store.scheduled, s.position)
		}
	case s.idle():
		s.due = due
		heap.Push(&s.store.scheduled, s)
	}
}

// unschedule removes the source from the schedule and from its queue.
func (s *source) unschedule() {
	if s.position >= 0 {
		heap.Remove(&s.store.scheduled, s.position)
	}
	if s.element != nil {
		s.queue.remove(s)
	}
}

// schedule orders sources by when they are due. It implements heap.Interface.
type schedule []*source

func (h schedule) Len() int           { return len(h) }
func (h schedule) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h schedule) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].position, h[j].position = i, j
}

func (h *schedule) Push(x any) {
	s := x.(*source) //nolint:errcheck // the heap holds nothing else
	s.position = len(*h)
	*h = append(*h, s)
}

func (h *schedule) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.position = -1
	return s
}

// queue holds sources that wait for a call. Namespaces take turns.
type queue struct{ fair.Queue[*source] }

func (q *queue) push(s *source) {
	if s.namespace == "" {
		s.namespace = s.subscribers[0].name.Namespace
	}
	s.queue, s.element = q, q.Push(s.namespace, s)
}

func (q *queue) remove(s *source) {
	q.Remove(s.element)
	s.queue, s.element = nil, nil
}

// take removes up to n sources of the namespaces that may call; nil: all may.
func (q *queue) take(n int, may func(namespace string) bool) []*source {
	var taken []*source
	for len(taken) < n {
		s, ok := q.Pop(may)
		if !ok {
			break
		}
		s.queue, s.element = nil, nil
		taken = append(taken, s)
	}
	return taken
}

// pastGracePeriod is a source that has waited longer than the grace period; nil where there is none.
func (q *queue) pastGracePeriod(now time.Time) *source {
	for _, s := range q.Fronts {
		if now.Sub(s.waitingSince) >= gracePeriod {
			return s
		}
	}
	return nil
}

package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/fair"
)

// queue holds sources that wait for a call. Namespaces take turns.
type queue struct{ fair.Queue[*source] }

func (q *queue) push(s *source) {
	if s.place.namespace == "" {
		s.place.namespace = s.subscribers[0].object.name.Namespace
	}
	s.place.queue, s.place.element = q, q.Push(s.place.namespace, s)
}

func (q *queue) remove(s *source) {
	q.Remove(s.place.element)
	s.place.queue, s.place.element = nil, nil
}

// take removes up to n sources of the namespaces that may call; nil: all may.
func (q *queue) take(n int, may func(namespace string) bool) []*source {
	var taken []*source
	for len(taken) < n {
		s, ok := q.Pop(may)
		if !ok {
			break
		}
		s.place.queue, s.place.element = nil, nil
		taken = append(taken, s)
	}
	return taken
}

// pastGracePeriod is a source that has waited longer than the grace period; nil where there is none.
func (q *queue) pastGracePeriod(now time.Time) *source {
	for _, s := range q.Fronts {
		if now.Sub(s.progress.waitingSince) >= gracePeriod {
			return s
		}
	}
	return nil
}

// callQueue is what waits for a call with one priority: sources that are read singly, and sources that can be in a batch.
type callQueue struct {
	singles, batches queue
	calls            fair.Pool // under way
	batchCalls       fair.Pool // of them those that are batches
}

// single is the next source that is read singly, of a namespace that has less than its share of the calls under way; nil where there
// is none.
func (q *callQueue) single(may func(namespace string) bool) *source {
	s, _ := q.singles.Peek(func(namespace string) bool { return q.calls.CanAcquire(namespace, 1) && may(namespace) })
	return s
}

// batch is the first source of the next batch, of a namespace that has less than its share of the batches under way; nil where there is
// none.
func (q *callQueue) batch(may func(namespace string) bool) *source {
	s, _ := q.batches.Peek(func(namespace string) bool { return q.batchCalls.CanAcquire(namespace, 1) && may(namespace) })
	return s
}

// fill takes the sources of a batch: the first one, others of its namespace, and then those of other namespaces.
func (q *callQueue) fill(first *source, may func(namespace string) bool) []*source {
	sources := q.batches.take(first.batch, func(namespace string) bool { return namespace == first.place.namespace })
	return append(sources, q.batches.take(first.batch-len(sources), q.mayFill(first, may))...)
}

// mayFill reports which namespaces may fill up another one's batch: those with too few sources to fill a batch of their own. A
// batch takes as long as all of its values, and the values of a namespace with many sources may be large.
func (q *callQueue) mayFill(first *source, may func(namespace string) bool) func(namespace string) bool {
	return func(namespace string) bool {
		return may(namespace) && (namespace == first.place.namespace || q.batches.Waiting(namespace) < first.batch)
	}
}

// acquire counts a call that starts.
func (q *callQueue) acquire(c *call) {
	q.calls.Acquire(c.namespace, 1)
	if c.batch {
		q.batchCalls.Acquire(c.namespace, 1)
	}
}

// release counts a call that has ended.
func (q *callQueue) release(c *call) {
	q.calls.Release(c.namespace, 1)
	if c.batch {
		q.batchCalls.Release(c.namespace, 1)
	}
}

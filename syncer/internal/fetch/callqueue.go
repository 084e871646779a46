package fetch

import (
	"github.com/secretgate/secretgate/shared/fair"
)

// callQueue is what waits for a call with one priority: sources that are read singly, and sources that can be in a batch.
type callQueue struct {
	singles, batches queue
	calls            fair.Pool // under way
	batchCalls       fair.Pool // of them those that are batches
}

// batch is the first source of the next batch, if there may be one: of a namespace that has less than its share of the batches
// under way.
func (q *callQueue) batch(may func(namespace string) bool) (*source, bool) {
	return q.batches.Peek(func(namespace string) bool { return q.batchCalls.CanAcquire(namespace, 1) && may(namespace) })
}

// fill takes the sources of a batch: the first one, others of its namespace, and then those of other namespaces.
func (q *callQueue) fill(first *source, may func(namespace string) bool) []*source {
	sources := q.batches.take(first.batch, func(namespace string) bool { return namespace == first.namespace })
	return append(sources, q.batches.take(first.batch-len(sources), q.mayFill(first, may))...)
}

// mayFill reports which namespaces may fill up another one's batch: those with too few sources to fill a batch of their own. A
// batch takes as long as all of its values, and the values of a namespace with many sources may be large.
func (q *callQueue) mayFill(first *source, may func(namespace string) bool) func(namespace string) bool {
	return func(namespace string) bool {
		return may(namespace) && (namespace == first.namespace || q.batches.Waiting(namespace) < first.batch)
	}
}

// single takes a source that is read singly, of a namespace that has less than its share of the calls under way.
func (q *callQueue) single(may func(namespace string) bool) []*source {
	return q.singles.take(1, func(namespace string) bool { return q.calls.CanAcquire(namespace, 1) && may(namespace) })
}

package fetch

import (
	"github.com/secretgate/secretgate/syncer/internal/fair"
)

// lane is what waits for a call, apart by how it can be read.
type lane struct {
	singles, batches queue
	calls            fair.Pool // under way
	batchCalls       fair.Pool // those of them that are batches
}

// batch is the source that the next batch begins with, if there may be one more: of a namespace that does not hold more of the
// lane's batches than its share.
func (l *lane) batch(may func(namespace string) bool) (*source, bool) {
	return l.batches.Peek(func(namespace string) bool { return l.batchCalls.May(namespace, 1) && may(namespace) })
}

// fill takes a source, and what fits into a batch with it: of its own namespace before others.
func (l *lane) fill(first *source, may func(namespace string) bool) []*source {
	sources := l.batches.take(first.batch, func(namespace string) bool { return namespace == first.namespace })
	return append(sources, l.batches.take(first.batch-len(sources), l.riders(first, may))...)
}

// riders are the namespaces whose sources fill up a batch of another one: those that cannot fill one of their own. The answer to
// a batch takes as long as all of its values do, and those of a namespace with many sources may be large.
func (l *lane) riders(first *source, may func(namespace string) bool) func(namespace string) bool {
	return func(namespace string) bool {
		return may(namespace) && (namespace == first.namespace || l.batches.Waiting(namespace) < first.batch)
	}
}

// single takes a source that is read alone; none where a namespace would hold more of the lane than its share.
func (l *lane) single(may func(namespace string) bool) []*source {
	return l.singles.take(1, func(namespace string) bool { return l.calls.May(namespace, 1) && may(namespace) })
}

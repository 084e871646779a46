package fetch

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// bisection finds out why a batch fails as a whole: because of one of its sources, or because the backend answers no batches of
// this identity, which lacks the permission, or does not have such a call.
type bisection struct {
	*call
	// batchesWork: the cause is not that the sources were in a batch. A smaller one was answered, a source fails singly as well,
	// or the backend is in trouble.
	batchesWork bool
}

// bisect reads the sources of a call after their batch failed as a whole. Where no source explains that, all sources of the identity
// are read singly for a while.
func (c *call) bisect(ctx context.Context, failure *backend.Error) []result {
	b := &bisection{call: c}
	results := b.resolve(ctx, c.sources, failure)
	if !b.batchesWork {
		c.store.mu.Lock()
		c.store.state.readSingly(time.Now().Add(singleFor))
		c.store.mu.Unlock()
		c.store.engine.Metrics.fallback(string(c.store.Backend))
	}
	return results
}

// resolve halves a batch until it finds the sources that fail singly, too. It stops where both halves of a denied batch are
// denied as well: their sources are read singly later.
func (b *bisection) resolve(ctx context.Context, sources []*source, failure *backend.Error) []result {
	if transient(failure) || failure.Kind == driver.Unauthenticated || ctx.Err() != nil {
		b.batchesWork = true
		results := make([]result, len(sources))
		for i, s := range sources {
			results[i].err = failure.For(s.Read)
		}
		return results
	}
	half := len(sources) / 2
	halves := [2][]*source{sources[:half], sources[half:]}
	var parts [2][]result
	var failures [2]*backend.Error
	for i, part := range halves {
		b.started()
		parts[i], failures[i] = b.read(ctx, part)
		b.batchesWork = b.batchesWork || failures[i] == nil && (len(part) > 1 || parts[i][0].err != nil)
	}
	if !b.batchesWork && denied(failures[0]) && denied(failures[1]) {
		return unreadResults(len(sources))
	}
	for i, part := range halves {
		switch {
		case failures[i] != nil:
			parts[i] = b.resolve(ctx, part, failures[i])
		case len(part) == 1:
			parts[i][0].single = parts[i][0].err != nil && !transient(parts[i][0].err)
		}
	}
	return append(parts[0], parts[1]...)
}

// started counts a call beside the one that was launched.
func (b *bisection) started() {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	b.store.state.limiter.started(time.Now())
}

func denied(failure *backend.Error) bool { return failure != nil && failure.Kind == driver.Denied }

// unreadResults are the results of n sources that have to be read singly.
func unreadResults(n int) []result {
	results := make([]result, n)
	for i := range results {
		results[i].unread = true
	}
	return results
}

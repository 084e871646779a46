package fetch

import (
	"time"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// bisection finds out why a batch fails as a whole: because of one of its sources, or because the backend answers no batches of
// this identity, which lacks the permission, or does not have such a call.
type bisection struct {
	*Engine
	store *store
	// batchesWork: the cause is not that the sources were in a batch. A smaller one was answered, a source fails singly as well,
	// or the backend is in trouble.
	batchesWork bool
}

// bisect reads sources after their batch failed as a whole. Where no source explains that, all sources of the identity are read
// singly for a while.
func (e *Engine) bisect(st *store, sources []*source, failure *backend.Error) []reading {
	b := &bisection{Engine: e, store: st}
	readings := b.resolve(sources, failure)
	if !b.batchesWork {
		e.mu.Lock()
		st.readSingly(time.Now().Add(singleFor))
		e.mu.Unlock()
		e.Metrics.fallback(string(st.Backend))
	}
	return readings
}

// resolve halves a batch until it finds the sources that fail singly, too. It stops where both halves of a denied batch are
// denied as well: their sources are read singly later.
func (b *bisection) resolve(sources []*source, failure *backend.Error) []reading {
	if transient(failure) || failure.Kind == driver.Unauthenticated || b.ctx.Err() != nil {
		b.batchesWork = true
		readings := make([]reading, len(sources))
		for i, s := range sources {
			readings[i].err = failure.For(s.Read)
		}
		return readings
	}
	half := len(sources) / 2
	halves := [2][]*source{sources[:half], sources[half:]}
	var parts [2][]reading
	var failures [2]*backend.Error
	for i, part := range halves {
		b.callStarted(b.store)
		parts[i], failures[i] = b.call(b.store, part)
		b.batchesWork = b.batchesWork || failures[i] == nil && (len(part) > 1 || parts[i][0].err != nil)
	}
	if !b.batchesWork && denied(failures[0]) && denied(failures[1]) {
		return unread(len(sources))
	}
	for i, part := range halves {
		switch {
		case failures[i] != nil:
			parts[i] = b.resolve(part, failures[i])
		case len(part) == 1:
			parts[i][0].single = parts[i][0].err != nil && !transient(parts[i][0].err)
		}
	}
	return append(parts[0], parts[1]...)
}

func denied(failure *backend.Error) bool { return failure != nil && failure.Kind == driver.Denied }

// unread are the readings of n sources that have to be read singly.
func unread(n int) []reading {
	readings := make([]reading, n)
	for i := range readings {
		readings[i].unread = true
	}
	return readings
}

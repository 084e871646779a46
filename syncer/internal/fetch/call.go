package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// reading is the result of a call for one source: values, or an error.
type reading struct {
	values []driver.Value
	err    *backend.Error
	single bool // it cannot be read in a batch: the next reads are of this source alone
	unread bool // it has not been read, and has to be read singly
}

// launch starts a call.
func (e *Engine) launch(st *store, priority Priority, sources []*source, now time.Time) {
	for _, s := range sources {
		s.underway, s.startedAt = true, now
		s.reads++
		if s.waitingSince.IsZero() {
			s.waitingSince = now
		}
	}
	batch, namespace, share := len(sources) > 1, sources[0].namespace, e.shares.of(st)
	share.Acquire(namespace, 1)
	st.byPriority[priority].calls.Acquire(namespace, 1)
	batch = batch || sources[0].batch > 1 // a single read of what could be in a batch counts, too: what comes meanwhile forms one
	if batch {
		st.byPriority[priority].batchCalls.Acquire(namespace, 1)
	}
	st.breaker.started()
	st.limiter.started(now)
	e.done.Go(func() {
		readings := e.read(st, sources)
		e.mu.Lock()
		defer e.mu.Unlock()
		share.Release(namespace, 1)
		st.byPriority[priority].calls.Release(namespace, 1)
		e.lastCallEnded = time.Now()
		st.lastCallEnded = e.lastCallEnded
		if batch {
			st.byPriority[priority].batchCalls.Release(namespace, 1)
		}
		if e.ctx.Err() != nil {
			return // a call that was cancelled says nothing about the source
		}
		for i, s := range sources {
			s.underway = false
			if readings[i].single {
				s.singleUntil = time.Now().Add(singleFor)
			}
			e.handleReading(s, readings[i])
		}
		if e.stores[st.Store] != st {
			e.Reader.Forget(st.Store) // the store was closed meanwhile, and the call may have opened a session since
		}
		e.dispatch(st)
		e.resume()
	})
}

// read reads sources: one singly, several as a batch. Where the batch fails, it finds the sources that cause that.
func (e *Engine) read(st *store, sources []*source) []reading {
	readings, failure := e.call(st, sources)
	if failure == nil {
		return readings
	}
	return e.bisect(st, sources, failure)
}

// call makes one call for all sources. The error is that of the whole call.
func (e *Engine) call(st *store, sources []*source) ([]reading, *backend.Error) {
	if len(sources) == 1 {
		return []reading{e.get(st, sources[0])}, nil
	}
	reads := make([]plan.Read, len(sources))
	for i, s := range sources {
		reads[i] = s.Read
	}
	outcomes, err := e.Reader.GetBatch(e.ctx, st.Store, reads)
	if failure := e.callEnded(st, err); failure != nil {
		return nil, failure
	}
	e.Metrics.avoid("batched", len(sources)-1)
	return readingsOf(sources, outcomes), nil
}

// readingsOf turns the outcomes of a batch into readings. Sources that the answer does not mention are read singly.
func readingsOf(sources []*source, outcomes []backend.Outcome) []reading {
	readings := make([]reading, len(sources))
	for i, s := range sources {
		switch err := outcomes[i].Err; {
		case errors.Is(err, driver.ErrNotAnswered):
			readings[i].single, readings[i].unread = true, true
		case err != nil:
			readings[i].err = asError(s.Source(), err)
		case outcomes[i].Absent: // there are no values
		default:
			readings[i].values = []driver.Value{outcomes[i].Value}
		}
	}
	return readings
}

// get reads one source.
func (e *Engine) get(st *store, s *source) reading {
	values, err := e.Reader.Get(e.ctx, s.Source())
	failure := e.callEnded(st, err)
	if failure != nil {
		failure = asError(s.Source(), failure)
	}
	return reading{values: values, err: failure}
}

// callStarted counts a call beside the one that was launched.
func (e *Engine) callStarted(st *store) {
	e.mu.Lock()
	defer e.mu.Unlock()
	st.limiter.started(time.Now())
}

// callEnded reports to the limiter and the breaker how a call ended.
func (e *Engine) callEnded(st *store, err error) *backend.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	failure := asError(plan.Source{Store: st.Store}, err)
	switch {
	case errors.Is(err, context.Canceled):
		st.breaker.canceled()
	case failure == nil, !transient(failure):
		wasOpen := st.breaker.open()
		st.answered = true
		st.breaker.succeeded()
		st.limiter.succeeded(now)
		if wasOpen {
			st.retryFailed(now)
		}
	default:
		if failure.Kind == driver.Throttled {
			st.limiter.throttled(now)
		}
		st.breaker.failed(now, failure)
	}
	return failure
}

// asError is a Reader's error. An error of another type would be a bug, and is reported as such.
func asError(s plan.Source, err error) *backend.Error {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*backend.Error](err); ok {
		return failure
	}
	return &backend.Error{Kind: driver.Unknown, Source: s, Message: "an error of an unknown kind"}
}

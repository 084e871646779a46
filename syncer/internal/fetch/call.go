package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// reading is what a call says of one source: values, or an error.
type reading struct {
	values []driver.Value
	err    *backend.Error
	alone  bool // it cannot be read in a batch
	again  bool // it has not been read: it must be, alone
}

// launch starts a call.
func (e *Engine) launch(sc *scope, l Lane, sources []*source, now time.Time) {
	for _, s := range sources {
		s.underway, s.began = true, now
		s.reads++
		if s.wanted.IsZero() {
			s.wanted = now
		}
	}
	batch, namespace, share := len(sources) > 1, sources[0].namespace, e.shares.of(sc)
	share.Take(namespace, 1)
	sc.lanes[l].calls.Take(namespace, 1)
	batch = batch || sources[0].batch > 1 // a lone read of what could be in a batch: what comes meanwhile forms one
	if batch {
		sc.lanes[l].batchCalls.Take(namespace, 1)
	}
	sc.breaker.begin()
	sc.limiter.begin(now)
	e.done.Go(func() {
		readings := e.read(sc, sources)
		e.mu.Lock()
		defer e.mu.Unlock()
		share.Give(namespace, 1)
		sc.lanes[l].calls.Give(namespace, 1)
		e.ended = time.Now()
		sc.ended = e.ended
		if batch {
			sc.lanes[l].batchCalls.Give(namespace, 1)
		}
		if e.ctx.Err() != nil {
			return // a call that was cut off says nothing
		}
		for i, s := range sources {
			s.underway = false
			if readings[i].alone {
				s.alone = time.Now().Add(aloneFor)
			}
			e.settle(s, readings[i])
		}
		if e.scopes[sc.Store] != sc {
			e.Reader.Forget(sc.Store) // it was closed meanwhile, and the call may have begun a session since
		}
		e.dispatch(sc)
		e.resume()
	})
}

// read reads sources: one alone, more as a batch, and what spoils a batch alone.
func (e *Engine) read(sc *scope, sources []*source) []reading {
	readings, failure := e.ask(sc, sources)
	if failure == nil {
		return readings
	}
	return e.bisect(sc, sources, failure)
}

// ask makes one call for all sources. An error is of the whole call.
func (e *Engine) ask(sc *scope, sources []*source) ([]reading, *backend.Error) {
	if len(sources) == 1 {
		return []reading{e.get(sc, sources[0])}, nil
	}
	reads := make([]plan.Read, len(sources))
	for i, s := range sources {
		reads[i] = s.Read
	}
	outcomes, err := e.Reader.GetBatch(e.ctx, sc.Store, reads)
	if failure := e.end(sc, err); failure != nil {
		return nil, failure
	}
	e.Metrics.avoid("batched", len(sources)-1)
	return sort(sources, outcomes), nil
}

// sort turns a batch's answer into readings. What it does not mention is read alone.
func sort(sources []*source, outcomes []backend.Outcome) []reading {
	readings := make([]reading, len(sources))
	for i, s := range sources {
		switch err := outcomes[i].Err; {
		case errors.Is(err, driver.ErrNotAnswered):
			readings[i].alone, readings[i].again = true, true
		case err != nil:
			readings[i].err = asError(s.Source(), err)
		default:
			readings[i].values = []driver.Value{outcomes[i].Value}
		}
	}
	return readings
}

// get reads one source.
func (e *Engine) get(sc *scope, s *source) reading {
	values, err := e.Reader.Get(e.ctx, s.Source())
	failure := e.end(sc, err)
	if failure != nil {
		failure = asError(s.Source(), failure)
	}
	return reading{values: values, err: failure}
}

// begin tells the limiter of a call beside the one that was launched.
func (e *Engine) begin(sc *scope) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sc.limiter.begin(time.Now())
}

// end tells the limiter and the breaker how a call ended.
func (e *Engine) end(sc *scope, err error) *backend.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	failure := asError(plan.Source{Store: sc.Store}, err)
	switch {
	case errors.Is(err, context.Canceled):
		sc.breaker.cancel()
	case failure == nil, !transient(failure):
		wasOpen := sc.breaker.open()
		sc.proven = true
		sc.breaker.succeed()
		sc.limiter.succeeded(now)
		if wasOpen {
			sc.release(now)
		}
	default:
		if failure.Kind == driver.Throttled {
			sc.limiter.throttled(now)
		}
		sc.breaker.fail(now, failure)
	}
	return failure
}

// asError is a Reader's error; one of another kind would be a mistake of ours, and is told as such.
func asError(s plan.Source, err error) *backend.Error {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*backend.Error](err); ok {
		return failure
	}
	return &backend.Error{Kind: driver.Unknown, Source: s, Message: "an error of an unknown kind"}
}

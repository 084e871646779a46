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
	batch := len(sources) > 1
	sc.lanes[l].underway++
	if batch {
		sc.lanes[l].batchesNow++
	} else if sources[0].batch > 1 {
		// A lone read of what could be in a batch: what comes meanwhile forms one.
		sc.lanes[l].batchesNow++
		batch = true
	}
	sc.breaker.begin()
	sc.limiter.begin(now)
	e.calls++
	e.done.Go(func() {
		readings := e.read(sc, sources)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls--
		sc.lanes[l].underway--
		if batch {
			sc.lanes[l].batchesNow--
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
		e.dispatch(sc)
		e.resume()
	})
}

// read reads sources: one alone, more as a batch, and what the batch cannot answer alone.
func (e *Engine) read(sc *scope, sources []*source) []reading {
	if len(sources) == 1 {
		return []reading{e.get(sc, sources[0])}
	}
	reads := make([]plan.Read, len(sources))
	for i, s := range sources {
		reads[i] = s.Read
	}
	outcomes, err := e.Reader.GetBatch(e.ctx, sc.Scope, reads)
	failure := e.end(sc, err)
	switch {
	case failure == nil:
		return e.sort(sources, outcomes)
	case failure.Kind == driver.Denied:
		return e.withoutBatches(sc, len(sources))
	case transient(failure), failure.Kind == driver.Unauthenticated, e.ctx.Err() != nil:
		readings := make([]reading, len(sources))
		for i, s := range sources {
			of := *failure
			of.Source = s.Source
			readings[i].err = &of
		}
		return readings
	}
	// One of them, or a few, spoil it for all.
	half := len(sources) / 2
	var readings []reading
	for _, part := range [][]*source{sources[:half], sources[half:]} {
		e.begin(sc)
		readings = append(readings, e.read(sc, part)...)
	}
	for i := range readings {
		readings[i].alone = readings[i].alone || readings[i].err != nil && !transient(readings[i].err)
	}
	return readings
}

// sort turns a batch's answer into readings. What it does not mention is read alone.
func (e *Engine) sort(sources []*source, outcomes []backend.Outcome) []reading {
	e.Metrics.avoid("batched", len(sources)-1)
	readings := make([]reading, len(sources))
	for i, s := range sources {
		switch {
		case errors.Is(outcomes[i].Err, driver.ErrNotAnswered):
			readings[i].alone, readings[i].again = true, true
		case outcomes[i].Err != nil:
			readings[i].err = asError(s.Source, outcomes[i].Err)
		default:
			readings[i].values = []driver.Value{outcomes[i].Value}
		}
	}
	return readings
}

// withoutBatches has n sources, and all others of the identity for a while, read alone: it may not read batches.
func (e *Engine) withoutBatches(sc *scope, n int) []reading {
	e.mu.Lock()
	sc.unbatched = time.Now().Add(aloneFor)
	e.mu.Unlock()
	e.Metrics.fallback(string(sc.Backend))
	readings := make([]reading, n)
	for i := range readings {
		readings[i].again = true
	}
	return readings
}

// get reads one source.
func (e *Engine) get(sc *scope, s *source) reading {
	values, err := e.Reader.Get(e.ctx, s.Source)
	failure := e.end(sc, err)
	if failure != nil {
		failure = asError(s.Source, failure)
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
	failure := asError(plan.Source{Scope: sc.Scope}, err)
	switch {
	case errors.Is(err, context.Canceled):
		sc.breaker.cancel()
	case failure == nil, !transient(failure):
		wasOpen := sc.breaker.open()
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

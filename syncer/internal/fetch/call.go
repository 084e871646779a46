package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/digest"
)

// call reads sources of one Store: one singly, several as a batch.
type call struct {
	store     *store
	sources   []*source
	priority  Priority
	namespace string // whose share it counts in
	trial     bool   // it counts as a trial
	batch     bool   // it counts as a batch: also a single read of what could be in one, as what comes meanwhile forms one
}

// result is that of a call for one source: values, or an error.
type result struct {
	values []driver.Value
	digest digest.Digest // of the values
	err    *backend.Error
	single bool // it cannot be read in a batch: the next reads are of this source alone
	unread bool // it has not been read, and has to be read singly
}

// run makes the call, and reports its results to the Store. It has none if ctx ends: a call that was cancelled says nothing about the
// sources.
func (c *call) run(ctx context.Context) {
	results, failure := c.read(ctx, c.sources)
	if failure != nil {
		results = c.bisect(ctx, failure)
	}
	if ctx.Err() != nil {
		c.store.ended(c, nil)
		return
	}
	for i := range results {
		if r := &results[i]; r.err == nil && !r.unread {
			r.digest = digestOf(c.store.engine.digests, r.values)
		}
	}
	c.store.ended(c, results)
}

// read makes one call for sources. The error is that of the whole call.
func (c *call) read(ctx context.Context, sources []*source) ([]result, *backend.Error) {
	reader, store := c.store.engine.Reader, c.store.Store
	if len(sources) == 1 {
		source := sources[0].Source()
		values, err := reader.Get(ctx, source)
		return []result{{values: values, err: c.answered(source, err)}}, nil
	}
	reads := make([]plan.Read, len(sources))
	for i, s := range sources {
		reads[i] = s.Read
	}
	outcomes, err := reader.GetBatch(ctx, store, reads)
	if failure := c.answered(plan.Source{Store: store}, err); failure != nil {
		return nil, failure
	}
	c.store.engine.Metrics.avoid("batched", len(sources)-1)
	return resultsOf(sources, outcomes), nil
}

// answered reports to the Store how a call ended, and returns its error.
func (c *call) answered(source plan.Source, err error) *backend.Error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	failure := asError(source, err)
	c.store.state.answer(failure, errors.Is(err, context.Canceled), time.Now())
	return failure
}

// resultsOf are those of the outcomes of a batch. Sources that the answer does not mention are read singly.
func resultsOf(sources []*source, outcomes []backend.Outcome) []result {
	results := make([]result, len(sources))
	for i, s := range sources {
		switch err := outcomes[i].Err; {
		case errors.Is(err, driver.ErrNotAnswered):
			results[i].single, results[i].unread = true, true
		case err != nil:
			results[i].err = asError(s.Source(), err)
		case outcomes[i].Absent: // there are no values
		default:
			results[i].values = []driver.Value{outcomes[i].Value}
		}
	}
	return results
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

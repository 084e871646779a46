package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Outcome is one read's part in a batch: a value, or an *Error, or that there is none. One that the answer did not mention fails with
// driver.ErrNotAnswered: it may well be answered alone.
type Outcome struct {
	Value  driver.Value
	Err    error
	Absent bool // the Read is Optional, and the backend proves that there is no value
}

// BatchSize is how many reads, this one among them, one call may ask for; 1 where it must be read by Get.
func (c *Client) BatchSize(source plan.Source) int {
	batcher, ok := c.Drivers[source.Backend].(driver.Batcher)
	if !ok || source.Path {
		return 1
	}
	return max(1, batcher.BatchSize(source.Read))
}

// GetBatch reads several values by one call. The reads differ, and are no more than the least BatchSize among them. The
// outcomes come in the order of the reads. An error is an *Error of the whole call, whose Source has no Read: see Error.For.
func (c *Client) GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]Outcome, error) {
	source := plan.Source{Store: store}
	d, ok := c.Drivers[store.Backend]
	if !ok {
		return nil, notConfigured(source)
	}
	outcomes, err := call(ctx, c, d, "batch", source, func(ctx context.Context) ([]Outcome, error) {
		batcher, ok := d.(driver.Batcher)
		if !ok {
			return nil, newError(source, driver.Invalid, "the backend has no batches", nil)
		}
		results, err := batcher.GetBatch(ctx, store, reads)
		if err != nil {
			return nil, err
		}
		if len(results) != len(reads) {
			return nil, newError(source, driver.Unknown, fmt.Sprintf("the driver gave %d results for %d reads", len(results), len(reads)), nil)
		}
		outcomes := make([]Outcome, len(reads))
		for i, result := range results {
			outcomes[i] = outcome(d, plan.Source{Store: store, Read: reads[i]}, result)
		}
		return outcomes, nil
	})
	for i := range outcomes {
		c.Metrics.observeItem(store.Backend, outcomes[i].Err)
		if absent(reads[i], outcomes[i].Err) {
			outcomes[i] = Outcome{Absent: true}
		}
	}
	return outcomes, err
}

func outcome(d driver.Driver, source plan.Source, result driver.Result) Outcome {
	switch {
	case errors.Is(result.Err, driver.ErrNotAnswered):
		return Outcome{Err: newError(source, driver.Unknown, driver.ErrNotAnswered.Error(), driver.ErrNotAnswered)}
	case result.Err != nil:
		return Outcome{Err: worded(d, source, result.Err)}
	}
	value, err := accept(source, result.Value)
	return Outcome{Value: value, Err: err}
}

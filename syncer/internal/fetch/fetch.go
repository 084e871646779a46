// Package fetch reads what a Plan asks for. It accepts nothing but a Plan's own sources: what policy
// did not see cannot be fetched.
package fetch

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

const (
	// parallelReads is how many sources of one object are read at a time.
	parallelReads = 8
	// enough is how many reads of one object may find its backend down before the others are spared:
	// all go to one place, and each may take a whole timeout.
	enough = 3
)

// Fetcher reads sources through Get, whose errors are a backend.Client's.
type Fetcher struct {
	Get func(ctx context.Context, source plan.Source, since string) (driver.Value, error)
}

// Failure is a source that could not be read. The error is a *backend.Error.
type Failure struct {
	Read plan.Read
	Err  error
}

// Fetch reads every source of a plan, and goes on where one fails, so that a status can name all
// that is wrong, unless it is the backend that fails. Failures come in the order of the plan's entries.
func (f *Fetcher) Fetch(ctx context.Context, p *plan.Plan) (render.Values, []Failure) {
	sources := p.Sources()
	values := make(render.Values, len(sources))
	errs := make([]error, len(sources))
	var mu sync.Mutex
	var down []error // the failures that are the backend's own
	spared := func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(down) < enough {
			return nil
		}
		return down[0]
	}
	var group errgroup.Group
	group.SetLimit(parallelReads)
	for i, source := range sources {
		group.Go(func() error {
			if errs[i] = spared(); errs[i] != nil {
				return nil
			}
			value, err := f.Get(ctx, source, "")
			mu.Lock()
			defer mu.Unlock()
			errs[i] = err
			if failure, ok := errors.AsType[*backend.Error](err); ok && (failure.Kind == driver.Unavailable || failure.Kind == driver.Throttled) {
				down = append(down, err)
			}
			if err == nil {
				values[source.Read] = []render.Value{{Value: value}}
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return no error: each is kept with its source
	var failures []Failure
	for i, err := range errs {
		if err != nil {
			failures = append(failures, Failure{Read: sources[i].Read, Err: err})
		}
	}
	return values, failures
}

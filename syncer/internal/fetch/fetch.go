// Package fetch reads what a Plan asks for. It accepts nothing but a Plan's own sources: what policy
// did not see cannot be fetched.
package fetch

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// parallelReads is how many sources of one object are read at a time.
const parallelReads = 8

// Fetcher reads sources through Get, which is a backend.Client's.
type Fetcher struct {
	Get func(ctx context.Context, source plan.Source, since string) (driver.Value, error)
}

// Failure is a source that could not be read. The error is a *backend.Error.
type Failure struct {
	Read plan.Read
	Err  error
}

// Fetch reads every source of a plan, and goes on where one fails, so that a status can name all
// that is wrong. Failures come in the order of the plan's entries.
func (f *Fetcher) Fetch(ctx context.Context, p *plan.Plan) (render.Values, []Failure) {
	sources := p.Sources()
	values := make(render.Values, len(sources))
	errs := make([]error, len(sources))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelReads)
	for i, source := range sources {
		group.Go(func() error {
			value, err := f.Get(ctx, source, "")
			mu.Lock()
			defer mu.Unlock()
			errs[i] = err
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

// Package backend reads values from external secret managers. Client wraps the drivers with what they have in common: time limits, the
// size limit, metrics, and errors that say what to do and reveal no value.
package backend

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// DefaultTimeout is how long one call may take where Client.Timeout is not set.
const DefaultTimeout = 10 * time.Second

// MaxValueBytes is the largest value that is passed on: no Secret can hold more.
const MaxValueBytes = corev1.MaxSecretSize

// Client reads through drivers. It may be used concurrently; its fields may not be changed after the first call.
type Client struct {
	// Drivers are the backends that this syncer reads. Others answer ErrNotConfigured.
	Drivers map[plan.Backend]driver.Driver
	// Timeout of one call, logins and all pages of an answer included; 0 means DefaultTimeout.
	Timeout time.Duration
	// TimeoutOf is the Timeout of calls for a Store, where it differs; 0, or a nil function: it does not.
	TimeoutOf func(plan.Store) time.Duration
	// Metrics of the calls; nil: not measured.
	Metrics *Metrics
}

// Get reads a source: one value, or with Path any number of them, each with its Name; none of a Read that is Optional, where the backend
// proves that there is none. Every error is an *Error.
func (c *Client) Get(ctx context.Context, source plan.Source) ([]driver.Value, error) {
	d, ok := c.Drivers[source.Backend]
	if !ok {
		return nil, notConfigured(source)
	}
	operation, read := "get", get
	if source.Path {
		operation, read = "walk", walk
	}
	values, err := call(ctx, c, d, operation, source, func(ctx context.Context) ([]driver.Value, error) {
		values, err := read(ctx, d, source)
		if err != nil {
			return nil, err
		}
		for i := range values {
			if values[i], err = accept(source, values[i]); err != nil {
				return nil, err
			}
		}
		return values, nil
	})
	if absent(source.Read, err) {
		return nil, nil
	}
	return values, err
}

func get(ctx context.Context, d driver.Driver, source plan.Source) ([]driver.Value, error) {
	value, err := d.Get(ctx, source.Store, source.Read)
	if err != nil {
		return nil, err
	}
	return []driver.Value{value}, nil
}

func walk(ctx context.Context, d driver.Driver, source plan.Source) ([]driver.Value, error) {
	walker, ok := d.(driver.Walker)
	if !ok {
		return nil, newError(source, driver.Invalid, "the backend has no paths", nil)
	}
	values, err := walker.Walk(ctx, source.Store, source.Read)
	if err == nil && len(values) == 0 {
		return nil, newError(source, driver.NotFound, "nothing is below the path", nil)
	}
	return values, err
}

// Forget ends what is kept of a Store that no object reads any more. It makes no calls.
func (c *Client) Forget(store plan.Store) {
	if forgetter, ok := c.Drivers[store.Backend].(driver.Forgetter); ok {
		forgetter.Forget(store)
	}
}

// call does one call of a driver: within its time, counted, and with no error but an *Error. A driver that panics
// harms this call alone.
func call[T any](
	ctx context.Context, c *Client, d driver.Driver, operation string, source plan.Source, do func(context.Context) (T, error),
) (result T, err error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout(source.Store))
	defer cancel()
	start := time.Now()
	defer func() {
		if cause := recover(); cause != nil {
			// Not the cause itself: it may quote the value.
			var none T
			result, err = none, newError(source, driver.Unknown, fmt.Sprintf("the driver panicked with a %T at %s", cause, panicked()), nil)
		}
		c.Metrics.observe(source.Backend, operation, err, time.Since(start))
	}()
	result, err = do(limited)
	if err != nil {
		var none T
		return none, failure(limited, d, source, err)
	}
	return result, nil
}

func (c *Client) timeout(of plan.Store) time.Duration {
	var own time.Duration
	if c.TimeoutOf != nil {
		own = c.TimeoutOf(of)
	}
	return cmp.Or(own, c.Timeout, DefaultTimeout)
}

// panicked is the function and line that a recovered panic came from.
func panicked() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

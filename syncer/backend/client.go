// Package backend reads values from external secret managers. Client stands in front of the drivers and does once what
// each of them would do again: time limits, the size limit, metrics, and errors that say what to do and give nothing away.
package backend

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
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
	Drivers map[apiv1.Backend]driver.Driver
	// Timeout of one call, logins included; 0 means DefaultTimeout.
	Timeout time.Duration
	// Metrics of the calls; nil: not measured.
	Metrics *Metrics
}

// explainer is implemented by drivers whose SDK wraps the backend's answer in words of its own: Explain gives the answer
// alone, since a message is cut.
type explainer interface {
	Explain(err error) string
}

// adviser is implemented by errors of drivers that know the remedy better than their kind does.
type adviser interface {
	error
	Remedy() string
}

// Get reads one value. Where since names the version that the backend holds at present, it may return
// driver.ErrUnchanged. Every other error is an *Error.
func (c *Client) Get(ctx context.Context, source plan.Source, since string) (driver.Value, error) {
	d, ok := c.Drivers[source.Backend]
	if !ok {
		return driver.Value{}, notConfigured(source)
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	value, err := get(limited, d, source, since)
	c.Metrics.observe(source.Backend, "get", err, time.Since(start))
	return value, err
}

// get calls the driver. A driver that panics harms this read alone.
func get(ctx context.Context, d driver.Driver, source plan.Source, since string) (value driver.Value, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			// Not the cause itself: it may quote the value.
			value, err = driver.Value{}, newError(source, driver.Unknown, fmt.Sprintf("the driver panicked with a %T at %s", cause, panicked()), nil)
		}
	}()
	value, err = d.Get(ctx, source.Scope, source.Read, since)
	switch {
	case err == nil && len(value.Data) > MaxValueBytes:
		text := fmt.Sprintf("the value has %d bytes, but a Secret holds %d at most", len(value.Data), MaxValueBytes)
		return driver.Value{}, newError(source, driver.Invalid, text, nil)
	case err == nil:
		return value, nil
	case since != "" && errors.Is(err, driver.ErrUnchanged):
		return driver.Value{}, driver.ErrUnchanged
	}
	return driver.Value{}, failure(ctx, d, source, err)
}

// failure words a driver's error. Of the error itself nothing stays but the redacted text: whoever unwraps it
// finds context's own errors, or nothing.
func failure(ctx context.Context, d driver.Driver, source plan.Source, err error) *Error {
	switch ctx.Err() {
	case context.Canceled:
		return newError(source, driver.Unavailable, "the call was cancelled", context.Canceled)
	case context.DeadlineExceeded:
		return newError(source, driver.Unavailable, "no answer in time", context.DeadlineExceeded)
	}
	text := ""
	if e, ok := d.(explainer); ok {
		text = e.Explain(err)
	} else {
		text = err.Error()
	}
	failed := newError(source, d.Classify(err), text, nil)
	if a, ok := errors.AsType[adviser](err); ok {
		failed.remedy = a.Remedy()
	}
	return failed
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

package backend

import (
	"context"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// explainer is implemented by drivers with an SDK that wraps the backend's answer in text of its own: Explain returns only the
// answer, since a message is cut.
type explainer interface {
	Explain(err error) string
}

// remedier is implemented by errors of drivers that know their remedy.
type remedier interface {
	error
	Remedy() string // empty: they do not
}

// postponer is implemented by errors of drivers that hold the backend's Retry-After.
type postponer interface {
	error
	RetryAfter() time.Duration
}

// failure is the *Error for what ended a call. Where the call timed out or was cancelled, the context decides: SDKs report that in
// many ways.
func failure(ctx context.Context, d driver.Driver, source plan.Source, err error) *Error {
	if failed, ok := err.(*Error); ok { //nolint:errorlint // our own, as the caller has just made it
		return failed
	}
	switch ctx.Err() {
	case context.Canceled:
		return newError(source, driver.Unavailable, "the call was cancelled", context.Canceled)
	case context.DeadlineExceeded:
		return newError(source, driver.Unavailable, "no answer in time", context.DeadlineExceeded)
	}
	return worded(d, source, err)
}

// worded makes the *Error of a driver's error. It keeps only the redacted text of that error, which cannot be unwrapped.
func worded(d driver.Driver, source plan.Source, err error) *Error {
	text := ""
	if e, ok := d.(explainer); ok {
		text = e.Explain(err)
	} else {
		text = err.Error()
	}
	failed := newError(source, d.Classify(err), text, nil)
	doubter, doubts := d.(driver.Doubter)
	failed.proven = !doubts || !doubter.Doubts(err)
	if a, ok := errors.AsType[remedier](err); ok {
		failed.hint = a.Remedy()
	}
	if failed.hint == "" {
		failed.hint = d.Hint(err, source)
	}
	if p, ok := errors.AsType[postponer](err); ok {
		failed.RetryAfter = p.RetryAfter()
	}
	return failed
}

package backend

import (
	"context"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// explainer is implemented by drivers whose SDK wraps the backend's answer in words of its own: Explain gives the answer
// alone, since a message is cut.
type explainer interface {
	Explain(err error) string
}

// adviser is implemented by errors of drivers that know the remedy best.
type adviser interface {
	error
	Remedy() string // empty: they do not
}

// postponer is implemented by errors of drivers whose backend said when to ask again.
type postponer interface {
	error
	RetryAfter() time.Duration
}

// failure is the *Error for what ended a call. Where the call's time was over, that is what counts: the SDK's words for it
// are many.
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

// worded makes the *Error of a driver's error. Of the latter nothing stays but the redacted text: a caller that unwraps it
// finds nothing.
func worded(d driver.Driver, source plan.Source, err error) *Error {
	text := ""
	if e, ok := d.(explainer); ok {
		text = e.Explain(err)
	} else {
		text = err.Error()
	}
	failed := newError(source, d.Classify(err), text, nil)
	if a, ok := errors.AsType[adviser](err); ok {
		failed.advice = a.Remedy()
	}
	if failed.advice == "" {
		failed.advice = d.Advise(err, source)
	}
	if p, ok := errors.AsType[postponer](err); ok {
		failed.RetryAfter = p.RetryAfter()
	}
	return failed
}

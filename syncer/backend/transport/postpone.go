package transport

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds how long a backend, or a proxy before it, may tell us to stay away.
const maxRetryAfter = time.Hour

// postponement is an error with which a backend said when to ask again.
type postponement struct {
	error
	after time.Duration
}

func (p postponement) Unwrap() error { return p.error }

// RetryAfter is how long the backend wants to be left alone.
func (p postponement) RetryAfter() time.Duration { return p.after }

// Postpone adds to an error what the Retry-After of its answer's header says, if anything; backend.Error passes it on.
func Postpone(err error, header http.Header) error {
	return PostponeBy(err, retryAfter(header.Get("Retry-After"), time.Now()))
}

// PostponeBy is Postpone for answers that say it elsewhere.
func PostponeBy(err error, after time.Duration) error {
	if err == nil || after <= 0 {
		return err
	}
	return postponement{error: err, after: min(after, maxRetryAfter)}
}

// retryAfter takes seconds or a date: https://www.rfc-editor.org/rfc/rfc9110.html#name-retry-after.
func retryAfter(text string, now time.Time) time.Duration {
	switch seconds, err := strconv.ParseUint(text, 10, 31); {
	case err == nil:
		return time.Duration(seconds) * time.Second
	case errors.Is(err, strconv.ErrRange):
		return maxRetryAfter
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}

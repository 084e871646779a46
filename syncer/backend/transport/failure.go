package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Unanswered reports whether there was no answer, or half of one. Beware of errors of files: the system's look
// like the network's.
func Unanswered(err error) bool {
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// KindOf is what the status of an answer means that is no success, as far as HTTP says it.
func KindOf(status int) driver.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return driver.Unauthenticated
	case status == http.StatusForbidden:
		return driver.Denied
	case status == http.StatusNotFound:
		return driver.NotFound
	case status == http.StatusTooManyRequests:
		return driver.Throttled
	case status >= 500, status < 400, status == http.StatusRequestTimeout: // under 400: it is not the service that answers
		return driver.Unavailable
	}
	return driver.Invalid
}

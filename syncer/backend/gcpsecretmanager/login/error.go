package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// ErrNoCredentials says that there is nowhere to find any.
var ErrNoCredentials = &driver.Error{
	Kind: driver.Unauthenticated, Problem: "there is neither a credential file nor a metadata server",
	Hint: "give the syncer Google credentials: workload identity for its service account, " +
		"or GOOGLE_APPLICATION_CREDENTIALS with a key file",
}

// Error says that no credentials were found or, with Found, that they gave no token.
type Error struct {
	Err   error
	Found bool
	Asked string // the host that gave no token, as far as it is known
}

func (e *Error) Error() string { return "no credentials: " + e.explain() }

// Unwrap returns the SDK's error.
func (e *Error) Unwrap() error { return e.Err }

// Kind distinguishes a token that cannot be obtained now from credentials that are missing or wrong.
func (e *Error) Kind() driver.Kind {
	err := e.Err
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return driver.Unavailable
	}
	if !e.Found {
		return driver.Unauthenticated // before the network's errors: a file's look like them
	}
	if code := httpStatus(err); code != 0 {
		return kindOfStatus(code)
	}
	var request *url.Error
	var garbage *json.SyntaxError
	if errors.As(err, &request) || errors.As(err, &garbage) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return driver.Unavailable
	}
	return driver.Unauthenticated
}

// httpStatus is what the token server answered; 0: nothing.
func httpStatus(err error) int {
	var code int
	if response, ok := errors.AsType[*auth.Error](err); ok && response.Response != nil {
		return response.Response.StatusCode
	}
	if answer, ok := errors.AsType[*metadata.Error](err); ok {
		return answer.Code
	}
	// Token exchanges (workload identity federation, impersonation) have no type for it.
	_, _ = fmt.Sscanf(err.Error(), "credentials: status code %d", &code)
	return code
}

func kindOfStatus(code int) driver.Kind {
	switch kind := transport.KindOf(code); kind {
	case driver.Invalid, driver.NotFound:
		return driver.Unauthenticated
	default: // a denial is that to act as the service account
		return kind
	}
}

// explain leaves out what the SDK quotes at the end: an answer that may be any page, or hold a token.
func (e *Error) explain() string {
	err := e.Err
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Problem
	}
	said := err.Error()
	if answer, ok := errors.AsType[*metadata.Error](err); ok {
		said = fmt.Sprintf("the metadata server answered HTTP status %d: %s", answer.Code, answer.Message)
	} else if code := httpStatus(err); code != 0 {
		if e.Asked != "" {
			return fmt.Sprintf("%s answered the request for a token with HTTP status %d", e.Asked, code)
		}
		return fmt.Sprintf("the request for a token was answered with HTTP status %d", code)
	}
	if end := strings.IndexAny(said, "{<`\n"); end >= 0 {
		said = said[:end]
	}
	return strings.TrimRight(strings.TrimPrefix(said, "credentials: "), ": ")
}

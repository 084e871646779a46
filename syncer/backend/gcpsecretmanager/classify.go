package gcpsecretmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// mistake is an error that says itself what to do.
type mistake struct{ problem, remedy string }

func (m *mistake) Error() string  { return m.problem }
func (m *mistake) Remedy() string { return m.remedy }

var (
	errNoProject = &mistake{
		"no project is given, and the syncer's credentials belong to none",
		"set spec.projectId, or GOOGLE_CLOUD_PROJECT for the syncer",
	}
	errNoCredentials = &mistake{
		"there is neither a credential file nor a metadata server",
		"give the syncer Google credentials: workload identity for its service account, or GOOGLE_APPLICATION_CREDENTIALS with a key file",
	}
	errCorrupt   = errors.New("the value was damaged on its way: its CRC32C is not the one that was sent with it")
	errNoPayload = errors.New("the answer holds no payload")
)

// loginError says that no credentials were found or, with found, that they gave no token.
type loginError struct {
	err   error
	found bool
}

func (e *loginError) Error() string { return "no credentials: " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// postponedError is an answer that says when to ask again.
type postponedError struct {
	error
	after time.Duration
}

// maxRetryAfter bounds how long the service may tell us to stay away.
const maxRetryAfter = time.Hour

// RetryAfter is how long to wait.
func (e *postponedError) RetryAfter() time.Duration { return e.after }
func (e *postponedError) Unwrap() error             { return e.error }

// failed finds out whether an answer says when to ask again (google.rpc.RetryInfo).
func failed(err error) error {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return &postponedError{err, min(max(info.GetRetryDelay().AsDuration(), 0), maxRetryAfter)}
		}
	}
	return err
}

// kinds are the meanings of gRPC's codes: https://cloud.google.com/apis/design/errors. A code that is not here is our fault
// or nobody's, and Unknown.
var kinds = map[codes.Code]driver.Kind{
	codes.NotFound:          driver.NotFound,
	codes.PermissionDenied:  driver.Denied,
	codes.Unauthenticated:   driver.Unauthenticated,
	codes.InvalidArgument:   driver.Invalid,
	codes.OutOfRange:        driver.Invalid,
	codes.ResourceExhausted: driver.Throttled,

	codes.Aborted:          driver.Unavailable,
	codes.Canceled:         driver.Unavailable, // by the other side: for our own, the caller looks at its context
	codes.DataLoss:         driver.Unavailable,
	codes.DeadlineExceeded: driver.Unavailable,
	codes.Internal:         driver.Unavailable,
	codes.Unavailable:      driver.Unavailable,
	codes.Unimplemented:    driver.Unavailable, // it is not Secret Manager that answers
	codes.Unknown:          driver.Unavailable, // it is not gRPC that is answered
}

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind {
	if refused, ok := errors.AsType[*loginError](err); ok {
		return kindOfLogin(refused)
	}
	switch {
	case errors.Is(err, errNoProject):
		return driver.Invalid
	case errors.Is(err, errCorrupt), errors.Is(err, errNoPayload):
		return driver.Unavailable
	}
	answer := answered(err)
	switch {
	case answer == nil:
		return driver.Unknown
	case isForeign(answer):
		return driver.Unavailable
	case isTooLarge(answer):
		return driver.Invalid
	case answer.Code() == codes.FailedPrecondition && strings.Contains(answer.Message(), " state."):
		// A disabled or destroyed version. To whoever reads it is gone, as is a deleted one of Vault's or AWS's; another
		// request would be of no use.
		return driver.NotFound
	case answer.Code() == codes.FailedPrecondition:
		return driver.Denied // the key that encrypts it (CMEK) is disabled, or not for the service
	}
	return kinds[answer.Code()]
}

// kindOfLogin tells a token that is not to be had now from credentials that are not there, or wrong.
func kindOfLogin(refused *loginError) driver.Kind {
	err := refused.err
	if errors.Is(err, context.DeadlineExceeded) {
		return driver.Unavailable
	}
	if !refused.found {
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

// httpStatus is what whoever hands out tokens answered; 0: nothing.
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
	switch {
	case code == http.StatusTooManyRequests:
		return driver.Throttled
	case code == http.StatusForbidden:
		return driver.Denied // to act as the service account
	case code >= 500, code < 400:
		return driver.Unavailable
	}
	return driver.Unauthenticated
}

// Explain is the service's message without gRPC's words around it.
func (d *Driver) Explain(err error) string {
	if refused, ok := errors.AsType[*loginError](err); ok {
		return "no credentials: " + explainLogin(refused.err)
	}
	answer := answered(err)
	if answer == nil {
		return err.Error()
	}
	// gRPC quotes answers that are not its own, which may be any page.
	said, _, _ := strings.Cut(answer.Message(), "\ndata: ")
	return said
}

// explainLogin leaves out what the SDK quotes at the end: an answer that may be any page, or hold a token.
func explainLogin(err error) string {
	said := err.Error()
	if answer, ok := errors.AsType[*metadata.Error](err); ok {
		said = fmt.Sprintf("the metadata server answered HTTP status %d: %s", answer.Code, answer.Message)
	} else if code := httpStatus(err); code != 0 {
		return fmt.Sprintf("the request for a token was answered with HTTP status %d", code)
	}
	if end := strings.IndexAny(said, "{<`\n"); end >= 0 {
		said = said[:end]
	}
	return strings.TrimRight(strings.TrimPrefix(said, "credentials: "), ": ")
}

// answered is the status of a call; nil: there was none.
func answered(err error) *status.Status {
	var answer interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &answer) {
		return nil
	}
	return answer.GRPCStatus()
}

// isForeign: HTTP was answered, but not by gRPC.
func isForeign(answer *status.Status) bool {
	return strings.Contains(answer.Message(), "unexpected HTTP status code") || strings.Contains(answer.Message(), "unexpected content-type")
}

// isTooLarge: gRPC itself calls that exhausted.
func isTooLarge(answer *status.Status) bool {
	return answer.Code() == codes.ResourceExhausted && strings.HasPrefix(answer.Message(), "grpc: received message")
}

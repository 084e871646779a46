package gcpsecretmanager

import (
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

var (
	errNoProject = &driver.Error{
		Kind: driver.Invalid, Problem: "no project is given, and the syncer's credentials belong to none",
		Hint: "set {container}, or GOOGLE_CLOUD_PROJECT for the syncer",
	}
	errRegion = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a region that is none: it becomes part of a host name", Hint: "correct it in the store",
	}
	errCorrupt = &driver.Error{
		Kind: driver.Unavailable, Problem: "the value was damaged on its way: its CRC32C does not match",
	}
)

// postponed finds out whether an answer says when to ask again (google.rpc.RetryInfo).
func postponed(err error) error {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return transport.PostponeBy(err, info.GetRetryDelay().AsDuration())
		}
	}
	return err
}

// kinds are the meanings of gRPC's codes: https://cloud.google.com/apis/design/errors. A code that is not here is our fault
// or no fault at all, and Unknown.
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
func (d *Driver) Classify(err error) driver.Kind { return driver.KindOfItem(err, d.kind(err)) }

func (d *Driver) kind(err error) driver.Kind {
	if refused, ok := errors.AsType[*login.Error](err); ok {
		return refused.Kind()
	}
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Kind
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
		// A disabled or destroyed version. To a reader it is gone, as is a deleted one of Vault's or AWS's; another
		// request would be of no use.
		return driver.NotFound
	case answer.Code() == codes.FailedPrecondition:
		return driver.Denied // the key that encrypts it (CMEK) is disabled, or not for the service
	}
	return kinds[answer.Code()]
}

// Doubts implements driver.Doubter: a version that is disabled can be enabled again.
func (d *Driver) Doubts(err error) bool {
	answer := answered(err)
	return answer != nil && answer.Code() == codes.FailedPrecondition
}

// Explain is the service's message without gRPC's words around it.
func (d *Driver) Explain(err error) string {
	if item, ok := errors.AsType[*driver.ItemError](err); ok {
		return driver.Word(item.Name) + ": " + d.Explain(item.Err)
	}
	if refused, ok := errors.AsType[*login.Error](err); ok {
		return refused.Error()
	}
	answer := answered(err)
	if answer == nil {
		return err.Error()
	}
	// gRPC quotes answers that are not its own, which may be any page.
	said, _, _ := strings.Cut(answer.Message(), "\ndata: ")
	return said
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

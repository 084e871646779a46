// Package awserror is what errors of AWS mean, and of its SDK.
package awserror

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// CredentialsError says that the identity's credentials could not be had.
type CredentialsError struct {
	Err error
	// Role is the one that was to be assumed, and By what was to assume it, where there are others than the syncer's own identity and the
	// object's role.
	Role, By string
}

func (e *CredentialsError) Error() string { return e.prefix() + e.Err.Error() }

func (e *CredentialsError) prefix() string {
	if e.Role == "" {
		return "no session: "
	}
	return "no session of " + e.Role + ": "
}

// Unwrap returns the SDK's error.
func (e *CredentialsError) Unwrap() error { return e.Err }

// ItemError is what AWS says of one item of a batch. It means what the call for this item alone would have failed with.
type ItemError struct{ Code, Message string }

func (e *ItemError) Error() string { return e.ErrorCode() + ": " + e.Message }

// ErrorCode implements smithy.APIError.
func (e *ItemError) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *ItemError) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError.
func (e *ItemError) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

// kinds are the meanings of AWS's error codes: those of Secrets Manager, SSM, STS, and the common ones
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html). Throttling has a table in the SDK.
var kinds = map[string]driver.Kind{
	"ResourceNotFoundException": driver.NotFound,
	"ParameterNotFound":         driver.NotFound,
	"ParameterVersionNotFound":  driver.NotFound,

	"AccessDenied":            driver.Denied,
	"AccessDeniedException":   driver.Denied,
	"UnauthorizedOperation":   driver.Denied,
	"NotAuthorized":           driver.Denied,
	"RegionDisabledException": driver.Denied,
	// The KMS key is disabled, is being deleted, or is not for this identity.
	"DecryptionFailure":        driver.Denied,
	"InvalidKeyId":             driver.Denied,
	"KMSAccessDeniedException": driver.Denied,

	"AuthFailure":                         driver.Unauthenticated,
	"ExpiredToken":                        driver.Unauthenticated,
	"ExpiredTokenException":               driver.Unauthenticated,
	"IDPRejectedClaim":                    driver.Unauthenticated,
	"IncompleteSignature":                 driver.Unauthenticated,
	"IncompleteSignatureException":        driver.Unauthenticated,
	"InvalidAccessKeyId":                  driver.Unauthenticated,
	"InvalidClientTokenId":                driver.Unauthenticated,
	"InvalidIdentityToken":                driver.Unauthenticated,
	"InvalidSignatureException":           driver.Unauthenticated,
	"MissingAuthenticationToken":          driver.Unauthenticated,
	"MissingAuthenticationTokenException": driver.Unauthenticated,
	"OptInRequired":                       driver.Unauthenticated,
	"RequestExpired":                      driver.Unauthenticated,
	"SignatureDoesNotMatch":               driver.Unauthenticated,
	"UnrecognizedClientException":         driver.Unauthenticated,

	"InternalFailure":             driver.Unavailable,
	"InternalServerError":         driver.Unavailable,
	"InternalServiceError":        driver.Unavailable,
	"IDPCommunicationError":       driver.Unavailable,
	"ServiceUnavailable":          driver.Unavailable,
	"ServiceUnavailableException": driver.Unavailable,
}

// Classify says what an error means.
func Classify(err error) driver.Kind {
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Kind
	}
	if noRegion(err) != "" {
		return driver.Invalid
	}
	if withoutSTS(err) {
		return driver.Unauthenticated
	}
	if !implemented(err) {
		return driver.Invalid
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if kind, ok := kindOf(api); ok {
			return kind
		}
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return kindOfStatus(response.HTTPStatusCode())
	}
	if _, ok := errors.AsType[*ItemError](err); ok {
		return kindOfStatus(http.StatusBadRequest) // AWS's status of errors that have none of their own
	}
	return kindOfTransport(err)
}

// withoutSTS recognizes errors of a chain that found no credentials: that its last resort, the instance's metadata, does
// not answer is no outage of AWS.
func withoutSTS(err error) bool {
	if _, ok := errors.AsType[*CredentialsError](err); !ok || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	operation, ok := errors.AsType[*smithy.OperationError](err)
	return !ok || operation.ServiceID != sts.ServiceID
}

// implemented is false for errors that say that there is no such call. LocalStack reports that with a code that means
// an outage elsewhere.
func implemented(err error) bool {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return !ok || response.HTTPStatusCode() != http.StatusNotImplemented
}

func kindOf(api smithy.APIError) (driver.Kind, bool) {
	code := api.ErrorCode()
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return driver.Throttled, true
	}
	if markedForDeletion(api) {
		return driver.NotFound, true
	}
	kind, ok := kinds[code]
	return kind, ok
}

// markedForDeletion reports whether a secret is in its recovery window, and cannot be read. The code says no more than
// that the request does not fit the state of the secret, which is in the text alone:
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
func markedForDeletion(api smithy.APIError) bool {
	return api.ErrorCode() == "InvalidRequestException" && strings.Contains(api.ErrorMessage(), "marked for deletion")
}

func kindOfStatus(status int) driver.Kind {
	kind := transport.KindOf(status)
	if kind == driver.NotFound {
		return driver.Invalid // what is not found has a code: this is another service's host
	}
	return kind
}

func kindOfTransport(err error) driver.Kind {
	var send *smithyhttp.RequestSendError
	var garbage *smithy.DeserializationError
	var invalid smithy.InvalidParamsError
	switch {
	case errors.As(err, &send), errors.As(err, &garbage), transport.Unanswered(err):
		return driver.Unavailable
	case errors.As(err, &invalid):
		return driver.Invalid
	}
	return driver.Unknown
}

// Explain is AWS's answer without the SDK's words around it.
func Explain(err error) string {
	if withoutSTS(err) && !errors.Is(err, transport.ErrTooLong) {
		return err.Error() // each source of the chain, and why it has none
	}
	var prefix string
	if none, ok := errors.AsType[*CredentialsError](err); ok {
		prefix = none.prefix()
		err = none.Err
	}
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	var garbage *smithy.DeserializationError
	switch {
	case errors.Is(err, transport.ErrTooLong):
		return prefix + transport.ErrTooLong.Error()
	case noRegion(err) != "":
		return prefix + "there is no host " + noRegion(err)
	case errors.As(err, &garbage):
		// Not what it says: it may quote the answer.
		return prefix + "the answer is not one of AWS's"
	case errors.As(err, &api) && api.ErrorMessage() != "":
		return prefix + driver.Word(api.ErrorCode()) + ": " + api.ErrorMessage()
	case errors.As(err, &api):
		return prefix + driver.Word(api.ErrorCode())
	case errors.As(err, &send):
		return prefix + send.Err.Error()
	}
	return prefix + err.Error()
}

// Postponed adds to an error what its answer's Retry-After says.
func Postponed(err error) error {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.Response == nil {
		return err
	}
	return transport.Postpone(err, response.Response.Header)
}

// RefusesKey reports whether AWS refuses an access key: it was deleted or deactivated, or its parts do not fit.
func RefusesKey(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "UnrecognizedClientException":
		return true
	}
	return false
}

// Expired reports whether a session ended early: its role was changed, its sessions revoked, or our clock is slow.
func Expired(err error, used aws.Credentials) bool {
	var api smithy.APIError
	if used.SessionToken == "" || !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException":
		return true
	}
	return false
}

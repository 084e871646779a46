package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// ErrGarbage says that it is not Alibaba Cloud that answered.
var ErrGarbage = &driver.Error{
	Kind: driver.Unavailable, Problem: "the answer is not Alibaba Cloud's", Hint: "check ALICLOUD_ENDPOINT, and the proxy on the way",
}

// ServiceError is an answer that is not a success. Without a code it is not Alibaba Cloud's.
type ServiceError struct {
	Status        int
	Code, Message string
}

func (e *ServiceError) Error() string {
	switch {
	case e.Code == "":
		return fmt.Sprintf("HTTP status %d without an answer of Alibaba Cloud's", e.Status)
	case e.Message == "":
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// TransportError says that there is no answer, or half of one.
type TransportError struct{ Err error }

func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap returns the network's error.
func (e *TransportError) Unwrap() error { return e.Err }

// kinds are the meanings of error codes; the first prefix that fits counts. They are those of KMS, of STS, and of the gateway
// before all services: https://www.alibabacloud.com/help/en/kms/key-management-service/support/sample-responses.
var kinds = []struct {
	prefix string
	kind   driver.Kind
}{
	{"Forbidden.ResourceNotFound", driver.NotFound},
	{"Forbidden.AccessKey", driver.Unauthenticated},
	{"Forbidden", driver.Denied},
	{"NoPermission", driver.Denied},
	{"EntityNotExist.Role", driver.Denied},             // as AWS says it of a role that may not be assumed
	{"AuthenticationFail.NoPermission", driver.Denied}, // the role does not trust the pod's token
	{"AuthenticationFail", driver.Unauthenticated},

	{"Throttling", driver.Throttled},
	{"Rejected.Throttling", driver.Throttled},
	{"Rejected.LimitExceeded", driver.Throttled},
	{"Rejected.Unavailable", driver.Unavailable},
	{"Rejected.UnsupportedOperation", driver.Invalid},
	{"Rejected", driver.Denied}, // the state of the secret's KMS key

	{"InvalidAccessKeyId", driver.Unauthenticated},
	{"InvalidSecurityToken", driver.Unauthenticated},
	{"InvalidTimeStamp", driver.Unauthenticated},
	{"IllegalTimestamp", driver.Unauthenticated},
	{"IncompleteSignature", driver.Unauthenticated},
	{"MissingAccessKeyId", driver.Unauthenticated},
	{"MissingSecurityToken", driver.Unauthenticated},
	{"SignatureDoesNotMatch", driver.Unauthenticated},
	{"SignatureNonceUsed", driver.Unavailable}, // an intermediary sent the request twice

	{"Internal", driver.Unavailable},
	{"ServiceUnavailable", driver.Unavailable},
	{"UnknownError", driver.Unavailable},
}

// Kind is what an error of Call means.
func Kind(err error) driver.Kind {
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Kind
	}
	if said, ok := errors.AsType[*ServiceError](err); ok {
		return said.kind()
	}
	if _, ok := errors.AsType[*TransportError](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return driver.Unavailable
	}
	return driver.Unknown
}

func (e *ServiceError) kind() driver.Kind {
	for _, k := range kinds {
		if strings.HasPrefix(e.Code, k.prefix) {
			return k.kind
		}
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		return driver.Throttled
	case e.Status >= http.StatusInternalServerError, e.Code == "": // a page, of a proxy or of another server
		return driver.Unavailable
	}
	return driver.Invalid
}

// Ended reports whether a session ended before it expired: it was revoked, or our clock is slow.
func Ended(err error, used Key) bool {
	said, ok := errors.AsType[*ServiceError](err)
	return ok && used.Token != "" && (strings.HasPrefix(said.Code, "InvalidSecurityToken") ||
		strings.HasPrefix(said.Code, "InvalidAccessKeyId") || strings.HasPrefix(said.Code, "Forbidden.AccessKey"))
}

// RefusesKey reports whether Alibaba Cloud refuses an access key: it was deleted or disabled, or its parts do not fit.
func RefusesKey(err error) bool {
	said, ok := errors.AsType[*ServiceError](err)
	return ok && (strings.HasPrefix(said.Code, "InvalidAccessKeyId") || strings.HasPrefix(said.Code, "Forbidden.AccessKey") ||
		strings.HasPrefix(said.Code, "SignatureDoesNotMatch"))
}

var stringToSign = regexp.MustCompile(`(?is)(?:\bserver\s+)?\bstring\s*to\s*sign\b.*`)

// withoutStringToSign cuts a message that quotes what was to be signed: the request with its security token.
func withoutStringToSign(message string) string {
	return strings.TrimSpace(stringToSign.ReplaceAllString(message, ""))
}

package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// mistake is an error that says itself what to do.
type mistake struct{ problem, remedy string }

func (m *mistake) Error() string  { return m.problem }
func (m *mistake) Remedy() string { return m.remedy }

var (
	errNoKey      = &mistake{"the syncer has no access key", "set ALICLOUD_ACCESS_KEY_ID and ALICLOUD_ACCESS_KEY_SECRET for the syncer"}
	errNoEndpoint = &mistake{
		"the syncer has no endpoint of KMS", "set ALICLOUD_ENDPOINT for the syncer, for instance to kms.eu-central-1.aliyuncs.com",
	}
	errGarbage   = &mistake{"the answer is not Alibaba Cloud's", "check ALICLOUD_ENDPOINT, and the proxy on the way"}
	errNoValue   = errors.New("the answer holds no value")
	errNotBase64 = errors.New("the binary value in the answer is not base64")
)

// serviceError is an answer that is not a success. Without a code it is not Alibaba Cloud's.
type serviceError struct {
	status        int
	code, message string
	retryAfter    time.Duration
}

func (e *serviceError) Error() string {
	switch {
	case e.code == "":
		return fmt.Sprintf("HTTP status %d without an answer of Alibaba Cloud's", e.status)
	case e.message == "":
		return e.code
	}
	return e.code + ": " + e.message
}

// RetryAfter is when to ask again; 0: it was not said.
func (e *serviceError) RetryAfter() time.Duration { return e.retryAfter }

// sessionError says that the role could not be assumed.
type sessionError struct{ err error }

func (e *sessionError) Error() string { return "no session: " + e.err.Error() }
func (e *sessionError) Unwrap() error { return e.err }

// transportError says that there is no answer, or half of one.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

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
	{"EntityNotExist.Role", driver.Denied}, // as AWS says it of a role that may not be assumed

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
	{"SignatureNonceUsed", driver.Unavailable}, // somebody on the way sent the request twice

	{"Internal", driver.Unavailable},
	{"ServiceUnavailable", driver.Unavailable},
	{"UnknownError", driver.Unavailable},
}

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind {
	switch {
	case errors.Is(err, errNoKey):
		return driver.Unauthenticated
	case errors.Is(err, errNoEndpoint):
		return driver.Invalid
	case errors.Is(err, errGarbage), errors.Is(err, errNoValue), errors.Is(err, errNotBase64), errors.Is(err, context.DeadlineExceeded):
		return driver.Unavailable
	}
	if _, ok := errors.AsType[*transportError](err); ok {
		return driver.Unavailable
	}
	if said, ok := errors.AsType[*serviceError](err); ok {
		return said.kind()
	}
	return driver.Unknown
}

func (e *serviceError) kind() driver.Kind {
	for _, k := range kinds {
		if strings.HasPrefix(e.code, k.prefix) {
			return k.kind
		}
	}
	switch {
	case e.status == http.StatusTooManyRequests:
		return driver.Throttled
	case e.status >= http.StatusInternalServerError, e.code == "": // a page, of a proxy or of another server
		return driver.Unavailable
	}
	return driver.Invalid
}

// ended tells a session that ended before its time: it was revoked, or our clock is slow.
func ended(err error, used key) bool {
	said, ok := errors.AsType[*serviceError](err)
	return ok && used.token != "" && (strings.HasPrefix(said.code, "InvalidSecurityToken") ||
		strings.HasPrefix(said.code, "InvalidAccessKeyId") || strings.HasPrefix(said.code, "Forbidden.AccessKey"))
}

var stringToSign = regexp.MustCompile(`(?is)(?:\bserver\s+)?\bstring\s*to\s*sign\b.*`)

// withoutStringToSign cuts a message that quotes what was to be signed: the request with its security token.
func withoutStringToSign(message string) string {
	return strings.TrimSpace(stringToSign.ReplaceAllString(message, ""))
}

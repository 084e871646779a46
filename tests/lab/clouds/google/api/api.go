// Package api is what the emulated Google services share: a caller who is proved, and errors in Google's words.
package api

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// Caller is who makes a call: a service account, or a federated identity.
type Caller struct {
	// Email of the service account, or the principal:// of a federated identity.
	Email       string
	Permissions permission.Set
	// Scoped is false for a token that was not given the scope of Google Cloud.
	Scoped bool
}

// Call is one authenticated call, as a service sees it.
type Call struct {
	Caller Caller
	Now    time.Time
}

// Authorize returns PERMISSION_DENIED unless the caller may do the action on the resource, whether that exists or not.
func (c Call) Authorize(action, resource string) error {
	if !c.Caller.Scoped {
		return Refuse(code.Code_PERMISSION_DENIED, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes.")
	}
	if c.Caller.Permissions.Allows(action, resource) {
		return nil
	}
	return Refuse(code.Code_PERMISSION_DENIED, "IAM_PERMISSION_DENIED",
		"Permission '%s' denied for resource '%s' (or it may not exist).", action, resource)
}

// Error is an answer that is not a success: google.rpc.Status.
type Error struct {
	Code    code.Code
	Message string
	Details []proto.Message
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Errorf makes an Error without details.
func Errorf(c code.Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Refuse makes an Error with a google.rpc.ErrorInfo, as access control and quotas answer.
func Refuse(c code.Code, reason, format string, args ...any) *Error {
	e := Errorf(c, format, args...)
	e.Details = append(e.Details, &errdetails.ErrorInfo{
		Reason: reason, Domain: "googleapis.com", Metadata: map[string]string{"service": "secretmanager.googleapis.com"},
	})
	return e
}

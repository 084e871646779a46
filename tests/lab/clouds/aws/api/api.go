// Package api is what the emulated AWS services share: a call whose caller is proved, and errors in AWS's
// words.
package api

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
)

// Call is one authenticated call, as a service sees it.
type Call struct {
	// Region of the signature's scope; empty for anonymous calls.
	Region string
	// Caller is the zero Caller for anonymous calls.
	Caller iam.Caller
	Now    time.Time
}

// Authorize returns AccessDeniedException unless the caller may do the action on the resource. A resource
// of * stands for actions that take none, and a statement on certain resources never covers those.
func (c Call) Authorize(action, resource string) error {
	if c.Caller.Allows(action, resource) {
		return nil
	}
	on := " on resource: " + resource
	if resource == "*" {
		on = ""
	}
	return &Error{Code: "AccessDeniedException", Message: fmt.Sprintf(
		"User: %s is not authorized to perform: %s%s because no identity-based policy allows the %s action",
		c.Caller.ARN, action, on, action)}
}

// Error is an answer that is not a success. Status 0 means 400.
type Error struct {
	Code    string
	Message string
	Status  int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error of status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NewID makes a random UUID, the form of request and version ids.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

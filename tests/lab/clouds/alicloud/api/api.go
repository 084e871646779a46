// Package api is what the emulated Alibaba Cloud services share: a call whose caller is proved, and errors in Alibaba
// Cloud's words.
package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

// Call is one authenticated call, as a service sees it.
type Call struct {
	Region string
	Caller ram.Caller
	Now    time.Time
	Params map[string]string
}

// Error is an answer that is not a success.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing refuses a call that lacks a parameter.
func Missing(parameter string) *Error {
	return Errorf(http.StatusBadRequest, "MissingParameter",
		"The input parameter %q that is mandatory for processing this request is not supplied.", parameter)
}

// NewID makes a random UUID, the form of request ids.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

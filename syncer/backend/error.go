package backend

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// ErrNotConfigured says that this syncer has no driver for the backend. Its Kind is driver.Invalid: to ask again
// is of no use.
var ErrNotConfigured = errors.New("backend not configured")

// Error is why a read failed, in words for whoever wrote the ExternalSecret. It may be logged and shown: it holds no
// value and no credential. That of a batch as a whole has a Source without a Read.
type Error struct {
	Kind   driver.Kind
	Source plan.Source
	// Message is what the backend said, redacted and cut at 300 characters; it may be empty.
	Message string
	// RetryAfter is when the backend said to ask again, at the earliest; 0: it did not say.
	RetryAfter time.Duration

	// remedy of the driver's own; empty: that of the kind.
	remedy string
	// cause is ErrNotConfigured, driver.ErrNotAnswered, an error of context, or nil; never an SDK's error, whose text is not redacted.
	cause error
}

func newError(source plan.Source, kind driver.Kind, text string, cause error) *Error {
	s := source.Scope
	message := redact(text, source.Key, s.Identity.RoleARN, s.Identity.VaultMount, s.Identity.VaultRole, source.VersionID, source.VersionStage)
	return &Error{Kind: kind, Source: source, Message: message, cause: cause}
}

func notConfigured(source plan.Source) *Error {
	e := newError(source, driver.Invalid, "this syncer is not set up for the backend", ErrNotConfigured)
	e.remedy = "configure it at the syncer, or use another backendType"
	return e
}

// Unwrap returns ErrNotConfigured, driver.ErrNotAnswered, context.Canceled, context.DeadlineExceeded or nil.
func (e *Error) Unwrap() error { return e.cause }

// For is the error of a whole batch as that of one of its reads.
func (e *Error) For(read plan.Read) *Error {
	of := *e
	of.Source.Read = read
	return &of
}

// Error names the read, the cause and the remedy.
func (e *Error) Error() string {
	cause := e.text()
	if e.Message != "" {
		cause += ": " + e.Message
	}
	return fmt.Sprintf("cannot read %s from %s%s: %s; %s", e.read(), e.Source.Backend, place(e.Source.Scope), cause, e.Remedy())
}

func (e *Error) read() string {
	s := e.Source
	if s.Read == (plan.Read{}) {
		return "a batch of keys"
	}
	text := fmt.Sprintf("key %q", s.Key)
	if s.Path {
		text = fmt.Sprintf("path %q", s.Key)
	}
	switch {
	case s.VersionID != "":
		text += " (version " + driver.Word(s.VersionID) + ")"
	case s.VersionStage == "AWSCURRENT", s.VersionStage == "ACSCurrent", s.Version == "latest":
		// what everybody means who says nothing
	case s.VersionStage != "":
		text += " (stage " + driver.Word(s.VersionStage) + ")"
	case s.Version != "":
		text += " (version " + driver.Word(s.Version) + ")"
	}
	return text
}

// place says where the read went and as whom, without the fields that the backend has not.
func place(s plan.Scope) string {
	var text strings.Builder
	for _, part := range []struct{ name, value string }{
		{" in region ", s.Region}, {" in project ", s.Project}, {" in vault ", s.KeyVault},
	} {
		if part.value != "" {
			text.WriteString(part.name + part.value)
		}
	}
	if who := identity(s); who != "" {
		text.WriteString(" as " + who)
	}
	return text.String()
}

func identity(s plan.Scope) string {
	switch {
	case s.Identity.RoleARN != "":
		return s.Identity.RoleARN
	case s.Identity.VaultRole != "" || s.Identity.VaultMount != "":
		return fmt.Sprintf("role %q at mount %q", s.Identity.VaultRole, s.Identity.VaultMount)
	}
	return ""
}

func (e *Error) text() string {
	switch e.Kind {
	case driver.NotFound:
		return "not found"
	case driver.Denied:
		return "access denied"
	case driver.Invalid:
		return "not a valid request"
	case driver.Unauthenticated:
		return "not authenticated"
	case driver.Throttled:
		return "asked too often"
	case driver.Unavailable:
		return "unavailable"
	default:
		return "failed"
	}
}

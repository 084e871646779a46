package backend

import (
	"errors"
	"fmt"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// ErrNotConfigured says that this syncer has no driver for the backend. Its Kind is driver.Invalid, since a retry would not help.
var ErrNotConfigured = errors.New("backend not configured")

// Error is why a read failed, in words for the object's author. It may be logged and shown: it holds no value and no
// credential. That of a batch as a whole has a Source without a Read.
type Error struct {
	Kind   driver.Kind
	Source plan.Source
	// Message is what the backend said, redacted and cut at 300 characters; it may be empty.
	Message string
	// RetryAfter is how long the backend said to wait before the next call; 0: it did not say.
	RetryAfter time.Duration

	// proven: the driver knows the Kind by what the backend answered, and does not doubt that.
	proven bool
	// hint of the driver's; empty: the usual remedy for the kind.
	hint string
	// cause is ErrNotConfigured, driver.ErrNotAnswered, an error of context, or nil; never an SDK's error, whose text is not redacted.
	cause error
}

func newError(source plan.Source, kind driver.Kind, text string, cause error) *Error {
	s := source.Store
	message := redact(text, source.Key, s.Role, s.Mount, s.Login.Account, string(s.Login.Chain), source.VersionID, source.VersionStage)
	return &Error{Kind: kind, Source: source, Message: message, cause: cause}
}

func notConfigured(source plan.Source) *Error {
	e := newError(source, driver.Invalid, "this syncer is not set up for the backend", ErrNotConfigured)
	e.hint = "configure it at the syncer, or use another {backend}"
	return e
}

// absent reports whether a read that failed has no value, as an Optional one may.
func absent(read plan.Read, err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && read.Optional && failed.Kind == driver.NotFound && failed.proven
}

// Unwrap returns ErrNotConfigured, driver.ErrNotAnswered, context.Canceled, context.DeadlineExceeded or nil.
func (e *Error) Unwrap() error { return e.cause }

// For is the error of a whole batch as that of one of its reads.
func (e *Error) For(read plan.Read) *Error {
	of := *e
	of.Source.Read = read
	return &of
}

// Error names the read, the cause and the remedy. It is the same text for all objects that share a source: see Text.
func (e *Error) Error() string { return e.Text(asItIs) }

// Text is Error in the words of an object, as plan.Plan.Say puts them into the remedy. What the backend said stays as it is.
func (e *Error) Text(say func(text string) string) string {
	problem := e.problem()
	if e.Message != "" {
		problem += ": " + e.Message
	}
	return fmt.Sprintf("cannot read %s from %s%s: %s; %s", e.read(), e.Source.Backend, place(e.Source.Store), problem, e.remedyIn(say))
}

func (e *Error) read() string {
	s := e.Source
	if s.Read == (plan.Read{}) {
		return "a batch of keys"
	}
	text := fmt.Sprintf("key %q", s.Key)
	switch {
	case s.Path && s.Key == "":
		text = "all names"
	case s.Path:
		text = fmt.Sprintf("path %q", s.Key)
	}
	switch usual := defaultRead(s.Backend); {
	case s.VersionID != "":
		text += " (version " + driver.Word(s.VersionID) + ")"
	case s.VersionStage != "" && s.VersionStage != usual.VersionStage:
		text += " (stage " + driver.Word(s.VersionStage) + ")"
	case s.Version != "" && s.Version != usual.Version:
		text += " (version " + driver.Word(s.Version) + ")"
	}
	return text
}

func (e *Error) problem() string {
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

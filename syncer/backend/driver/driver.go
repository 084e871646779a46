// Package driver is the interface of a backend. Drivers do transport, and know what errors of their backend mean. Limits, metrics,
// redaction and messages are in package backend, once for all drivers.
package driver

import (
	"context"
	"errors"

	"github.com/secretgate/secretgate/shared/plan"
)

// Driver reads one backend. Its methods may be called concurrently.
//
// Further abilities (reading in batches, walking a path) are interfaces of their own, found by
// assertion, so that a driver without them stays as small as this.
type Driver interface {
	// Get reads one value. An answer that names another secret than the requested one is ErrOther. Errors are the SDK's own: the
	// caller classifies, words and redacts them, and retries.
	Get(ctx context.Context, store plan.Store, read plan.Read) (Value, error)

	// Classify returns the kind of failure that an error of the driver is.
	Classify(err error) Kind

	// Hint is what to do about an error of a read, in a few words for the object's author; empty: the usual remedy for its kind.
	// It may contain terms of package plan and TermIdentity, and nothing that the backend said. The source of a batch has no Read.
	Hint(err error, of plan.Source) string
}

// Batcher is a driver that reads several values by one call.
type Batcher interface {
	// BatchSize is how many reads one call may make, this one included; under 2, the read cannot be part of a batch.
	BatchSize(read plan.Read) int

	// GetBatch reads values of one store. The reads differ, each may be part of a batch, and there are no more than the
	// least BatchSize among them. Results come in the order of the reads. An error is that of the whole call.
	GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]Result, error)
}

// Walker is a driver that reads what is below a path.
type Walker interface {
	// Walk reads every value below the path read.Key, in any order, each with its Name. If there is none, the error is of kind
	// NotFound, with a hint how to find some: a path with a typo must not empty a Secret.
	Walk(ctx context.Context, store plan.Store, read plan.Read) ([]Value, error)
}

// Forgetter is a driver that keeps sessions by credentials from the cluster.
type Forgetter interface {
	// Forget ends the session of a Store that no object reads any more: its namespace may be deleted and made again for another team,
	// and an equal Store there has to log in by itself. It makes no calls. A Store of another credential keeps its session.
	Forget(store plan.Store)
}

// Doubter is a driver with errors of kind NotFound that do not prove that a value is gone. What is proved to be gone may be deleted from
// Secrets, where their objects want that.
type Doubter interface {
	// Doubts reports whether an error of kind NotFound may mean that more is missing than the value, such as what holds it, or that the
	// value is there but not to be had.
	Doubts(err error) bool
}

// Value is what a backend holds under one read.
type Value struct {
	// Name is the full name under which a walk found the value; empty for a read by key.
	Name string
	Data []byte
	// Bytes is set where the backend delivers bytes rather than text (AWS SecretBinary), which
	// isBinary must not decode again.
	Bytes bool
	// Version is the backend's own id of the version: never derived from Data. Empty where the
	// backend has none (Vault KV 1).
	Version string
	// Metadata is what the backend says of the value beside it: a JSON object, as it came. Empty where it says nothing that objects may
	// ask for, which is so of all but Vault KV 2.
	Metadata []byte
}

// Size is how many bytes a Value has in memory, its name and version aside.
func (v *Value) Size() int { return len(v.Data) + len(v.Metadata) }

// Result is the outcome of one read of a batch.
type Result struct {
	Value Value
	// Err is why there is no value: an error that Classify understands, or ErrNotAnswered.
	Err error
}

// ErrNotAnswered says that the answer to a batch does not mention a read. A single read of the same source may succeed.
var ErrNotAnswered = errors.New("the answer does not mention it")

// ErrNoValue says that an answer is well-formed but has no value. That must never be taken for an empty value.
var ErrNoValue error = &Error{Kind: Unavailable, Problem: "the answer holds no value"}

// ErrOther says that an answer is for another request: a cache or a proxy has mixed up two answers.
var ErrOther error = &Error{
	Kind: Unavailable, Problem: "the answer is that of another secret, or of another version",
	Hint: "check the proxy or cache on the way to the backend",
}

// Error is a failure that a driver found itself. Other errors are its SDK's.
type Error struct {
	Kind    Kind
	Problem string
	// Hint is what to do about it, as Driver.Hint; empty: Driver.Hint is used.
	Hint string
}

func (e *Error) Error() string { return e.Problem }

// Remedy returns the hint.
func (e *Error) Remedy() string { return e.Hint }

// Kind is what a failure means to the caller.
type Kind int

// The kinds of failure.
const (
	Unknown         Kind = iota
	NotFound             // no such key, version or staging label
	Denied               // the identity may not read it, or may not be assumed
	Invalid              // the request itself is refused
	Unauthenticated      // no credentials, or ones that the backend does not accept
	Throttled            // asked too often
	Unavailable          // no answer, or the backend's own fault
)

// String names the kind as metrics do.
func (k Kind) String() string {
	return [...]string{"unknown", "not_found", "denied", "invalid", "unauthenticated", "throttled", "unavailable"}[k]
}

// Package driver is what a backend must be able to do. Drivers do transport only: limits, metrics,
// redaction and messages stand once, in package backend, in front of them.
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
	// Get reads one value. Where since names the version that the backend holds at present, it may
	// return ErrUnchanged instead; an empty since always reads. Errors are the SDK's own: they are
	// classified, worded and redacted by the caller. Retries are the caller's too.
	Get(ctx context.Context, scope plan.Scope, read plan.Read, since string) (Value, error)

	// Classify says what kind of failure an error of Get is.
	Classify(err error) Kind
}

// Value is what a backend holds under one read.
type Value struct {
	Data []byte
	// Bytes is set where the backend delivers bytes rather than text (AWS SecretBinary), which
	// isBinary must not decode again.
	Bytes bool
	// Version is the backend's own id of the version: never derived from Data. Empty where the
	// backend has none (Vault KV 1).
	Version string
}

// ErrUnchanged says that the backend still holds the version that Get was given.
var ErrUnchanged = errors.New("unchanged")

// Kind is what a failure means to whoever asked.
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

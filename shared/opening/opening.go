// Package opening is what the webhook asks the syncer of a SealedSecret, and what that answers: whether the cluster's keys open it. It is
// spoken over TLS between the two alone (package peer), by POST to Path, with what Query has. No answer holds a value.
package opening

import (
	"net/url"
	"time"
)

// The ConfigMaps by which the two prove who they are: see package peer.
const (
	ConfigMapWebhook = "sealed-verify-webhook"
	ConfigMapSyncer  = "sealed-verify-syncer"
)

// Path is where the syncer is asked.
const Path = "/v1/opens"

const (
	// MaxTime is how long an answer may take.
	MaxTime = time.Second
	// MaxBody bounds a Request, in bytes of JSON: that of an object as large as one may be.
	MaxBody = 3 << 20
	// MaxClosed bounds how many values an answer names.
	MaxClosed = 20
)

// Query is the part of a request that is read before its body: the namespace of the object, which takes turns with others, and how long the
// webhook waits for the answer.
func Query(namespace string, within time.Duration) url.Values {
	return url.Values{"namespace": {namespace}, "within": {within.String()}}
}

// ParseQuery reads what Query made. What is wrong or missing counts as no namespace, and as MaxTime.
func ParseQuery(query url.Values) (namespace string, within time.Duration) {
	within, err := time.ParseDuration(query.Get("within"))
	if err != nil || within <= 0 || within > MaxTime {
		within = MaxTime
	}
	return query.Get("namespace"), within
}

// Request is the values of one object.
type Request struct {
	Values []Value `json:"values"`
}

// Value is one that is sealed.
type Value struct {
	Ciphertext []byte `json:"ciphertext"`
	Label      string `json:"label"` // of RSA-OAEP
}

// Response is what of a Request can be opened: all values, but for those in Closed and, where Unknown says why, those of which nothing is
// known.
type Response struct {
	Closed  []Closed `json:"closed,omitempty"`
	Unknown string   `json:"unknown,omitempty"` // a sentence without an end; empty: there is an answer for each value
}

// Closed is a value that no key of the cluster opens.
type Closed struct {
	Value int    `json:"value"` // its place in the Request
	Why   string `json:"why"`   // what the value is, and what to do, as in "sealed by a key that is gone: restore it"
}

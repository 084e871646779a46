// Package fault decides which calls to the emulated clouds go wrong, and how. It only decides: each cloud
// words the failure in its own protocol.
package fault

import (
	"fmt"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

// Kind is what goes wrong.
type Kind string

// The kinds of fault.
const (
	// Latency delays the call, which then runs as usual. Delays of several faults add up.
	Latency Kind = "latency"
	// Throttle answers with the cloud's throttling error.
	Throttle Kind = "throttle"
	// Outage answers 503.
	Outage Kind = "outage"
	// Cut closes the connection without an answer.
	Cut Kind = "cut"
	// Garbage answers 200 with a body that is not of the protocol.
	Garbage Kind = "garbage"
	// Flood answers 200 with a small body that unpacks to half a gigabyte. gRPC calls do not suffer it.
	Flood Kind = "flood"
	// Error answers with the Code, Message and Status given.
	Error Kind = "error"
)

// Fault is one thing that goes wrong with the calls it is scoped to. The scope fields take * and ?; an
// empty one means all. A Key matches a secret's name, or the id by which a call asks for it, and a batch
// goes wrong as a whole if it asks for such a key.
type Fault struct {
	// ID is given by Set.Add.
	ID   string `json:"id,omitempty"`
	Kind Kind   `json:"kind"`

	Cloud     string `json:"cloud,omitempty"`
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Identity  string `json:"identity,omitempty"`
	Key       string `json:"key,omitempty"`

	// Count is how many calls are struck before the fault is spent; 0 means no end.
	Count int `json:"count,omitempty"`
	// Fraction of the matching calls to strike, over 0 and up to 1; 0 means all. The struck calls are spread
	// evenly (every second one for 0.5), not drawn at random, so that a test sees the same each time.
	Fraction float64 `json:"fraction,omitempty"`

	// Latency of kind latency.
	Latency Duration `json:"latency,omitzero"`
	// RetryAfter is sent as the header of that name, in whole seconds, by throttle, outage and error.
	RetryAfter Duration `json:"retryAfter,omitzero"`
	// Code, Message and Status of kind error. Status defaults to 400.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"`
}

// Duration is a time.Duration that reads and writes as text: "20ms".
type Duration time.Duration

// MarshalText writes the form that time.ParseDuration reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Call is what a fault is matched against. Keys holds every name by which the call's secrets go.
type Call struct {
	Cloud, Service, Operation, Identity string
	Keys                                []string
}

// check names what is wrong with a fault and what would be right.
func (f Fault) check() error {
	switch f.Kind {
	case Latency:
		if f.Latency <= 0 {
			return fmt.Errorf("fault of kind latency: latency is %s: give a positive duration such as \"20ms\"", time.Duration(f.Latency))
		}
	case Error:
		if f.Code == "" {
			return fmt.Errorf("fault of kind error: code is empty: give the cloud's error code, such as InternalServiceError")
		}
	case Throttle, Outage, Cut, Garbage, Flood:
	default:
		return fmt.Errorf("fault kind %q is unknown: use one of latency, throttle, outage, cut, garbage, flood, error", f.Kind)
	}
	if f.Fraction < 0 || f.Fraction > 1 {
		return fmt.Errorf("fault fraction is %v: give a number from 0 to 1", f.Fraction)
	}
	if f.Count < 0 {
		return fmt.Errorf("fault count is %d: give 0 for no end, or a positive number", f.Count)
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("fault status is %d: give an HTTP status from 400 to 599", f.Status)
	}
	return nil
}

func (f Fault) matches(c Call) bool {
	return within(f.Cloud, c.Cloud) && within(f.Service, c.Service) && within(f.Operation, c.Operation) &&
		within(f.Identity, c.Identity) && f.matchesKey(c.Keys)
}

func (f Fault) matchesKey(keys []string) bool {
	if f.Key == "" {
		return true
	}
	for _, key := range keys {
		if wildcard.Match(f.Key, key) {
			return true
		}
	}
	return false
}

func within(pattern, s string) bool {
	return pattern == "" || wildcard.Match(strings.ToLower(pattern), strings.ToLower(s))
}

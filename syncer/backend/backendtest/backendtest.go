// Package backendtest is the conformance suite of drivers: what backend.Client and everything behind it rely on, tried on
// a real backend or an emulator of its wire protocol. A driver is accepted when it passes Run.
package backendtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Harness is a backend under a test's control. Optional fields say so; every other one is needed.
type Harness struct {
	// New makes a driver that has no session yet.
	New func(t *testing.T) driver.Driver
	// At makes a driver that takes http://host:port for the backend, logins included.
	At func(t *testing.T, url string) driver.Driver

	// Through makes a driver whose answers are changed on their way. No change makes them longer or shorter. nil: the backend's
	// answers do not name what they are of.
	Through func(t *testing.T, change func(answer []byte) []byte) driver.Driver

	// Stores are two identities or more, each with a session of its own. Scope i may read what Key(i, …) names, and nothing
	// of the others'.
	Stores []plan.Store
	// Key is where the secret of this name is that only store i may read.
	Key func(store int, name string) string
	// Read is the read of a key's current version, as a Plan has it.
	Read func(key string) plan.Read
	// Path is the walk of what Key(store, name+"/…") names. nil: the driver is no Walker.
	Path func(store int, name string, recursive bool) plan.Read
	// Prefixes: a path is the beginning of names. Then a walk finds all that begins so, whether it is recursive or not.
	Prefixes bool
	// NoBatch is an identity that may read Key(0, …), but not by batches. nil: the driver is no Batcher, or no identity can be such.
	NoBatch *plan.Store

	// Put writes a text as a new version.
	Put func(t *testing.T, key, text string)
	// LargestText is how many bytes a text may have; 0: 60 KiB and more.
	LargestText int
	// Text finds such a text in what is read; nil: they are the same. A backend that keeps only objects wraps it.
	Text func(data []byte) (string, error)
	// PutJSON writes a JSON object as a new version. What is read must be the same bytes.
	PutJSON func(t *testing.T, key, object string)
	// InexactNumbers: the backend itself keeps the numbers in objects as floats of 64 bits, as Vault's KV version 2 does.
	InexactNumbers bool
	// PutBinary writes bytes as a new version. nil: the backend has only text; then no value may be marked as Bytes.
	PutBinary func(t *testing.T, key string, content []byte)
	// Delete removes the secret.
	Delete func(t *testing.T, key string)
	// Unversioned: the backend has no versions; then no value may have one.
	Unversioned bool
	// Described: with each value comes what the backend says of it, as a JSON object, and of a new version another one. Else no value may
	// have Metadata.
	Described bool

	// Refused are identities that exist or not, but may not be used; the names say why.
	Refused map[string]plan.Store
	// Unproved are drivers whose own credentials the backend does not accept; the names say why.
	Unproved map[string]func(t *testing.T) driver.Driver
	// Nowhere are reads in what does not exist, such as an engine or a project: of their values nothing is known. The names say what it is.
	Nowhere map[string]plan.Source
	// Faults are what may befall the backend.
	Faults []Fault

	// Logins counts the logins (sessions begun) at the backend so far. nil: the backend has none; then Expire is nil, too.
	Logins func(t *testing.T) int
	// Expire ends all sessions before their time.
	Expire func(t *testing.T)

	// Credentials are texts that no error may hold, beside the values.
	Credentials []string
}

// Fault is something that goes wrong at the backend until end is called.
type Fault struct {
	Name  string
	Begin func(t *testing.T) (end func())
	Want  driver.Kind
}

// canary is in every value that the suite plants.
const canary = "canary-7c1f2b-do-not-show"

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	if len(h.Stores) < 2 || len(h.Refused) == 0 || len(h.Unproved) == 0 || len(h.Faults) == 0 {
		t.Fatal("the harness lacks Stores (two), Refused, Unproved or Faults: the suite would prove less than it says")
	}
	s := &suite{Harness: h}
	t.Run("values", s.values)
	t.Run("versions", s.versions)
	t.Run("failures", s.failures)
	t.Run("connections", s.connections)
	t.Run("sessions", s.sessions)
	t.Run("names", s.names)
	d := h.New(t)
	if _, ok := d.(driver.Batcher); ok {
		t.Run("batches", s.batches)
	}
	if _, ok := d.(driver.Walker); ok {
		t.Run("walks", s.walks)
	}
	t.Run("no error holds a value or a credential", s.errorsAreClean)
}

type suite struct {
	Harness

	mu   sync.Mutex
	said []string
}

// reader is a driver behind the Client that production has, too.
type reader struct {
	suite  *suite
	client *backend.Client
}

func (s *suite) reader(d driver.Driver) reader {
	drivers := map[plan.Backend]driver.Driver{s.Stores[0].Backend: d}
	return reader{suite: s, client: &backend.Client{Drivers: drivers}}
}

// get reads a key; what errors say is kept for the last case.
func (r reader) get(ctx context.Context, store plan.Store, key string) (driver.Value, error) {
	values, err := r.client.Get(ctx, plan.Source{Store: store, Read: r.suite.Read(key)})
	if err != nil {
		r.suite.heard(err)
		return driver.Value{}, err
	}
	if len(values) != 1 || values[0].Name != "" {
		return driver.Value{}, fmt.Errorf("a read by key gave %d values, or a name", len(values))
	}
	return values[0], nil
}

// heard keeps what an error says.
func (s *suite) heard(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf("%v\n%+v\n%#v", err, err, err))
}

// text reads a text that was planted for store 0.
func (r reader) text(t *testing.T, name string) (string, driver.Value) {
	t.Helper()
	value, err := r.get(t.Context(), r.suite.Stores[0], r.suite.Key(0, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, err := r.suite.textOf(value)
	if err != nil {
		t.Fatalf("%s: the value is not what Put wrote", name)
	}
	return text, value
}

func (s *suite) textOf(value driver.Value) (string, error) {
	if s.Text == nil {
		return string(value.Data), nil
	}
	return s.Text(value.Data)
}

func (s *suite) put(t *testing.T, store int, name, text string) {
	t.Helper()
	s.Put(t, s.Key(store, name), text)
}

// equal compares texts without showing them: a planted value in a log is what we are here to prevent.
func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d bytes that are not the %d wanted", what, len(got), len(want))
	}
}

func (s *suite) errorsAreClean(t *testing.T) {
	if len(s.said) == 0 {
		t.Fatal("no case has seen an error")
	}
	for _, said := range s.said {
		for i, secret := range append([]string{canary}, s.Credentials...) {
			if secret != "" && strings.Contains(said, secret) {
				t.Errorf("an error holds a value or credential (number %d): %s", i, strings.ReplaceAll(said, secret, "<HERE>"))
			}
		}
	}
}

package backendtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func (s *suite) failures(t *testing.T) {
	s.put(t, 0, "kept", canary)
	s.put(t, 1, "kept", canary)
	r := s.reader(s.New(t))

	t.Run("a key that never was is not found", func(t *testing.T) {
		_, err := r.get(t.Context(), s.Stores[0], s.Key(0, "never"))
		wantKind(t, err, driver.NotFound)
	})
	t.Run("a key that never was has no value, where it is optional", func(t *testing.T) {
		read := s.Read(s.Key(0, "never"))
		read.Optional = true
		values, err := r.client.Get(t.Context(), plan.Source{Store: s.Stores[0], Read: read})
		if err != nil || len(values) > 0 {
			t.Errorf("got %d values and the error %v, want neither", len(values), err)
		}
	})
	t.Run("what cannot be read is not taken for absent", s.notAbsent)
	t.Run("a key of another identity is denied, time and again", func(t *testing.T) {
		for range 3 {
			_, err := r.get(t.Context(), s.Stores[0], s.Key(1, "kept"))
			wantKind(t, err, driver.Denied)
		}
	})
	t.Run("a denial does no harm to what is allowed", func(t *testing.T) {
		got, _ := r.text(t, "kept")
		equal(t, "the value", got, canary)
	})
	for why, store := range s.Refused {
		t.Run("an identity is denied "+why, func(t *testing.T) {
			_, err := r.get(t.Context(), store, s.Key(0, "kept"))
			wantKind(t, err, driver.Denied)
		})
	}
	for why, open := range s.Unproved {
		t.Run("credentials are not accepted "+why, func(t *testing.T) {
			_, err := s.reader(open(t)).get(t.Context(), s.Stores[0], s.Key(0, "kept"))
			wantKind(t, err, driver.Unauthenticated)
		})
	}
	for what, change := range map[string]func(*plan.Store){
		"a server of its own":             func(s *plan.Store) { s.Address = "https://unlisted.example:8200" },
		"a login that is not known":       func(s *plan.Store) { s.Method = "unknown" },
		"a credential that is not known":  func(s *plan.Store) { s.Credential = plan.Credential{Kind: "Unknown", Namespace: "a", Name: "b"} },
		"a credential that was not given": func(s *plan.Store) { s.Credential = plan.Credential{Kind: plan.InstalledCredential, Name: "b"} },
	} {
		t.Run("a store is refused that has "+what, func(t *testing.T) { s.refuses(t, r, change) })
	}
	for _, fault := range s.Faults {
		t.Run(fault.Name, func(t *testing.T) { s.suffers(t, r, fault) })
	}
}

// notAbsent reads what is optional where more than the value is missing: nothing proves that there is none.
func (s *suite) notAbsent(t *testing.T) {
	get := func(t *testing.T, r reader, store plan.Store, key string) {
		t.Helper()
		read := s.Read(key)
		read.Optional = true
		values, err := r.client.Get(t.Context(), plan.Source{Store: store, Read: read})
		if err == nil {
			t.Errorf("got %d values, want an error", len(values))
		} else {
			s.heard(err)
		}
	}
	key := s.Key(0, "never")
	t.Run("a key of another identity", func(t *testing.T) { get(t, s.reader(s.New(t)), s.Stores[0], s.Key(1, "kept")) })
	for why, store := range s.Refused {
		t.Run("an identity that is denied "+why, func(t *testing.T) { get(t, s.reader(s.New(t)), store, key) })
	}
	for why, open := range s.Unproved {
		t.Run("credentials that are not accepted "+why, func(t *testing.T) { get(t, s.reader(open(t)), s.Stores[0], key) })
	}
	for why, store := range s.Nowhere {
		t.Run("a place that does not exist "+why, func(t *testing.T) {
			get(t, s.reader(s.New(t)), store.Store, store.Key)
		})
	}
}

// refuses reads as an identity that may, and of which something is asked beside that the driver cannot do: it must not be ignored.
func (s *suite) refuses(t *testing.T, r reader, change func(*plan.Store)) {
	store := s.Stores[0]
	change(&store)
	_, err := r.get(t.Context(), store, s.Key(0, "kept"))
	var failed *backend.Error
	if !errors.As(err, &failed) || failed.Kind != driver.Invalid && failed.Kind != driver.Denied {
		t.Errorf("got %v, want an error of kind %s or %s", err, driver.Invalid, driver.Denied)
	}
}

func (s *suite) suffers(t *testing.T, r reader, fault Fault) {
	r.text(t, "kept") // a session is there
	func() {
		defer fault.Begin(t)()
		modestly(t, func() {
			_, err := r.get(t.Context(), s.Stores[0], s.Key(0, "kept"))
			wantKind(t, err, fault.Want)
		})
		modestly(t, func() {
			if _, err := s.reader(s.New(t)).get(t.Context(), s.Stores[0], s.Key(0, "kept")); err == nil {
				t.Error("a read without a session succeeds")
			}
		})
	}()
	got, _ := r.text(t, "kept")
	equal(t, "the value after it", got, canary)
}

// wantKind also wants the error to name what was read, and as whom.
func wantKind(t *testing.T, err error, want driver.Kind) {
	t.Helper()
	var failed *backend.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want an error of kind %s", err, want)
	}
	if failed.Kind != want {
		t.Errorf("got kind %s (%v), want %s", failed.Kind, err, want)
	}
	for _, part := range parts(failed.Source) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %q: %v", part, err)
		}
	}
}

func parts(s plan.Source) []string {
	return []string{string(s.Backend), s.Key, s.Address, s.Namespace, s.Location, s.Container, s.Mount, s.Role}
}

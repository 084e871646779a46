package backendtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// readers is how many read at once.
const readers = 32

func (s *suite) sessions(t *testing.T) {
	for store := range s.Stores {
		s.put(t, store, "own", fmt.Sprint(canary, store))
	}
	t.Run("identities that read at the same time see their own values and no others", func(t *testing.T) {
		r := s.reader(s.New(t))
		atOnce(func(i int) { s.keepsApart(t, r, i) })
	})
	if s.Logins == nil {
		return
	}
	t.Run("readers that begin together share one login, and so do later ones", func(t *testing.T) {
		r := s.reader(s.New(t))
		before := s.Logins(t)
		read := func(int) {
			if _, err := r.get(t.Context(), s.Stores[0], s.Key(0, "own")); err != nil {
				t.Error(err)
			}
		}
		atOnce(read)
		for i := range 8 {
			read(i)
		}
		if got := s.Logins(t) - before; got != 1 {
			t.Errorf("%d reads made %d logins, want 1", readers+8, got)
		}
	})
	t.Run("sessions that end before their time are begun again, once for all readers", func(t *testing.T) {
		r := s.reader(s.New(t))
		r.text(t, "own")
		s.Expire(t)
		before := s.Logins(t)
		atOnce(func(int) {
			value, err := r.get(t.Context(), s.Stores[0], s.Key(0, "own"))
			if err != nil {
				t.Error(err)
				return
			}
			text, _ := s.textOf(value)
			equal(t, "the value", text, canary+"0")
		})
		if got := s.Logins(t) - before; got != 1 {
			t.Errorf("%d readers made %d logins, want 1", readers, got)
		}
	})
}

// keepsApart reads the value of one store with the identity of one, which may be another.
func (s *suite) keepsApart(t *testing.T, r reader, i int) {
	n := len(s.Stores)
	as, of := i%n, i/n%n
	value, err := r.get(t.Context(), s.Stores[as], s.Key(of, "own"))
	if as != of {
		var failed *backend.Error
		if !errors.As(err, &failed) || failed.Kind != driver.Denied {
			t.Errorf("store %d reads the value of store %d with the result %v, want a denial", as, of, err)
		}
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	text, _ := s.textOf(value)
	equal(t, fmt.Sprintf("the value of store %d", of), text, fmt.Sprint(canary, of))
}

func atOnce(do func(i int)) {
	var wait sync.WaitGroup
	for i := range readers {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

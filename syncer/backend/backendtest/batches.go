package backendtest

import (
	"fmt"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// batch reads keys of store 0 by one call; what errors say is kept.
func (r reader) batch(t *testing.T, store plan.Store, names ...string) ([]backend.Outcome, error) {
	t.Helper()
	reads := make([]plan.Read, len(names))
	for i, name := range names {
		reads[i] = r.suite.Read(r.suite.Key(0, name))
	}
	return r.batchOf(t, store, reads)
}

func (r reader) batchOf(t *testing.T, store plan.Store, reads []plan.Read) ([]backend.Outcome, error) {
	t.Helper()
	outcomes, err := r.client.GetBatch(t.Context(), store, reads)
	if err != nil {
		r.suite.heard(err)
		return nil, err
	}
	for _, outcome := range outcomes {
		if outcome.Err != nil {
			r.suite.heard(outcome.Err)
		}
	}
	return outcomes, nil
}

// batches is for drivers that are Batchers.
func (s *suite) batches(t *testing.T) {
	size := s.reader(s.New(t)).client.BatchSize(plan.Source{Store: s.Stores[0], Read: s.Read(s.Key(0, "batch0"))})
	if size < 2 {
		t.Fatalf("the driver has batches, but only of %d", size)
	}
	names := make([]string, size)
	for i := range names {
		names[i] = fmt.Sprint("batch", size-i) // not in the order of the names
		s.put(t, 0, names[i], fmt.Sprint(canary, names[i]))
	}
	r := s.reader(s.New(t))
	t.Run("as many reads as BatchSize says give what Get gives, in their order", func(t *testing.T) {
		outcomes, err := r.batch(t, s.Stores[0], names...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range outcomes {
			s.sameAsGet(t, r, names[i], outcomes[i])
		}
	})
	t.Run("a batch of one is a batch, too", func(t *testing.T) {
		outcomes, err := r.batch(t, s.Stores[0], names[0])
		if err != nil {
			t.Fatal(err)
		}
		s.sameAsGet(t, r, names[0], outcomes[0])
	})
	t.Run("a key that never was is not found, and harms no other", func(t *testing.T) {
		outcomes, err := r.batch(t, s.Stores[0], names[1], "never", names[0])
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, outcomes[1].Err, driver.NotFound)
		s.sameAsGet(t, r, names[1], outcomes[0])
		s.sameAsGet(t, r, names[0], outcomes[2])
	})
	t.Run("a key of another identity is denied, alone or with the whole batch", func(t *testing.T) {
		s.put(t, 1, "batch0", canary)
		reads := []plan.Read{s.Read(s.Key(0, names[0])), s.Read(s.Key(1, "batch0"))}
		outcomes, err := r.batchOf(t, s.Stores[0], reads)
		if err != nil {
			wantKind(t, err, driver.Denied)
			return
		}
		wantKind(t, outcomes[1].Err, driver.Denied)
		s.sameAsGet(t, r, names[0], outcomes[0])
	})
	s.wholeBatches(t, names)
}

// wholeBatches are those that fail or succeed as a whole.
func (s *suite) wholeBatches(t *testing.T, names []string) {
	r := s.reader(s.New(t))
	fails := func(t *testing.T, r reader, store plan.Store, want driver.Kind) {
		t.Helper()
		_, err := r.batch(t, store, names[:2]...)
		wantKind(t, err, want)
	}
	t.Run("an identity that may read keys but not batches is denied, as a whole", func(t *testing.T) {
		if s.NoBatch == nil {
			return // the backend has one permission for both
		}
		fails(t, r, *s.NoBatch, driver.Denied)
		if _, err := r.get(t.Context(), *s.NoBatch, s.Key(0, names[0])); err != nil {
			t.Errorf("it may not read a key, either: %v", err)
		}
	})
	for why, store := range s.Refused {
		t.Run("an identity is denied, key by key or as a whole, "+why, func(t *testing.T) {
			outcomes, err := r.batch(t, store, names[:2]...)
			if err != nil {
				wantKind(t, err, driver.Denied)
			}
			for _, outcome := range outcomes {
				wantKind(t, outcome.Err, driver.Denied)
			}
		})
	}
	for why, open := range s.Unproved {
		t.Run("credentials are not accepted "+why, func(t *testing.T) { fails(t, s.reader(open(t)), s.Stores[0], driver.Unauthenticated) })
	}
	for _, fault := range s.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			if _, err := r.batch(t, s.Stores[0], names...); err != nil { // a session is there
				t.Fatal(err)
			}
			defer fault.Begin(t)()
			fails(t, r, s.Stores[0], fault.Want)
		})
	}
	t.Run("a session that ended before its time is begun again", func(t *testing.T) {
		if s.Expire == nil {
			return // there are none
		}
		s.Expire(t)
		outcomes, err := r.batch(t, s.Stores[0], names[0])
		if err != nil {
			t.Fatal(err)
		}
		s.sameAsGet(t, r, names[0], outcomes[0])
	})
}

func (s *suite) sameAsGet(t *testing.T, r reader, name string, got backend.Outcome) {
	t.Helper()
	if got.Err != nil {
		t.Errorf("%s: %v", name, got.Err)
		return
	}
	text, want := r.text(t, name)
	equal(t, name, text, canary+name)
	s.sameValue(t, name, got.Value, want)
}

func (s *suite) sameValue(t *testing.T, what string, got, want driver.Value) {
	t.Helper()
	equal(t, what, string(got.Data), string(want.Data))
	equal(t, what+", its metadata", string(got.Metadata), string(want.Metadata))
	if got.Version != want.Version || got.Bytes != want.Bytes || got.Name != want.Name {
		t.Errorf("%s: got version %q, bytes %t, name %q; Get gives %q, %t, %q",
			what, got.Version, got.Bytes, got.Name, want.Version, want.Bytes, want.Name)
	}
}

// walks is for drivers that are Walkers.
func (s *suite) walks(t *testing.T) {
	r := s.reader(s.New(t))
	walk := func(store plan.Store, read plan.Read) ([]driver.Value, error) {
		values, err := r.client.Get(t.Context(), plan.Source{Store: store, Read: read})
		if err != nil {
			s.heard(err)
		}
		return values, err
	}
	const n = 25 // more than one page of any backend
	for i := range n {
		s.put(t, 0, fmt.Sprint("walked/", i), fmt.Sprint(canary, i))
	}
	s.put(t, 0, "walked/deeper/x", canary)
	s.put(t, 0, "walked-not/x", canary)
	found := map[bool]int{false: n, true: n + 1}
	if s.Prefixes {
		found[false] = n + 1
	}
	for recursive, want := range found {
		t.Run(fmt.Sprintf("all values below a path are found, with recursive %t", recursive), func(t *testing.T) {
			values, err := walk(s.Stores[0], s.Path(0, "walked", recursive))
			if err != nil {
				t.Fatal(err)
			}
			if len(values) != want {
				t.Errorf("%d values, want %d", len(values), want)
			}
			for _, got := range values {
				read, err := r.get(t.Context(), s.Stores[0], got.Name)
				if err != nil {
					t.Fatalf("the name %q cannot be read: %v", got.Name, err)
				}
				read.Name = got.Name
				s.sameValue(t, got.Name, got, read)
			}
		})
	}
	for why, name := range map[string]string{
		"a path that never was": "nothing-here", "a secret's own name": "walked/deeper/x", "a path whose last value was deleted": "emptied",
	} {
		s.put(t, 0, "emptied/x", canary)
		s.Delete(t, s.Key(0, "emptied/x"))
		t.Run("nothing is found below "+why, func(t *testing.T) {
			for _, recursive := range []bool{false, true} {
				_, err := walk(s.Stores[0], s.Path(0, name, recursive))
				wantKind(t, err, driver.NotFound)
			}
		})
	}
	t.Run("a path of another identity is denied", func(t *testing.T) {
		s.put(t, 1, "walked/0", canary)
		_, err := walk(s.Stores[0], s.Path(1, "walked", true))
		wantKind(t, err, driver.Denied)
	})
	for _, fault := range s.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			defer fault.Begin(t)()
			_, err := walk(s.Stores[0], s.Path(0, "walked", true))
			wantKind(t, err, fault.Want)
		})
	}
}

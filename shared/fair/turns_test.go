package fair_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/fair"
)

func TestOneHasATurnAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns fair.Turns
		var all sync.WaitGroup
		var got []string // guarded by the turn
		for _, name := range []string{"a1", "a2", "a3", "b1"} {
			all.Go(func() {
				end, err := turns.Acquire(t.Context(), name[:1])
				if err != nil {
					t.Error(err)
					return
				}
				defer end()
				got = append(got, name)
				<-time.After(time.Second)
			})
			synctest.Wait()
		}
		begin := time.Now()
		all.Wait()
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("four turns of a second took %s, want 4 s", took)
		}
		if diff := cmp.Diff([]string{"a1", "a2", "b1", "a3"}, got); diff != "" {
			t.Errorf("turns (-want +got):\n%s", diff)
		}
	})
}

func TestAsManyHaveATurnAsThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := fair.Turns{Width: 2}
		var all sync.WaitGroup
		begin := time.Now()
		for _, namespace := range []string{"a", "a", "a", "b", "b"} {
			all.Go(func() {
				end, err := turns.Acquire(t.Context(), namespace)
				if err != nil {
					t.Error(err)
					return
				}
				defer end()
				<-time.After(time.Second)
			})
		}
		all.Wait()
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("five turns of a second, two at a time, took %s, want 3 s", took)
		}
	})
}

func TestATurnIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns fair.Turns
		end, err := turns.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Acquire(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		end()
		if end, err = turns.Acquire(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		end()
	})
}

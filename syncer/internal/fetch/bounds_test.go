package fetch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestCallsAreBoundedInAllAndEachIdentityHasItsTurn(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const identities, objects = 10, 40
		w.collects = false // so that nothing but the ends of calls lets others go
		for i := range identities {
			for j := range objects {
				w.add(fmt.Sprintf("ns%d-%d/o%d-%d", i, j, i, j), fmt.Sprint("role", i, " "), 0, fmt.Sprint("v", j))
			}
		}
		w.pass(10 * latency)
		// The first call of an identity counts as a trial, until it has ended.
		if w.most < maxCalls || w.most > maxCalls+maxTrials {
			t.Errorf("got %d calls under way at a time, want %d to %d", w.most, maxCalls, maxCalls+maxTrials)
		}
		if want := identities * objects; w.usage().uncollected != want {
			t.Errorf("got %d objects that were read, want %d", w.usage().uncollected, want)
		}
	})
}

func TestCallsOfOneIdentityAreBounded(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 200 {
			w.add(fmt.Sprintf("ns%d/o%d", i, i), "", 0, fmt.Sprint("v", i))
		}
		w.pass(10 * latency)
		if w.most != maxForegroundReads || len(w.got) != 200 {
			t.Errorf("%d calls were under way at a time, and %d objects were given values", w.most, len(w.got))
		}
	})
}

func TestNoMoreBytesAreReadThanMayBeHeld(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const size, objects, share = 1 << 20, 100, maxHeldBytes / 4 * 3 // of one namespace
		w.collects = false
		for i := range objects {
			key := fmt.Sprint("v", i)
			w.values[key] = strings.Repeat("x", size)
			w.Subscribe(reads(fmt.Sprint("o", i), "", key), 0, false)
			w.Request(named(fmt.Sprint("o", i)), Background, false)
		}
		w.pass(minute)
		if held := w.usage().bytes; held != share {
			t.Errorf("got %d MiB that are held, want %d", held/size, share/size)
		}
		collected := 0
		for range 5 {
			for i := range objects {
				if _, state := w.Collect(named(fmt.Sprint("o", i))); state == Ready {
					collected++
				}
			}
			w.pass(2 * latency)
		}
		if w.usage().bytes != 0 || w.usage().uncollected != 0 || collected != objects {
			t.Errorf("got %d objects that were given values, %d that wait to be collected and %d bytes that are held, want %d, 0 and 0",
				collected, w.usage().uncollected, w.usage().bytes, objects)
		}
	})
}

func TestValuesOfAKnownSizeAreNotReadBeforeThereIsRoom(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const size, objects, share = 6 << 20, 16, maxHeldBytes / 4 * 3 // of one namespace
		for i := range objects {
			key := fmt.Sprint("v", i)
			w.values[key] = strings.Repeat("x", size)
			w.add(fmt.Sprint("o", i), "", 0, key)
			w.pass(2 * latency)
		}
		w.count()
		w.collects = false
		for i := range objects {
			w.Request(named(fmt.Sprint("o", i)), Background, true)
		}
		w.pass(minute)
		if got, want := w.count(), share/size; got != want {
			t.Errorf("got %d reads of values for which there is room, want %d", got, want)
		}
	})
}

func TestNothingIsHeldBesideAFailure(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.kinds["bad"] = driver.NotFound
		w.add("o", "", 0, "before", "bad", "after")
		w.pass(latency)
		if diff := cmp.Diff(usage{objects: 1, stores: 1, uncollected: 1}, w.usage(), cmp.AllowUnexported(usage{})); diff != "" {
			t.Errorf("what is held beside a failure, -want +got:\n%s", diff)
		}
		w.collect(named("o"))
		if got := w.got["o"]; len(got) != 1 || got[0] != "bad: not_found" {
			t.Errorf("it was given %q", got)
		}
	})
}

func TestABatchOfNewObjectsTakesRefreshesAlong(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("first", "", 0, "v") // the backend answers
		w.pass(latency)
		for i := range 100 {
			w.Subscribe(reads(fmt.Sprint("o", i), "", fmt.Sprint("k", i)), 0, false)
			w.Request(named(fmt.Sprint("o", i)), Background, false)
		}
		w.pass(latency / 2)
		w.count()
		w.add("new", "", 0, "new1", "new2")
		w.pass(0)
		w.guard.Lock()
		defer w.guard.Unlock()
		if len(w.received) != 1 || !strings.HasPrefix(w.received[0].Keys, "new1 ") || len(strings.Fields(w.received[0].Keys)) != 20 {
			t.Errorf("the calls are %+v", w.received)
		}
	})
}

func TestWhatFailsIsNotReadEarlyToFillABatch(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["bad"] = driver.NotFound
		w.add("bad", "", 10*time.Hour, "bad")
		for i := range 5 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(time.Hour) // by now it is tried every five minutes
		w.count()
		w.pass(time.Hour)
		tries := 0
		for _, call := range w.received {
			if strings.Contains(call.Keys, "bad") {
				tries++
			}
		}
		if tries < 11 || tries > 13 {
			t.Errorf("it was tried %d times in an hour", tries)
		}
	})
}

func TestTheEndOfAnOutageIsNoReasonToTryWhatIsMissing(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["missing"] = driver.NotFound
		w.add("o", "", 10*time.Hour, "missing")
		for i := range 5 {
			w.add(fmt.Sprint("o", i), "", 10*time.Second, fmt.Sprint("v", i))
		}
		last := func() (at time.Duration) { // when it was tried last
			w.guard.Lock()
			defer w.guard.Unlock()
			for _, call := range w.received {
				if call.Keys == "missing" {
					at = call.At
				}
			}
			return at
		}
		w.pass(time.Hour)
		for before := last(); last() == before; { // the next time is five minutes off
			w.pass(time.Second)
		}
		before := last()
		for i := range 5 {
			w.kinds[fmt.Sprint("v", i)] = driver.Unavailable
		}
		w.pass(minute)
		for i := range 5 {
			delete(w.kinds, fmt.Sprint("v", i))
		}
		w.pass(minute)
		if got := w.got["o0"]; got[len(got)-1] != "v0" || !strings.Contains(got[len(got)-2], "unavailable") {
			t.Errorf("there was no outage: %q", got)
		}
		if last() != before {
			t.Error("it was tried")
		}
	})
}

func TestASourceWithoutSubscribersIsNotReadAgain(t *testing.T) {
	for name, test := range map[string]struct {
		kind driver.Kind
		when time.Duration // after it came
	}{
		"while it is read, and fails":      {driver.NotFound, latency / 2},
		"while it is read, and succeeds":   {driver.Unknown, latency / 2},
		"while it waits for the next slot": {driver.Unknown, time.Second},
		"while it waits after a failure":   {driver.NotFound, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				if test.kind != driver.Unknown {
					w.kinds["v"] = test.kind
				}
				w.add("stays", "", 24*time.Hour, "k")
				w.pass(time.Second)
				w.add("leaves", "", 10*time.Minute, "v")
				w.pass(test.when)
				w.Unsubscribe(named("leaves"))
				w.pass(latency)
				w.count()
				w.pass(20 * time.Minute)
				if got := w.readSingly(); slices.Contains(got, "v") {
					t.Errorf("read are %v", got)
				}
			})
		})
	}
}

func TestANewerValueTakesThePlaceOfOneThatWaitsToBeCollected(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.add("o", "", 10*time.Second, "k")
		w.pass(time.Second)
		w.values["k"] = "a longer one"
		w.pass(10 * time.Second)
		if w.usage().uncollected != 1 || w.usage().bytes != len("a longer one") {
			t.Errorf("%d objects hold %d bytes", w.usage().uncollected, w.usage().bytes)
		}
		w.collect(named("o"))
		if got := w.got["o"]; len(got) != 1 || got[0] != "a longer one" || w.usage().bytes != 0 {
			t.Errorf("it was given %q, and %d bytes are held", got, w.usage().bytes)
		}
	})
}

func TestAValueIsAsFreshAsTheBeginningOfItsRead(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "a", "b")
		if at := w.Freshness(named("o")); !at.IsZero() {
			t.Errorf("before it was read: %s", at)
		}
		w.pass(2 * latency)
		if got := w.Freshness(named("o")).Sub(w.start); got != 0 {
			t.Errorf("it is as fresh as %s after the beginning", got)
		}
		w.kinds["b"] = driver.NotFound
		w.pass(2 * minute)
		if at := w.Freshness(named("o")); !at.IsZero() {
			t.Errorf("while one of its sources fails: %s", at)
		}
	})
}

func TestWhatIsDroppedMakesRoomForOthers(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		for i := range 2 * maxReady {
			w.add(fmt.Sprint("o", i), fmt.Sprint("role", i%2, " "), 0, fmt.Sprint("v", i))
		}
		for range 4 {
			w.pass(minute)
			ready := w.notified
			w.notified = nil
			for _, object := range ready {
				w.Unsubscribe(named(object))
			}
		}
		if w.usage().objects != 0 {
			t.Errorf("got %d that have not been read, want 0", w.usage().objects)
		}
	})
}

// stubborn is a backend that does not heed its context.
type stubborn struct{ *cloud }

func (stubborn) Get(context.Context, plan.Source) ([]driver.Value, error) {
	<-time.After(time.Second)
	return nil, context.Canceled
}

func TestAStopWaitsForTheCallsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{Reader: stubborn{}, Notify: func(plan.ID, Priority) { t.Error("Notify was called") }}
		e.Subscribe(reads("o", "", "v"), minute, false)
		e.Request(named("o"), Foreground, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		start := time.Now()
		if err := e.Run(ctx); err != nil || time.Since(start) != time.Second || e.snapshot(time.Now()).calls != 0 {
			t.Errorf("it ended after %s with the error %v, and %d calls are under way", time.Since(start), err, e.snapshot(time.Now()).calls)
		}
	})
}

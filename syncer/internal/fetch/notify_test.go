package fetch

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestARefreshThatChangesNothingIsObservedOnceHoweverManySourcesItHas(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "a", "b", "c")
		w.kinds["missing"] = driver.NotFound
		w.add("fails", "", minute, "v", "missing")
		w.pass(2 * minute)
		w.seen, w.failed = map[string]int{}, map[string]int{}
		w.pass(10 * minute)
		if diff := cmp.Diff(map[string]int{"o": 10, "fails": 10}, w.seen); diff != "" {
			t.Errorf("seen in ten minutes (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"fails": 10}, w.failed); diff != "" {
			t.Errorf("of them with a failure (-want +got):\n%s", diff)
		}
	})
}

// A source that is Optional has no value at times, whether it is read in a batch or not.
func TestAValueThatGoesOrComesBackIsAChange(t *testing.T) {
	for _, key := range []string{"b", "vb"} { // read in a batch, and singly
		inFakeTime(t, func(w *world) {
			w.add("o", "", minute, "a", key)
			w.pass(minute)
			w.absent[key] = true
			w.pass(2 * minute)
			if result, state := w.read(reads("o", "", "a", key)); state != Ready || len(result.Failures) > 0 || !hasNone(result, key) {
				t.Errorf("without a value %s gives %v and %+v, want Ready, and that it was read", key, state, result)
			}
			w.absent[key] = false
			w.pass(2 * minute)
			if diff := cmp.Diff([]string{"a " + key, "a", "a " + key}, w.got["o"]); diff != "" {
				t.Errorf("values as they came (-want +got):\n%s", diff)
			}
		})
	}
}

// read reads an object's sources once more, and returns what was read.
func (w *world) read(p *plan.Plan) (Result, State) {
	w.collects = false
	defer func() { w.collects = true }()
	w.Request(p.Object, Foreground, true)
	w.pass(minute / 2)
	return w.Collect(p.Object)
}

// hasNone reports whether a key was read, and has no value.
func hasNone(result Result, key string) bool {
	for source, values := range result.Values {
		if source.Key == key {
			return len(values) == 0
		}
	}
	return false
}

func TestAnObjectThatIsMadeAnewIsGivenItsValuesAnew(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "k")
		w.pass(latency)
		w.Subscribe(reads("o", "", "k"), minute, false)
		w.pass(minute)
		again := reads("o", "", "k")
		again.UID = "another"
		w.Subscribe(again, minute, false)
		w.pass(minute)
		if diff := cmp.Diff([]string{"k", "k"}, w.got["o"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatWaitsToBeCollectedIsReadAgainForARequestOfAFreshRead(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.add("o", "", 0, "k")
		w.pass(latency)
		w.values["k"] = "rotated"
		w.Request(named("o"), Foreground, false)
		w.pass(latency)
		if n := w.count(); n != 1 {
			t.Errorf("there were %d calls, though what was there would do", n)
		}
		w.Request(named("o"), Foreground, true)
		w.pass(latency)
		w.collect(named("o"))
		if got := w.got["o"]; !slices.Equal(got, []string{"rotated"}) || w.usage().bytes != 0 {
			t.Errorf("it was given %q, and %d bytes are held", got, w.usage().bytes)
		}
	})
}

func TestAMissingSourceIsReadOnceASecondAtMost(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["k"] = driver.NotFound
		w.add("o", "", 100*time.Millisecond, "k")
		w.pass(10 * time.Second)
		if n := w.count(); n > 10 {
			t.Errorf("there were %d calls in ten seconds", n)
		}
	})
}

func TestAnObjectThatComesWhileASourceFailsCollectsTheFailure(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["k"] = driver.NotFound
		w.add("first", "", minute, "k")
		w.pass(time.Second / 2)
		w.Subscribe(reads("second", "", "k"), minute, false)
		w.Subscribe(reads("never", "", "k"), 0, false)
		w.collect(named("second"))
		w.collect(named("never"))
		want := map[string][]string{"first": {"k: not_found"}, "second": {"k: not_found"}}
		if diff := cmp.Diff(want, w.got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnObjectThatComesWhileTheBreakerIsOpenForLongIsNotifiedSoon(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["*"], w.after["*"] = driver.Throttled, time.Hour
		w.add("o", "", minute, "k")
		w.pass(minute)
		w.add("new", "", minute, "new")
		w.pass(gracePeriod)
		if got := w.got["new"]; !slices.Equal(got, []string{"new: throttled"}) {
			t.Errorf("it was given %q", got)
		}
	})
}

func TestAFailureIsCollectedOnce(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", 10*time.Second, "k")
		w.pass(time.Second)
		w.collects = false
		w.kinds["k"] = driver.NotFound
		w.pass(10 * time.Second)
		w.Request(named("o"), Foreground, true) // before the failure is collected
		w.pass(latency)
		for range 2 {
			w.collect(named("o"))
		}
		if got := w.got["o"]; !slices.Equal(got, []string{"k", "k: not_found"}) {
			t.Errorf("it was given %q", got)
		}
	})
}

func TestAFailureIsGivenAfterTheValuesThatWaitedToBeCollected(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.add("o", "", 10*time.Second, "k")
		w.pass(time.Second)
		w.kinds["k"] = driver.NotFound
		w.pass(10 * time.Second)
		for range 3 {
			w.collect(named("o"))
		}
		if got := w.got["o"]; !slices.Equal(got, []string{"k", "k: not_found"}) || len(w.notified) != 2 {
			t.Errorf("got %d notifications and %q, want 2 and the values before the failure", len(w.notified), got)
		}
	})
}

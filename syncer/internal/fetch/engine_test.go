package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const minute = time.Minute

func TestANewObjectIsGivenItsValues(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "a", "b", "a")
		w.pass(latency)
		w.pass(latency)
		if diff := cmp.Diff(map[string][]string{"o": {"a b"}}, w.got); diff != "" {
			t.Error(diff)
		}
		if w.priorities["o"] != Foreground {
			t.Error("it is not notified in the foreground")
		}
	})
}

func TestALoneReadGoesAtOnceAndWhatComesMeanwhileFormsABatch(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 15 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(2 * latency)
		w.guard.Lock()
		defer w.guard.Unlock()
		if len(w.received) != 2 || w.received[0].Keys != "k0" || len(strings.Fields(w.received[1].Keys)) != 14 || w.received[1].At != latency {
			t.Errorf("the calls are %+v", w.received)
		}
	})
}

func TestAThousandNewObjectsAreReadInFullBatches(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 1000 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(10 * latency)
		if n := w.count(); n < 1+50 || n > 1+50+4 { // some are due at once
			t.Errorf("there were %d calls", n)
		}
		if len(w.got) != 1000 || w.most > maxForegroundBatches+1 {
			t.Errorf("%d objects were given values, %d calls were under way at a time", len(w.got), w.most)
		}
	})
}

func TestDistinctSourcesAreRefreshedInFullBatchesWithoutNotifications(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 1000 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(minute)
		w.count()
		for range 5 {
			w.notified, w.seen = nil, map[string]int{}
			w.pass(minute)
			if n := w.count(); n < 50 || n > 52 {
				t.Errorf("there were %d calls in a minute", n)
			}
			if len(w.notified) > 0 {
				t.Errorf("%d objects were woken though nothing changed", len(w.notified))
			}
			if n := len(w.seen); n < 990 {
				t.Errorf("%d objects were refreshed", n)
			}
		}
	})
}

func TestNoSourceWaitsLongerThanItsInterval(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 137 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		for i := range 7 {
			w.Unsubscribe(named(fmt.Sprint("o", 20*i))) // holes in the batches
		}
		w.pass(10 * minute)
		last := map[string]time.Duration{}
		w.guard.Lock()
		defer w.guard.Unlock()
		for _, call := range w.received {
			for key := range strings.FieldsSeq(call.Keys) {
				if gap := call.At - last[key]; gap > minute+latency {
					t.Errorf("%s was not read for %s", key, gap)
				}
				last[key] = call.At
			}
		}
	})
}

func TestASourceIsReadOnceForAllObjectsThatShareIt(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 1000 {
			w.add(fmt.Sprint("o", i), "", minute, "shared")
		}
		w.pass(minute)
		w.count()
		w.pass(minute)
		if n := w.count(); n != 1 {
			t.Errorf("there were %d calls in a minute", n)
		}
		w.values["shared"] = "rotated"
		w.pass(minute)
		if n := w.count(); n != 1 {
			t.Errorf("there were %d calls in the minute of the rotation", n)
		}
		for i := range 1000 {
			if got := w.got[fmt.Sprint("o", i)]; !slices.Equal(got, []string{"shared", "rotated"}) {
				t.Fatalf("object %d was given %q", i, got)
			}
		}
	})
}

func TestAChangeBringsTheObjectsOtherSourcesAlongInOneCall(t *testing.T) {
	inFakeTime(t, func(w *world) {
		keys := []string{"a", "b", "c", "d"}
		w.add("o", "", minute, keys...)
		w.pass(minute)
		w.notified = nil
		w.values["b"] = "B"
		w.pass(minute)
		if diff := cmp.Diff([]string{"a b c d", "B a c d"}, w.got["o"]); diff != "" {
			t.Error(diff)
		}
		if len(w.notified) != 1 {
			t.Errorf("it was notified %d times", len(w.notified))
		}
	})
}

func TestTheShortestIntervalOfItsObjectsIsASources(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("slow", "", minute, "k")
		w.add("never", "", 0, "k")
		w.pass(minute)
		w.count()
		w.add("fast", "", 10*time.Second, "k")
		w.pass(minute)
		if n := w.count(); n < 6 || n > 7 {
			t.Errorf("there were %d calls in a minute", n)
		}
		w.Unsubscribe(named("fast"))
		w.Unsubscribe(named("slow"))
		w.pass(minute) // what was planned already
		w.count()
		w.pass(10 * minute)
		if n := w.count(); n != 0 {
			t.Errorf("there were %d calls for an object that is not refreshed", n)
		}
		w.Unsubscribe(named("never"))
		if w.usage().stores+w.usage().objects != 0 {
			t.Error("what has no subscribers is not forgotten")
		}
	})
}

func TestAReadUnderWaySufficesUnlessAFreshOneIsRequested(t *testing.T) {
	for _, key := range []string{"k", "v"} { // one that can be in a batch, and one that cannot
		t.Run(key, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.add("first", "", minute, key)
				w.pass(latency / 2)
				w.add("joins", "", minute, key)
				w.Subscribe(reads("fresh", "", key), minute, false)
				w.Request(named("fresh"), Foreground, true)
				w.pass(latency)
				if diff := cmp.Diff(map[string][]string{"first": {key}, "joins": {key}}, w.got); diff != "" {
					t.Error(diff)
				}
				w.pass(latency)
				if len(w.got["fresh"]) != 1 {
					t.Errorf("the object that requested a fresh read was given %q", w.got["fresh"])
				}
				if n := w.count(); n != 2 {
					t.Errorf("there were %d calls", n)
				}
			})
		})
	}
}

func TestValuesAreNotSharedBetweenIdentities(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("a", "role-a ", minute, "k")
		w.add("b", "role-b ", minute, "k")
		w.kinds["role-c "] = driver.Denied
		w.add("c", "role-c ", minute, "k")
		w.pass(2 * minute)
		want := map[string][]string{"a": {"role-a k"}, "b": {"role-b k"}, "c": {"k: denied"}}
		if diff := cmp.Diff(want, w.got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestValuesGoWhenTheyHaveBeenCollected(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.add("o", "", minute, "k")
		w.add("leaves", "", minute, "k")
		w.pass(latency)
		if w.usage().uncollected != 2 || w.usage().bytes != 2 {
			t.Errorf("%d objects hold %d bytes, want 2 and 2", w.usage().uncollected, w.usage().bytes)
		}
		w.collect(named("o"))
		w.Unsubscribe(named("leaves"))
		if diff := cmp.Diff(usage{objects: 1, stores: 1}, w.usage(), cmp.AllowUnexported(usage{})); diff != "" {
			t.Errorf("what is held in the end, -want +got:\n%s", diff)
		}
		if _, state := w.Collect(named("o")); state != Idle {
			t.Error("they can be collected twice")
		}
	})
}

func TestNoMoreIsReadThanIsCollected(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		for i := range 2 * maxReady {
			w.add(fmt.Sprint("o", i), "", 0, fmt.Sprint("k", i))
		}
		w.pass(minute)
		share := maxReady / 4 * 3
		if limit := share + 20*maxForegroundBatches; w.usage().ready < share || w.usage().ready > limit {
			t.Errorf("got %d objects that hold values, want %d at least and %d at most", w.usage().ready, share, limit)
		}
		for len(w.got) < 2*maxReady {
			for i := range 2 * maxReady {
				w.collect(named(fmt.Sprint("o", i)))
			}
			before := len(w.got)
			w.pass(time.Second)
			if w.usage().uncollected == 0 && before < 2*maxReady {
				t.Fatalf("it stops after %d", before)
			}
		}
	})
}

func TestNewObjectsOvertakeRefreshes(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 2000 {
			w.Subscribe(reads(fmt.Sprint("o", i), "", fmt.Sprint("v", i)), minute, false)
			w.Request(named(fmt.Sprint("o", i)), Background, false)
		}
		w.pass(latency + latency/2) // the backend has answered
		w.add("new", "", minute, "k")
		w.pass(latency + time.Millisecond)
		if len(w.got["new"]) != 1 {
			t.Error("a new object waits behind refreshes")
		}
		if w.most > maxBackgroundReads+1 {
			t.Errorf("%d calls were under way at a time", w.most)
		}
		w.Request(named("o1999"), Foreground, false) // it was edited
		w.pass(latency + time.Millisecond)
		if len(w.got["o1999"]) != 1 || w.priorities["o1999"] != Foreground {
			t.Error("an object that was requested as a refresh stays behind the others")
		}
		w.pass(minute)
	})
}

func TestAnEditedObjectReadsItsNewSources(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "a", "b")
		w.pass(latency / 2)
		w.add("o", "", minute, "b", "c") // while the first read is under way
		w.pass(minute)
		if diff := cmp.Diff([]string{"b c"}, w.got["o"]); diff != "" {
			t.Error(diff)
		}
		w.count()
		w.pass(minute)
		w.guard.Lock()
		defer w.guard.Unlock()
		for _, call := range w.received {
			if strings.Contains(call.Keys, "a") {
				t.Error("what it does not read any more is still refreshed")
			}
		}
	})
}

func TestASettledObjectIsReadInItsSlotAndThenCompared(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 100 { // after a restart: subscribed, and nothing requested
			w.Subscribe(reads(fmt.Sprint("o", i), "", fmt.Sprint("k", i)), minute, false)
		}
		w.pass(minute)
		if n := w.count(); n < 5 || n > 6 {
			t.Errorf("there were %d calls", n)
		}
		if len(w.got) != 100 {
			t.Errorf("%d objects were given values to compare", len(w.got))
		}
		w.Subscribe(reads("late", "", "k5"), minute, false)
		w.pass(minute)
		if len(w.got["late"]) != 1 {
			t.Error("an object that comes later is not given the value, since it has not changed")
		}
	})
}

func TestOverdueObjectsAreReadWithinAMinuteAndTheirInterval(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Hour, 10 * time.Second} {
		inFakeTime(t, func(w *world) {
			for i := range 10 {
				w.Subscribe(reads(fmt.Sprint("o", i), "", fmt.Sprint("v", i)), interval, true)
			}
			w.pass(min(interval, minute) + latency)
			if len(w.got) != 10 {
				t.Errorf("with an interval of %s %d of 10 are read", interval, len(w.got))
			}
		})
	}
}

func TestAStopEndsTheCallsUnderWay(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "k")
		w.pass(latency / 2)
		w.end()
		w.pass(0)
		if len(w.received) != 1 || w.snapshot(time.Now()).calls != 0 || len(w.notified) > 0 {
			t.Errorf("%d calls are under way, %d objects were notified", w.snapshot(time.Now()).calls, len(w.notified))
		}
	})
}

func TestAnObjectWithoutSourcesIsReadyAtOnce(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute)
		w.pass(0)
		if diff := cmp.Diff(map[string][]string{"o": {""}}, w.got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnObjectThatIsNotRefreshedFollowsNoRefreshesOfOthers(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("refreshed", "", 10*time.Second, "k")
		w.add("still", "", 0, "k")
		w.Subscribe(reads("settled", "", "k"), 0, false) // after a restart
		w.pass(minute)
		w.values["k"] = "rotated"
		w.pass(minute)
		w.kinds["k"] = driver.Denied
		w.pass(minute)
		want := map[string][]string{"refreshed": {"k", "rotated", "k: denied"}, "still": {"k"}}
		if diff := cmp.Diff(want, w.got); diff != "" {
			t.Error(diff)
		}
	})
}

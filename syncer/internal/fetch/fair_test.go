package fetch

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestIdentitiesThatHangLeaveCallsForOthers(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("known", "", 10*time.Second, "v0")
		w.pass(time.Second)
		w.hang = "hangs"
		for i := range 2000 {
			w.add(fmt.Sprintf("hog/o%d", i), fmt.Sprint("hangs", i), minute, "v")
		}
		w.pass(time.Second)
		if held := w.usage().trials; held != maxTrials/4*3 {
			t.Errorf("got %d calls that hang at a time, want %d", held, maxTrials/4*3)
		}
		w.add("late", "", minute, "v1")          // of an identity that is known
		w.add("new", "another ", minute, "v2")   // of one that is not
		w.add("fails", "refused ", minute, "v3") // of one that is refused
		w.kinds["refused "] = driver.Denied
		w.pass(2 * latency)
		for object, want := range map[string]string{"late": "v1", "new": "another v2", "fails": "v3: denied"} {
			if diff := cmp.Diff([]string{want}, w.got[object]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", object, diff)
			}
		}
		w.values["v0"] = "rotated"
		w.pass(10*time.Second + 2*latency)
		if got := w.got["known"]; got[len(got)-1] != "rotated" {
			t.Errorf("got %q for an object that is refreshed, want the rotated value last", got)
		}
		w.pass(10 * minute)
		if err := w.Stalled(time.Now()); err != nil {
			t.Errorf("got %v of an engine that is busy with what hangs", err)
		}
	})
}

func TestManyReadsOfOneNamespaceLeaveTurnsForOthers(t *testing.T) {
	for name, key := range map[string]string{"read singly": "v", "read in batches": "k"} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.add("first", "", minute, key)
				w.pass(time.Second)
				for i := range 5000 {
					w.add(fmt.Sprintf("hog/o%d", i), "", minute, fmt.Sprint(key, "hog", i))
				}
				w.add("late", "", minute, key+"late")
				w.add("shares", "", minute, key+"hog4999") // with the last of the others
				w.pass(3 * latency)
				for object, want := range map[string]string{"late": key + "late", "shares": key + "hog4999"} {
					if diff := cmp.Diff([]string{want}, w.got[object]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", object, diff)
					}
				}
			})
		})
	}
}

func TestObjectsThatHoldMuchLeaveMemoryForOthers(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const sources, value = 100, 64 << 10 // 6.25 MiB each object
		for i := range 20 {
			keys := make([]string, sources)
			for j := range keys {
				keys[j] = fmt.Sprintf("k%d-%d", i, j)
				w.values[keys[j]] = strings.Repeat("x", value)
			}
			w.add(fmt.Sprintf("hog/o%d", i), "", minute, keys...)
		}
		most := 0
		for i := range 200 {
			if i == 3 {
				w.add("late", "", minute, "late")
			}
			w.pass(latency / 2)
			most = max(most, w.usage().bytes)
			if i == 9 {
				if diff := cmp.Diff([]string{"late"}, w.got["late"]); diff != "" {
					t.Errorf("late (-want +got):\n%s", diff)
				}
			}
		}
		if share := maxHeldBytes / 4 * 3; most > share+1<<10 {
			t.Errorf("got %d bytes that are held, want %d at most", most, share)
		}
		w.pass(10 * time.Second)
		for i := range 20 {
			if got := w.got[fmt.Sprint("o", i)]; len(got) == 0 || len(got[0]) != sources*(value+1)-1 {
				t.Errorf("object %d was given %d answers, want its values", i, len(got))
			}
		}
		if held := w.usage().bytes; held != 0 || w.usage().uncollected != 0 || w.usage().ready != 0 {
			t.Errorf("got %d bytes that are held and %d and %d objects that wait to be collected in the end, want none", held, w.usage().uncollected, w.usage().ready)
		}
	})
}

func TestAnObjectWhoseSourcesHoldTooMuchIsReadOnRequestOnly(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const sources = 20
		keys := make([]string, sources)
		for i := range keys {
			keys[i] = fmt.Sprint("k", i)
			w.values[keys[i]] = strings.Repeat("x", 1<<20)
		}
		w.add("o", "", minute, keys...)
		w.pass(5 * minute)
		if diff := cmp.Diff([]string{"too much"}, w.got["o"]); diff != "" {
			t.Errorf("after five minutes (-want +got):\n%s", diff)
		}
		if held := w.usage().bytes; held != 0 {
			t.Errorf("got %d bytes that are held, want 0", held)
		}
		w.count()
		w.pass(10 * minute)
		if n := w.count(); n != 0 {
			t.Errorf("got %d calls in ten minutes without a request, want 0", n)
		}
		w.add("shares", "", minute, keys[0])
		w.values[keys[0]] = strings.Repeat("y", 1<<20)
		w.pass(2 * minute)
		if got := w.got["o"]; len(got) != 1 {
			t.Errorf("got %d answers after a change of a source that it shares, want the first one alone", len(got))
		}
		w.Unsubscribe(named("shares"))
		w.Request(named("o"), Background, false)
		w.pass(minute)
		if got := w.got["o"]; len(got) != 2 || got[1] != "too much" {
			t.Errorf("got %d answers, want a second one that it is too much", len(got))
		}
		for _, key := range keys[2:] {
			w.values[key] = "less"
		}
		w.Request(named("o"), Background, false)
		w.pass(2 * minute)
		if got := w.got["o"]; len(got) != 3 || len(got[2]) < 2<<20 {
			t.Errorf("got %d answers, want a third one with the values", len(got))
		}
		w.count()
		w.pass(10 * minute)
		if n := w.count(); n < 10 {
			t.Errorf("got %d calls in ten minutes, want one a minute: it is refreshed again", n)
		}
	})
}

func TestABackendIsSparedForAMinuteAtMost(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", 10*time.Second, "v")
		w.pass(time.Second)
		w.kinds["*"], w.after["*"] = driver.Unavailable, time.Hour
		w.pass(30 * time.Second)
		delete(w.kinds, "*")
		w.values["v"] = "rotated"
		w.pass(lastRetryAfter)
		if got := w.got["o"]; got[len(got)-1] != "rotated" {
			t.Errorf("got %q, want the rotated value last", got)
		}
	})
}

func TestTheReportedFailuresFollowTheSources(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["v1"], w.kinds["v2"] = driver.NotFound, driver.Denied
		w.add("o", "", minute, "v0", "v1", "v2")
		w.pass(minute)
		delete(w.kinds, "v1")
		w.pass(2 * minute)
		delete(w.kinds, "v2")
		w.pass(2 * minute)
		want := []string{"v1: not_found v2: denied", "v2: denied", "v0 v1 v2"}
		if diff := cmp.Diff(want, w.got["o"]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		synctest.Wait()
	})
}

func TestManyReadsOfOneNamespaceLeaveCallsOfTheirIdentityForOthers(t *testing.T) {
	for name, key := range map[string]string{"read singly": "v", "read in batches": "k"} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.add("first", "", minute, key)
				w.pass(time.Second)
				for i := range 5000 {
					w.add(fmt.Sprintf("hog/o%d", i), "", minute, fmt.Sprint(key, "hog", i))
				}
				w.pass(latency / 2) // all calls that may be are under way
				w.add("late", "", minute, key+"late")
				w.pass(latency)
				if diff := cmp.Diff([]string{key + "late"}, w.got["late"]); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestABatchIsFilledUpWithWhatCannotFillOneOfItsOwn(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("first", "", 0, "v")
		w.pass(latency)
		for i := range 5000 {
			w.add(fmt.Sprintf("hog/o%d", i), "", 0, fmt.Sprint("hog", i))
		}
		w.pass(latency / 2) // all calls that may be are under way
		w.count()
		for i := range 19 {
			w.add(fmt.Sprintf("ns%d/new%d", i, i), "", 0, fmt.Sprint("new", i))
		}
		w.add("ns0/last", "", 0, "last")
		w.pass(5 * latency)
		w.guard.Lock()
		defer w.guard.Unlock()
		calls, all := 0, 0
		for _, call := range w.received {
			news := strings.Count(call.Keys, "new") + strings.Count(call.Keys, "last")
			if news == 0 {
				continue
			}
			calls, all = calls+1, all+news
			if keys := len(strings.Fields(call.Keys)); news < keys {
				t.Errorf("got a call for %d keys of which %d are of namespaces with few sources, want them apart", keys, news)
			}
		}
		if all != 20 || calls > 4 { // the first ones do not wait for the others
			t.Errorf("got %d calls for %d keys of namespaces with few, want 4 at most for 20", calls, all)
		}
	})
}

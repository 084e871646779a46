package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestAFailureIsNotifiedOnceAndItsEndIs(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["b"] = driver.NotFound
		w.add("o", "", minute, "a", "b")
		w.pass(10 * minute)
		if diff := cmp.Diff([]string{"b: not_found"}, w.got["o"]); diff != "" {
			t.Error(diff)
		}
		w.kinds["b"] = driver.Denied
		w.pass(2 * minute)
		delete(w.kinds, "b")
		w.pass(2 * minute)
		if diff := cmp.Diff([]string{"b: not_found", "b: denied", "a b"}, w.got["o"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAMissingSourceIsReadWithABackOff(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["k"] = driver.NotFound
		w.add("o", "", minute, "k")
		w.pass(5 * minute)
		var at []time.Duration
		for _, call := range w.received {
			at = append(at, call.At.Round(time.Second))
		}
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, s, 3 * s, 7 * s, 15 * s, 31 * s, 63 * s, 123 * s, 183 * s, 243 * s}, at[:10]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnObjectThatIsNotRefreshedIsTriedUntilItSucceeds(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["k"] = driver.NotFound
		w.add("o", "", 0, "k")
		w.pass(10 * minute)
		delete(w.kinds, "k")
		w.pass(lastRetry + minute)
		w.count()
		w.pass(time.Hour)
		if n := w.count(); n != 0 || len(w.got["o"]) != 2 {
			t.Errorf("it was given %q, and then there were %d calls", w.got["o"], n)
		}
	})
}

func TestTheFailureOfOneItemHarmsNoOther(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["k3"] = driver.Denied
		for i := range 21 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(5 * latency)
		for i := range 21 {
			want := fmt.Sprint("k", i)
			if i == 3 {
				want = "k3: denied"
			}
			if got := w.got[fmt.Sprint("o", i)]; !slices.Equal(got, []string{want}) {
				t.Errorf("object %d was given %q", i, got)
			}
		}
	})
}

func TestWhatABatchDoesNotMentionIsReadSingly(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.forgets["k3"] = true
		for i := range 21 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(5 * latency)
		if got := w.got["o3"]; !slices.Equal(got, []string{"k3"}) {
			t.Errorf("it was given %q", got)
		}
		w.pass(minute)
		w.count()
		w.pass(10 * minute)
		if got := w.readSingly(); !slices.Equal(got, []string{"k3"}) {
			t.Errorf("read singly are %v", got)
		}
	})
}

func TestAnIdentityThatMayNotReadBatchesIsReadForSinglyForAnHour(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.refused = driver.Denied
		metrics := NewMetrics(w.Engine)
		for i := range 21 {
			w.add(fmt.Sprint("o", i), "single ", minute, fmt.Sprint("k", i))
		}
		w.pass(5 * latency)
		if len(w.got) != 21 {
			t.Errorf("%d objects were given values", len(w.got))
		}
		if n := w.batches(); n != 3 { // and its halves
			t.Errorf("%d batches were tried at first", n)
		}
		if n := testutil.ToFloat64(metrics.fallbacks.WithLabelValues("secretsManager")); n != 1 {
			t.Errorf("the metrics report %v identities that are read for singly", n)
		}
		w.pass(50 * minute)
		if n := w.batches(); n != 0 {
			t.Errorf("%d batches were tried within the hour", n)
		}
		w.refused = driver.Unknown
		w.pass(20 * minute)
		if n := w.batches(); n == 0 {
			t.Error("batches are not tried again")
		}
	})
}

func TestABackendWithoutBatchesIsReadSinglyForAnHour(t *testing.T) {
	for name, test := range map[string]struct {
		kind    driver.Kind
		sources int
		first   int // batches that are tried before it is known
	}{
		"denied, two":       {driver.Denied, 2, 1},
		"denied, three":     {driver.Denied, 3, 2},
		"denied, twenty":    {driver.Denied, 20, 3},
		"no such call, two": {driver.Invalid, 2, 1},
		"no such call, ten": {driver.Invalid, 10, 9},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.refused = test.kind
				keys := make([]string, test.sources)
				for i := range keys {
					keys[i] = fmt.Sprint("k", i)
				}
				w.add("o", "", minute, keys...)
				w.pass(50 * latency)
				slices.Sort(keys)
				if got := w.got["o"]; !slices.Equal(got, []string{strings.Join(keys, " ")}) {
					t.Errorf("it was given %q", got)
				}
				if n := w.batches(); n != test.first {
					t.Errorf("%d batches were tried at first", n)
				}
				w.pass(50 * minute)
				if n := w.batches(); n != 0 {
					t.Errorf("%d batches were tried within the hour", n)
				}
			})
		})
	}
}

func TestBatchesThatWaitAreNotTriedEitherWhereTheyFailAsSuch(t *testing.T) {
	// Of twenty sources: a batch and its halves, or ever fewer.
	for kind, tries := range map[driver.Kind]int{driver.Denied: 3, driver.Invalid: 19} {
		t.Run(kind.String(), func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				const sources = 1000
				w.refused = kind
				for i := range sources {
					w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
				}
				w.pass(30 * time.Second)
				if len(w.got) != sources {
					t.Errorf("%d objects were given values", len(w.got))
				}
				// All that may go at a time find out for themselves.
				if n, most := w.batches(), tries*maxForegroundBatches; n > most {
					t.Errorf("%d batches were tried, want %d at most", n, most)
				}
			})
		})
	}
}

func TestAnOutageIsNoReasonToDoWithoutBatches(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "k1", "k2")
		w.pass(2 * minute)
		w.kinds["*"] = driver.Unavailable
		w.pass(5 * minute)
		delete(w.kinds, "*")
		w.pass(2 * minute)
		w.count()
		w.pass(5 * minute)
		if n := w.batches(); n == 0 {
			t.Error("there are no batches any more")
		}
	})
}

func TestABatchThatFailsAsAWholeIsHalvedUntilTheOffenderIsFound(t *testing.T) {
	for _, kind := range []driver.Kind{driver.Invalid, driver.Denied} { // SSM denies a batch for one name
		t.Run(kind.String(), func(t *testing.T) {
			inFakeTime(t, func(w *world) {
				w.spoil["k7"] = true
				w.kinds["k7"] = kind
				for i := range 21 {
					w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
				}
				w.pass(20 * latency)
				limited := w.limited(reads("", "", "k0").Stores()[0])
				if n := w.count(); n > 12 || limited != n {
					t.Errorf("there were %d calls, and the limiter counts %d", n, limited)
				}
				if len(w.got) != 21 || !slices.Equal(w.got["o7"], []string{"k7: " + kind.String()}) || !slices.Equal(w.got["o8"], []string{"k8"}) {
					t.Errorf("%d objects were given values; the offender %q", len(w.got), w.got["o7"])
				}
				w.pass(minute)
				w.count()
				w.pass(10 * minute)
				if got := w.readSingly(); !slices.Equal(got, []string{"k7"}) {
					t.Errorf("read singly are %v, want the offender", got)
				}
				if n := w.batches(); n < 10 {
					t.Errorf("the others were in %d batches in ten minutes", n)
				}
			})
		})
	}
}

func TestAnOutageCostsAProbePerStepAndRecoveryIsQuick(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 1000 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(2 * minute)
		w.count()
		w.kinds["*"] = driver.Unavailable
		w.notified = nil
		w.pass(2 * minute)
		if n := w.count(); n > 30 {
			t.Errorf("there were %d calls in two minutes", n)
		}
		if len(w.notified) != 1000 {
			t.Errorf("got %d notifications of failures, want 1000", len(w.notified))
		}
		for i := range 10 { // new ones, too, learn why
			w.add(fmt.Sprint("new", i), "", minute, fmt.Sprint("new", i))
		}
		w.pass(5 * time.Second)
		if got := w.got["new3"]; !slices.Equal(got, []string{"new3: unavailable"}) {
			t.Errorf("a new object was given %q", got)
		}
		delete(w.kinds, "*")
		w.pass(lastProbe + time.Second)
		if n := w.count(); n > 60 {
			t.Errorf("there were %d calls in the recovery", n)
		}
		for i := range 1000 {
			got := w.got[fmt.Sprint("o", i)]
			want := []string{fmt.Sprint("k", i), fmt.Sprintf("k%d: unavailable", i), fmt.Sprint("k", i)}
			if !slices.Equal(got, want) {
				t.Fatalf("object %d was given %q", i, got)
			}
		}
	})
}

func TestTheOutageOfOneIdentityStopsNoOther(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["down "] = driver.Unavailable
		for i := range 100 {
			w.add(fmt.Sprint("down", i), "down ", minute, fmt.Sprint("k", i))
		}
		w.pass(minute)
		w.add("o", "up ", minute, "k")
		w.pass(latency)
		if got := w.got["o"]; !slices.Equal(got, []string{"up k"}) {
			t.Errorf("it was given %q", got)
		}
	})
}

func TestASingleGlitchIsNotNotified(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "k")
		w.pass(minute)
		w.notified = nil
		w.kinds["k"] = driver.Unavailable
		for len(w.received) < 3 {
			w.pass(time.Second)
		}
		delete(w.kinds, "k")
		w.pass(minute)
		if len(w.notified) > 0 {
			t.Errorf("it was given %q", w.got["o"])
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["*"], w.after["*"] = driver.Throttled, 30*time.Second
		w.add("o", "", minute, "k")
		w.pass(29 * time.Second)
		if n := w.count(); n != 1 {
			t.Errorf("there were %d calls", n)
		}
		delete(w.kinds, "*")
		w.pass(2 * time.Second)
		if n := w.count(); n != 1 || !slices.Equal(w.got["o"], []string{"k: throttled", "k"}) {
			t.Errorf("%d calls followed, and it was given %q", n, w.got["o"])
		}
	})
}

func TestAfterThrottlingCallsAreFewer(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.kinds["*"] = driver.Throttled
		for i := range 600 {
			w.add(fmt.Sprint("o", i), "", 0, fmt.Sprint("v", i))
		}
		w.pass(time.Second / 2)
		delete(w.kinds, "*")
		w.count()
		w.pass(3 * time.Second)
		if n := w.count(); n > 3*maxForegroundReads {
			t.Errorf("there were %d calls in three seconds", n)
		}
		w.pass(3 * minute)
		for i := range 600 {
			got := w.got[fmt.Sprint("o", i)]
			if len(got) == 0 || got[len(got)-1] != fmt.Sprint("v", i) {
				t.Fatalf("object %d was given %q", i, got)
			}
		}
	})
}

func TestAStallIsNoticedAndAnOutageIsNone(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", minute, "k")
		w.kinds["*"] = driver.Unavailable
		w.pass(time.Hour)
		if err := w.Stalled(time.Now()); err != nil {
			t.Errorf("in an outage: %v", err)
		}
		delete(w.kinds, "*")
		w.collects = false
		w.pass(minute)
		if err := w.Stalled(time.Now()); err != nil {
			t.Errorf("right after it: %v", err)
		}
		w.pass(stalledAfter)
		if err := w.Stalled(time.Now()); err == nil {
			t.Error("what was read is not collected, and that is no stall")
		}
		w.collect(named("o"))
		if err := w.Stalled(time.Now()); err != nil {
			t.Errorf("after it was collected: %v", err)
		}
	})
}

func TestASourceThatIsNotReadThoughItCouldBeIsAStall(t *testing.T) {
	e := &Engine{Reader: &cloud{}} // it does not run
	e.Subscribe(reads("o", "", "k"), minute, false)
	if err := e.Stalled(time.Now().Add(minute + stalledAfter + time.Second)); err == nil {
		t.Error("it is not noticed")
	}
	if before, after := e.snapshot(time.Now()).stalled, e.snapshot(time.Now().Add(10*minute)).stalled; before != nil || after == nil {
		t.Errorf("the metrics call it stalled: %v before, %v afterwards", before, after)
	}
	if late := e.snapshot(time.Now().Add(10 * minute)).overdue; late < 9*minute || late > 10*minute {
		t.Errorf("the oldest is overdue by %s", late)
	}
}

func TestAFailureThatEndsBeforeItIsCollectedIsNoneAnyMore(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.add("o", "", 10*time.Second, "k")
		w.pass(10 * time.Second)
		w.collects = false
		w.kinds["k"] = driver.NotFound
		w.pass(10 * time.Second)
		delete(w.kinds, "k")
		w.pass(10 * time.Second)
		result, state := w.Collect(named("o"))
		if state != Ready || len(result.Failures) > 0 || len(result.Values) != 1 {
			t.Errorf("state %d, %d values, failures %v", state, len(result.Values), result.Failures)
		}
		if result, state := w.Collect(named("o")); state != Idle {
			t.Errorf("it can be collected again: %+v", result)
		}
	})
}

func TestTheEndOfAnOutageIsNoticedWhileItsFailuresWaitToBeCollected(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const objects = 4 * maxReady
		w.collects = false // the owner reports failures slowly
		w.kinds["*"] = driver.Unavailable
		for i := range objects {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(minute)
		if w.usage().uncollected != objects || w.usage().ready != 0 {
			t.Fatalf("%d failures wait to be collected, and %d objects hold values", w.usage().uncollected, w.usage().ready)
		}
		delete(w.kinds, "*")
		w.pass(lastProbe + time.Second)
		if share := maxReady / 4 * 3; w.usage().ready < share {
			t.Errorf("got %d objects that hold values, want %d at least", w.usage().ready, share)
		}
	})
}

func TestAProbeWaitsWhileNoMoreMayBeHeld(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.collects = false
		w.kinds["bad"] = driver.Unavailable
		w.add("o", "bad", minute, "k")
		w.pass(minute)
		for i := range 2 * maxReady {
			w.add(fmt.Sprint("o", i), "good", minute, fmt.Sprint("k", i))
		}
		w.pass(time.Second)
		w.count()
		w.pass(10 * minute) // which would not end if the engine tried again and again
		if n := w.count(); w.usage().ready < maxReady/4*3 || n != 0 {
			t.Errorf("%d objects hold values, and there were %d calls more", w.usage().ready, n)
		}
	})
}

// A queue may be long, so that a source waits for its turn for longer than a call takes.
func TestProgressIsNoStall(t *testing.T) {
	const long, short = stalledAfter + time.Second, stalledAfter - time.Second
	now := time.Now()
	for name, test := range map[string]struct {
		identity, any time.Duration // since a call of the identity ended, and one of any
		gated         bool
		want          bool
	}{
		"no call ends":                                  {long, long, false, true},
		"the identity's calls end":                      {short, short, false, false},
		"others' calls end":                             {long, short, false, true},
		"others' calls end, and it waits for their end": {long, short, true, false},
		"no call ends, and it waits for one to end":     {long, long, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := health{overdue: long, lacksShare: test.gated, lastCallEnded: now.Add(-test.identity)}
			err := h.stalled(now, headway{lastCallEnded: now.Add(-test.any)})
			if (err != nil) != test.want {
				t.Errorf("got %v, want a stall: %t", err, test.want)
			}
		})
	}
}

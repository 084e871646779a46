package fetch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Controllers call the engine at once for different objects, which share sources and Stores, while backends fail and values change.
func TestWhateverIsCalledAtOnceAllIsReadAndNothingIsLeft(t *testing.T) {
	inFakeTime(t, func(w *world) {
		const callers, objects, operations = 8, 20, 150
		intervals := []time.Duration{0, 10 * time.Second, minute}
		planOf := func(object string, n int) *plan.Plan {
			p := reads(object, fmt.Sprint("role", n%3, " "), fmt.Sprint("k", n%7), fmt.Sprint("v", n%5))
			p.Entries = append(p.Entries, reads(object, fmt.Sprint("role", n%4, " "), fmt.Sprint("k", n%11)).Entries...)
			return p
		}
		var done sync.WaitGroup
		for caller := range callers {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			done.Go(func() {
				for range operations {
					object := fmt.Sprintf("ns%d/o%d-%d", caller%3, caller, random.IntN(objects))
					switch random.IntN(6) {
					case 0, 1:
						w.Engine.Subscribe(planOf(object, random.IntN(50)), intervals[random.IntN(3)], random.IntN(2) == 0)
					case 2, 3:
						w.Engine.Request(named(object), Priority(random.IntN(2)), random.IntN(2) == 0)
					case 4:
						w.collect(named(object))
					case 5:
						w.Engine.Unsubscribe(named(object))
					}
					if random.IntN(4) == 0 {
						<-time.After(time.Duration(random.IntN(100)) * time.Millisecond) // in fake time
					}
				}
			})
		}
		for i := range 40 {
			w.guard.Lock()
			w.kinds[fmt.Sprint("k", i%7)] = []driver.Kind{driver.NotFound, driver.Unavailable, driver.Denied}[i%3]
			w.kinds["role2 "] = driver.Throttled
			if i%2 == 0 {
				clear(w.kinds)
			}
			w.values["k1"] = fmt.Sprint(i)
			w.guard.Unlock()
			<-time.After(200 * time.Millisecond)
		}
		done.Wait()
		w.guard.Lock()
		clear(w.kinds)
		w.guard.Unlock()
		w.pass(lastRetry)
		w.got = map[string][]string{}
		for caller := range callers {
			for i := range objects {
				object := fmt.Sprintf("ns%d/o%d-%d", caller%3, caller, i)
				w.Subscribe(planOf(object, i), minute, false)
				w.Request(named(object), Foreground, true)
			}
		}
		w.pass(10 * time.Second)
		if got, want := len(w.got), callers*objects; got != want {
			t.Errorf("got %d objects that were given values in the end, want %d", got, want)
		}
		for caller := range callers {
			for i := range objects {
				w.Unsubscribe(named(fmt.Sprintf("ns%d/o%d-%d", caller%3, caller, i)))
			}
		}
		w.pass(timeout)
		synctest.Wait()
		if diff := cmp.Diff(usage{}, w.usage(), cmp.AllowUnexported(usage{})); diff != "" {
			t.Errorf("what is held in the end, -want +got:\n%s", diff)
		}
		if calls := w.snapshot(time.Now()).calls; calls != 0 {
			t.Errorf("got %d calls under way in the end, want none", calls)
		}
	})
}

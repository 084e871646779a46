package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// readSingly are the keys that were read singly since the last count.
func (w *world) readSingly() []string {
	w.guard.Lock()
	defer w.guard.Unlock()
	var keys []string
	for _, call := range w.received {
		if !strings.Contains(call.Keys, " ") && !slices.Contains(keys, call.Keys) {
			keys = append(keys, call.Keys)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestCredentialsThatAreNotAcceptedAreNoReasonToDoWithoutBatches(t *testing.T) {
	inFakeTime(t, func(w *world) {
		for i := range 20 {
			w.add("o", "role ", minute, fmt.Sprint("k", i), "other")
			w.add(fmt.Sprint("o", i), "role ", minute, fmt.Sprint("k", i))
		}
		w.pass(2 * minute)
		w.kinds["role "] = driver.Unauthenticated
		w.count()
		w.pass(minute)
		if n := w.count(); n > 60 { // each source backs off by itself; a search for an offender would multiply that
			t.Errorf("there were %d calls", n)
		}
		delete(w.kinds, "role ")
		w.pass(2 * minute)
		w.count()
		w.pass(5 * minute)
		if n := w.batches(); n < 5 {
			t.Errorf("there were %d batches in five minutes", n)
		}
	})
}

func TestTwoOffendersAreBothFoundWhateverEachIsRefusedFor(t *testing.T) {
	inFakeTime(t, func(w *world) {
		w.spoil["k3"], w.spoil["k17"] = true, true
		w.kinds["k3"], w.kinds["k17"] = driver.Denied, driver.Invalid
		for i := range 21 {
			w.add(fmt.Sprint("o", i), "", minute, fmt.Sprint("k", i))
		}
		w.pass(2 * minute)
		w.count()
		w.pass(10 * minute)
		if got := w.readSingly(); !slices.Equal(got, []string{"k17", "k3"}) {
			t.Errorf("read singly are %v", got)
		}
	})
}

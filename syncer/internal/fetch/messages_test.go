package fetch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// still is an engine that does not run, with an object that reads a key, so that a test decides which message comes first.
func still(t *testing.T, notify func(plan.ID, Priority)) (*Engine, *object) {
	t.Helper()
	e := &Engine{Reader: &cloud{}, Notify: notify}
	e.Subscribe(reads("o", "", "k"), minute, false)
	return e, e.objects[named("o")]
}

func TestObjectsHaveWhatWasReadBeforeMoreIsRead(t *testing.T) {
	e, o := still(t, func(plan.ID, Priority) {})
	st := o.needs[0].source.store
	st.outbox = []delivery{{need: &o.needs[0], reading: &reading{revision: 1}, read: 1}}
	e.Request(named("o"), Foreground, false)
	deliveries, _, _ := st.work(t.Context(), nil)
	if len(deliveries) != 1 || !st.state.hasWaiting() || len(st.outbox) != 0 {
		t.Errorf("got %d deliveries, and a source that still waits: %t; want 1 and true", len(deliveries), st.state.hasWaiting())
	}
}

func TestADeliveryThatComesTooLateIsDropped(t *testing.T) {
	e, o := still(t, func(object plan.ID, _ Priority) { t.Errorf("%s was notified after it had been unsubscribed", object) })
	e.Unsubscribe(named("o"))
	o.receive(&delivery{
		need: &o.needs[0], reading: &reading{revision: 1, size: 1}, read: 1, began: time.Now(), values: []driver.Value{{Data: []byte("v")}},
	})
	if diff := cmp.Diff(usage{}, e.usage(), cmp.AllowUnexported(usage{})); diff != "" {
		t.Errorf("what is held afterwards, -want +got:\n%s", diff)
	}
}

func TestMemoryForARequestThatWasDroppedMeanwhileIsGivenBack(t *testing.T) {
	e, o := still(t, func(plan.ID, Priority) {})
	o.needs[0].reading = &reading{revision: 1, size: 5}
	e.shares.bytes.Acquire("hog", maxHeldBytes)
	e.Request(named("o"), Foreground, false)
	e.shares.free("hog", maxHeldBytes)
	d := e.shares.nextFitting()
	e.Unsubscribe(named("o"))
	if got := e.usage().bytes; d == nil || got != 5 {
		t.Fatalf("got %d bytes that are taken for the request, want 5", got)
	}
	d.object.resume(d)
	if got := e.usage().bytes; got != 0 {
		t.Errorf("got %d bytes that are held, want none", got)
	}
}

func TestAnObjectHoldsNoMoreThanItsNewestValue(t *testing.T) {
	e, o := still(t, func(plan.ID, Priority) {})
	e.Request(named("o"), Foreground, false)
	for i, value := range []string{strings.Repeat("x", 100), "short", strings.Repeat("y", 50)} {
		o.receive(&delivery{
			need: &o.needs[0], reading: &reading{revision: revision(i + 1), size: len(value)}, read: uint64(i + 1),
			values: []driver.Value{{Data: []byte(value)}},
		})
		if got := e.usage(); got.values != len(value) || got.bytes != 100 {
			t.Errorf("got %d bytes of values after reading %d, and %d that count, want %d and 100", got.values, i, got.bytes, len(value))
		}
	}
	result, state := e.Collect(named("o"))
	if state != Ready || len(result.Values) != 1 || e.usage().bytes != 0 {
		t.Errorf("got state %d, %d values and %d bytes that are held in the end, want Ready, 1 and none", state, len(result.Values), e.usage().bytes)
	}
}

func TestValuesOfTheSizeThatWasExpectedAreKeptHoweverMuchOthersHold(t *testing.T) {
	e, o := still(t, func(plan.ID, Priority) {})
	o.needs[0].reading = &reading{revision: 1, size: 5}
	e.Request(named("o"), Foreground, false)
	e.shares.bytes.Acquire("hog", maxHeldBytes-6)
	o.receive(&delivery{
		need: &o.needs[0], reading: &reading{revision: 2, size: 5}, read: 1, values: []driver.Value{{Data: []byte("value")}},
	})
	if _, state := e.Collect(named("o")); state != Ready {
		t.Errorf("got state %d, want Ready: the memory was reserved", state)
	}
}

package fetch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lines are Stores that wait for shares; woken has those that were woken, in order.
type lines struct {
	*shares
	woken []string
}

func (l *lines) line(name string) *line {
	return &line{wake: func() { l.woken = append(l.woken, name) }}
}

// taken is a pool of trials that namespaces hold all of but n.
func taken(leaving int) *lines {
	l := &lines{shares: newShares()}
	for i := range maxTrials - leaving {
		l.trials.Acquire(fmt.Sprint("ns", i), 1)
	}
	return l
}

func TestWhatIsReleasedIsGivenToThoseWhoWaitInTheirTurn(t *testing.T) {
	l := taken(0)
	first, second, third := l.line("first"), l.line("second"), l.line("third")
	l.await(first, true, []string{"a"})
	l.await(second, true, []string{"a"})
	l.await(third, true, []string{"b"})
	for range 2 {
		l.callEnded(true, "ns0", time.Now())
	}
	if diff := cmp.Diff([]string{"first", "third"}, l.woken); diff != "" {
		t.Errorf("woken after two calls have ended (-want +got):\n%s", diff)
	}
	if l.may(second, true, "c") {
		t.Error("another one may call, though all calls are given")
	}
	if !l.acquire(first, true, "a") || l.acquire(first, true, "a") {
		t.Error("want the first one to have one call")
	}
}

func TestACallThatHasNoUseIsGivenToTheNext(t *testing.T) {
	for name, end := range map[string]func(l *lines, of *line){
		"the Store rests without it": func(l *lines, of *line) { l.await(of, true, nil) },
		"the Store ends":             func(l *lines, of *line) { l.leave(of) },
	} {
		t.Run(name, func(t *testing.T) {
			l := taken(0)
			first, second := l.line("first"), l.line("second")
			l.await(first, true, []string{"a"})
			l.await(second, true, []string{"b"})
			l.callEnded(true, "ns0", time.Now())
			end(l, first)
			if diff := cmp.Diff([]string{"first", "second"}, l.woken); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
			end(l, second)
			if got, want := l.trials.Held(), maxTrials-1; got != want {
				t.Errorf("got %d calls that count, want %d", got, want)
			}
		})
	}
}

func TestAStoreThatEndsDoesNotWaitAnyMore(t *testing.T) {
	l := taken(0)
	gone := l.line("gone")
	l.await(gone, true, []string{"a", "b"})
	l.leave(gone)
	l.callEnded(true, "ns0", time.Now())
	if len(l.woken) > 0 || l.trials.Held() != maxTrials-1 {
		t.Errorf("got %v that were given calls, and %d that count, want none and %d", l.woken, l.trials.Held(), maxTrials-1)
	}
}

func TestAStoreThatWaitsBesideAFreeCallIsGivenIt(t *testing.T) {
	l := taken(1) // which was released after the Store had looked
	l.await(l.line("late"), true, []string{"a"})
	if diff := cmp.Diff([]string{"late"}, l.woken); diff != "" {
		t.Errorf("woken (-want +got):\n%s", diff)
	}
}

func TestReadsPauseUntilWhatWasReadIsCollected(t *testing.T) {
	l := taken(maxTrials)
	waits := l.line("waits")
	weight := l.ready.Capacity / 4 * 3
	l.completed("a", weight)
	if l.may(waits, true, "a") || !l.may(waits, true, "b") {
		t.Error("want the namespace that has its share to wait, and no other")
	}
	l.await(waits, true, []string{"a"})
	l.collected("a", weight)
	if diff := cmp.Diff([]string{"waits"}, l.woken); diff != "" {
		t.Errorf("woken (-want +got):\n%s", diff)
	}
}

package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errDown = errors.New("it is down")

// issuer gives out sessions of an hour, numbered from 1, after a second each.
type issuer struct {
	mu    sync.Mutex
	asked int
	// down: there is none to be had. silent: not even an answer.
	down, silent bool
}

func (i *issuer) obtain(ctx context.Context, key string, old Session[string]) (Session[string], error) {
	i.mu.Lock()
	i.asked++
	n, down, silent := i.asked, i.down, i.silent
	i.mu.Unlock()
	answered := time.After(time.Second)
	if silent {
		answered = nil
	}
	select {
	case <-answered:
	case <-ctx.Done():
		return Session[string]{}, ctx.Err()
	}
	if down {
		return Session[string]{}, errDown
	}
	value := fmt.Sprint(key, n)
	if old.Value != "" {
		value += " after " + old.Value
	}
	return Until(value, time.Now(), time.Now().Add(time.Hour), 5*time.Minute), nil
}

// wait lets synctest's time pass.
func wait(d time.Duration) { <-time.After(d) }

// get is the session, or the error.
func get(c *Cache[string, string], key string) string {
	value, err := c.Get(context.Background(), key)
	if err != nil {
		return err.Error()
	}
	return value
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func with(t *testing.T, test func(t *testing.T, c *Cache[string, string], i *issuer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		test(t, &Cache[string, string]{Obtain: i.obtain, GracePeriod: GracePeriod}, i)
	})
}

func TestASessionIsObtainedOnceForAllWhoWait(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		var all sync.WaitGroup
		for n := range 32 {
			key := string("ab"[n%2])
			all.Go(func() {
				if got := get(c, key); got != key+"1" && got != key+"2" {
					t.Errorf("%s got the session %s", key, got)
				}
			})
		}
		all.Wait()
		want(t, "sessions begun for two identities", i.asked, 2)
	})
}

func TestASessionIsRenewedBeforeItsEnd(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		got := []string{get(c, "a")}
		wait(54 * time.Minute)
		got = append(got, get(c, "a"))
		wait(2 * time.Minute)
		got = append(got, get(c, "a"))
		wait(2 * time.Hour)
		got = append(got, get(c, "a"))
		want(t, "at first, after 54 and 56 minutes, and long after its end", got, []string{"a1", "a1", "a2 after a1", "a3 after a2 after a1"})
	})
}

func TestASessionIsUsedToItsEndWhereNoOtherIsToBeHad(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		got := []string{get(c, "a")}
		i.down = true
		wait(56 * time.Minute)
		for range 3 {
			got = append(got, get(c, "a"))
		}
		want(t, "attempts while the session works", i.asked, 2)
		wait(5 * time.Minute)
		got = append(got, get(c, "a"))
		want(t, "sessions", got, []string{"a1", "a1", "a1", "a1", "it is down"})
	})
}

func TestACallerThatWaitsForARenewalHasTimeLeftToReadWithTheOldSession(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		get(c, "a")
		wait(56 * time.Minute)
		i.silent = true
		start := time.Now()
		want(t, "the session", get(c, "a"), "a1")
		want(t, "the time that it took", time.Since(start), DefaultTimeout/2)
	})
}

func TestACallerThatGivesUpDoesNotEndTheLoginOfOthers(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2) // of the second that the login takes
		defer cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up got %v", err)
		}
		want(t, "the other's session", get(c, "a"), "a1")
		want(t, "sessions begun", i.asked, 1)
	})
}

func TestACallerThatHasGivenUpBeginsNoLogin(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		synctest.Wait()
		want(t, "sessions begun", i.asked, 0)
	})
}

func TestALoginThatPanicsFailsAlone(t *testing.T) {
	c := Cache[string, string]{Obtain: func(context.Context, string, Session[string]) (Session[string], error) { panic("planted") }}
	want(t, "the error", get(&c, "a"), errPanicked.Error())
}

func TestARefusedSessionIsReplacedOnceForAllWhoFindOut(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		get(c, "a")
		var all sync.WaitGroup
		for n := range 32 {
			all.Go(func() {
				got := ""
				err := c.Do(t.Context(), "a", func(value string) (bool, error) {
					got += value + " "
					wait(time.Duration(1+n%5) * time.Second) // some find out when its successor is there
					return value == "a1", nil
				})
				if err != nil || got != "a1 a2 " {
					t.Errorf("called with %s(%v), want a1 and a2", got, err)
				}
			})
		}
		all.Wait()
		want(t, "sessions begun", i.asked, 2)
	})
}

func TestWhereEachSessionIsRefusedNotEveryCallBeginsOne(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		errRefused := errors.New("refused")
		var calls []string
		call := func() {
			err := c.Do(t.Context(), "a", func(value string) (bool, error) {
				calls = append(calls, value)
				return true, errRefused
			})
			if !errors.Is(err, errRefused) {
				t.Errorf("got %v, want what the backend said", err)
			}
		}
		call()
		call()
		want(t, "calls", calls, []string{"a1", "a2", "a2"})
		wait(c.GracePeriod)
		call()
		want(t, "calls a while later", calls[3:], []string{"a2", "a3"})
	})
}

// Only the one that replaces a refused session is believed for a while, not what that is renewed by.
func TestASessionThatIsRefusedRightAfterItsRenewalIsReplaced(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		refused := map[string]bool{"a1": true, "a3 after a2": true}
		var calls []string
		call := func() {
			_ = c.Do(t.Context(), "a", func(value string) (bool, error) {
				calls = append(calls, value)
				return refused[value], nil
			})
		}
		call()
		wait(56 * time.Minute)
		call()
		want(t, "calls", calls, []string{"a1", "a2", "a3 after a2", "a4"})
	})
}

// Who found none a moment ago, and comes when another has just obtained it.
func TestWhoComesTooLateToShareALoginMakesNone(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		get(c, "a")
		late, err := c.obtain(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the session", late.Value, "a1")
		want(t, "sessions begun", i.asked, 1)
	})
}

func TestACallIsMadeOnceMoreAndNoOftener(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		c.GracePeriod = 0
		var calls []string
		for range 2 {
			_ = c.Do(t.Context(), "a", func(value string) (bool, error) {
				calls = append(calls, value)
				return true, nil
			})
		}
		want(t, "calls", calls, []string{"a1", "a2", "a3", "a4"})
	})
}

func TestDropLetsTheRefusedGoAndNoOthers(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		get(c, "a")
		get(c, "b")
		c.Drop(func(value string) bool { return value == "a1" })
		want(t, "sessions", []string{get(c, "a"), get(c, "b")}, []string{"a3", "b2"})
	})
}

// A renewal fails while its session is refused: the session must not come back.
func TestASessionThatIsRefusedDuringItsRenewalIsGone(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		get(c, "a")
		wait(56 * time.Minute)
		i.down = true
		renewed := make(chan string)
		go func() { renewed <- get(c, "a") }()
		synctest.Wait()
		c.Drop(func(string) bool { return true })
		want(t, "the session", <-renewed, "it is down")
	})
}

func TestSessionsAreBounded(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		c.Max = 3
		for _, key := range []string{"a", "b", "c", "a", "d"} {
			get(c, key)
		}
		want(t, "sessions begun for four identities", i.asked, 4)
		want(t, "the one in use", get(c, "a"), "a1")
		want(t, "the one that was not used for longest", get(c, "b"), "b5")
		wait(2 * time.Hour)
		get(c, "e")
		want(t, "sessions that are kept after the others' end", len(c.held), 1)
	})
}

func TestAForgottenSessionIsObtainedAnew(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		got := []string{get(c, "a"), get(c, "b")}
		c.Forget("a")
		c.Forget("unknown")
		got = append(got, get(c, "a"), get(c, "a"), get(c, "b"))
		want(t, "sessions before and after", got, []string{"a1", "b2", "a3", "a3", "b2"})
	})
}

func TestASessionThatIsForgottenOnItsWayIsNotKept(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], _ *issuer) {
		waits := make(chan string)
		go func() { waits <- get(c, "a") }()
		wait(time.Second / 2)
		c.Forget("a")
		want(t, "the session of the caller that waited", <-waits, "a1")
		want(t, "the next one", get(c, "a"), "a2")
		want(t, "the one after", get(c, "a"), "a2")
	})
}

func TestARenewalThatIsForgottenEndsTheOldSession(t *testing.T) {
	with(t, func(t *testing.T, c *Cache[string, string], i *issuer) {
		get(c, "a")
		wait(56 * time.Minute)
		i.down = true
		waits := make(chan string)
		go func() { waits <- get(c, "a") }()
		wait(time.Second / 2)
		c.Forget("a")
		want(t, "the session of the caller that waited", <-waits, "it is down")
	})
}

package admit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// requests makes requests for ten bytes and returns the namespaces that got them, in order. A step is "namespace size" for a request,
// which may have to wait, "-namespace" for the end of the namespace's first one, or "namespace gives up" for its last one that waits.
func requests(t *testing.T, steps ...string) (had []string) {
	t.Helper()
	s := &pool{capacity: 10}
	var mu sync.Mutex
	held, waiting := map[string][]func(){}, map[string][]context.CancelFunc{}
	for _, step := range steps {
		before := len(had)
		if namespace, ends := strings.CutPrefix(step, "-"); ends {
			held[namespace][0]()
			held[namespace] = held[namespace][1:]
		} else if namespace, givesUp := strings.CutSuffix(step, " gives up"); givesUp {
			last := len(waiting[namespace]) - 1
			waiting[namespace][last]()
		} else {
			var size int64
			if _, err := fmt.Sscan(step, &namespace, &size); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			waiting[namespace] = append(waiting[namespace], cancel)
			go func() {
				if giveBack, err := s.acquire(ctx, namespace, size); err == nil {
					mu.Lock()
					defer mu.Unlock()
					had = append(had, step)
					held[namespace] = append(held[namespace], giveBack)
				}
			}()
		}
		synctest.Wait()
		slices.Sort(had[before:]) // they came at a time
		if s.used > s.capacity {
			t.Errorf("after %q %d bytes are out, of %d", step, s.used, s.capacity)
		}
	}
	for _, all := range waiting { // those that are left
		for _, giveUp := range all {
			giveUp()
		}
	}
	return had
}

func TestShares(t *testing.T) {
	for name, test := range map[string]struct{ steps, want []string }{
		"one namespace may have all that is free": {[]string{"a 4", "a 6"}, []string{"a 4", "a 6"}},
		"what does not fit waits":                 {[]string{"a 6", "a 5"}, []string{"a 6"}},
		"it gets what comes free":                 {[]string{"a 6", "a 5", "-a"}, []string{"a 6", "a 5"}},
		"more than there is counts as all":        {[]string{"a 1", "b 99", "-a"}, []string{"a 1", "b 99"}},
		"a namespace that comes late goes before one that holds": {
			[]string{"a 5", "a 5", "a 5", "a 5", "b 5", "-a"}, []string{"a 5", "a 5", "b 5"},
		},
		"those that hold the same take turns as they came": {
			[]string{"a 10", "b 10", "c 10", "-a", "-b"}, []string{"a 10", "b 10", "c 10"},
		},
		"a large request is not passed by small ones for ever": {
			[]string{"a 5", "b 10", "c 1", "-a"}, []string{"a 5", "b 10"},
		},
		"one that gives up keeps others no longer": {
			[]string{"a 5", "b 10", "c 1", "b gives up"}, []string{"a 5", "c 1"},
		},
		"one of many that gives up leaves the others in their order": {
			[]string{"a 10", "b 3", "b 4", "b 5", "b gives up", "-a"}, []string{"a 10", "b 3", "b 4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(test.want, requests(t, test.steps...)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

// A tenant with a hundred requests delays another's by one that is under way, not by all that wait.
func TestATenantWithManyClaimsDelaysAnotherByOneOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pool{capacity: 10}
		var mu sync.Mutex
		begin, took := time.Now(), map[string][]time.Duration{}
		request := func(namespace string) {
			giveBack, err := s.acquire(t.Context(), namespace, 5)
			if err != nil {
				t.Error(err)
				return
			}
			<-time.After(time.Second)
			giveBack()
			mu.Lock()
			defer mu.Unlock()
			took[namespace] = append(took[namespace], time.Since(begin))
		}
		for range 100 {
			go request("hostile")
		}
		synctest.Wait()
		go request("healthy")
		<-time.After(time.Minute)
		synctest.Wait()
		if want := []time.Duration{2 * time.Second}; !slices.Equal(took["healthy"], want) || len(took["hostile"]) != 100 {
			t.Errorf("the healthy tenant's request ended after %v, want %v; the hostile one's %d, want 100", took["healthy"], want, len(took["hostile"]))
		}
		if s.used != 0 || len(s.held) != 0 || len(s.waiting) != 0 {
			t.Errorf("in the end %d bytes are out, held by %v, with %v waiting", s.used, s.held, s.waiting)
		}
	})
}

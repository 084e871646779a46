package fetch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// world is an engine that reads a cloud in fake time, and an owner that collects all that it is notified of.
type world struct {
	*Engine
	*cloud
	t          *testing.T
	notes      sync.Mutex          // of what is notified and observed
	steps      int                 // of the test
	notified   []string            // notifications, in order: name of the object
	got        map[string][]string // by object: what each Collect gave, in order
	seen       map[string]int      // by object: refreshes that changed nothing
	failed     map[string]int      // of them those that failed
	collects   bool                // whether notifications are answered by Collect
	priorities map[string]Priority // of the last notification
	inbox      chan plan.ID
	end        context.CancelFunc
}

// inFakeTime runs a test with a world whose engine runs.
func inFakeTime(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			cloud: &cloud{start: time.Now(), values: map[string]string{}, kinds: map[string]driver.Kind{}, after: map[string]time.Duration{}, spoil: map[string]bool{}, forgets: map[string]bool{}, absent: map[string]bool{}},
			t:     t, got: map[string][]string{}, seen: map[string]int{}, failed: map[string]int{}, collects: true, priorities: map[string]Priority{},
			inbox: make(chan plan.ID, 100_000),
		}
		w.Engine = &Engine{
			Reader: w.cloud,
			Notify: func(object plan.ID, priority Priority) {
				w.notes.Lock()
				defer w.notes.Unlock()
				w.notified = append(w.notified, object.Name)
				w.priorities[object.Name] = priority
				if w.collects {
					w.inbox <- object
				}
			},
			Observe: func(object plan.ID, ok bool, _ time.Time) {
				w.notes.Lock()
				defer w.notes.Unlock()
				w.seen[object.Name]++
				if !ok {
					w.failed[object.Name]++
				}
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		w.end = cancel
		ended := make(chan struct{})
		go func() {
			_ = w.Run(ctx)
			close(ended)
		}()
		synctest.Wait()
		go func() {
			for {
				select {
				case object := <-w.inbox:
					w.collect(object)
				case <-ctx.Done():
					return
				}
			}
		}()
		test(w)
		cancel()
		<-ended
	})
}

// collect notes what an object is given: its values in the order of its keys, or its failures.
func (w *world) collect(object plan.ID) {
	result, state := w.Collect(object)
	if state != Ready {
		return
	}
	var parts []string
	for _, values := range result.Values {
		for _, v := range values {
			parts = append(parts, string(v.Data))
		}
	}
	for _, f := range result.Failures {
		parts = append(parts, fmt.Sprintf("%s: %s", f.Source.Key, f.Err.(*backend.Error).Kind)) //nolint:errcheck,errorlint // it is always one
	}
	if result.TooLarge {
		parts = []string{"too much"}
	}
	slices.Sort(parts)
	w.guard.Lock()
	defer w.guard.Unlock()
	w.got[object.Name] = append(w.got[object.Name], strings.Join(parts, " "))
}

// named is an object of namespace ns, or of the one that the name begins with: hog/object.
func named(name string) plan.ID {
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		return plan.ID{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
	}
	return plan.ID{NamespacedName: types.NamespacedName{Namespace: "ns", Name: name}}
}

// reads is a plan of an object that reads keys as a role.
func reads(object, role string, keys ...string) *plan.Plan {
	store := plan.Store{Backend: backends.AWSSecretsManager, Role: role}
	p := &plan.Plan{Object: named(object), UID: types.UID(object)}
	for _, key := range keys {
		p.Entries = append(p.Entries, plan.Entry{Source: plan.Source{Store: store, Read: plan.Read{Key: key}}})
	}
	return p
}

// Subscribe is the engine's, and all that follows from it at once: what comes afterwards comes later.
func (w *world) Subscribe(p *plan.Plan, interval time.Duration, overdue bool) {
	w.step()
	w.Engine.Subscribe(p, interval, overdue)
	synctest.Wait()
}

// Request is the engine's, and all that follows from it at once.
func (w *world) Request(object plan.ID, priority Priority, fresh bool) {
	w.step()
	w.Engine.Request(object, priority, fresh)
	synctest.Wait()
}

// Unsubscribe is the engine's, and all that follows from it at once.
func (w *world) Unsubscribe(object plan.ID) {
	w.step()
	w.Engine.Unsubscribe(object)
	synctest.Wait()
}

// step has the goroutines of the engine see what the test has set since the last step.
func (w *world) step() {
	w.notes.Lock()
	defer w.notes.Unlock()
	w.guard.Lock()
	defer w.guard.Unlock()
	w.steps++
}

// add subscribes an object and asks for its sources, as the controller does with a new one.
func (w *world) add(object, role string, interval time.Duration, keys ...string) {
	w.Subscribe(reads(object, role, keys...), interval, false)
	w.Request(named(object), Foreground, false)
}

// pass lets time go by, and everything that is to happen in it.
func (w *world) pass(d time.Duration) {
	w.step()
	<-time.After(d) // in fake time
	synctest.Wait()
}

// count is how many calls there were since the last time.
func (w *world) count() int {
	w.guard.Lock()
	defer w.guard.Unlock()
	n := len(w.received)
	w.received = nil
	return n
}

// batches is how many of the calls since the last time were for more than one key.
func (w *world) batches() (n int) {
	w.guard.Lock()
	defer w.guard.Unlock()
	for _, call := range w.received {
		if strings.Contains(call.Keys, " ") {
			n++
		}
	}
	w.received = nil
	return n
}

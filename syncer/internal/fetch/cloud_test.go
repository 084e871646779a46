package fetch

import (
	"cmp"
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

// latency of each of the cloud's calls.
const latency = 20 * time.Millisecond

// timeout of a call that is not answered.
const timeout = 10 * time.Second

// apiCall is one that the cloud received: its keys, the caller's role and when it began.
type apiCall struct {
	Keys string // space-separated
	Role string
	At   time.Duration
}

// cloud is a backend in fake time. Keys that begin with v are read one at a time.
type cloud struct {
	guard    sync.Mutex
	start    time.Time
	values   map[string]string        // by key; a key without one holds its own name
	kinds    map[string]driver.Kind   // of the errors that keys, roles, or all ("*") answer with
	after    map[string]time.Duration // Retry-After of those errors
	spoil    map[string]bool          // keys that make a whole batch fail
	refused  driver.Kind              // what batches answer; Unknown: nothing of the kind
	forgets  map[string]bool          // keys that a batch's answer does not mention
	absent   map[string]bool          // keys that have no value, which is no failure
	hang     string                   // roles that begin so are not answered for timeout; empty: all are
	received []apiCall
	forgot   []string // roles of the Stores that no object reads any more, in order
	most     int      // calls at a time
	now      int
}

func (c *cloud) BatchSize(s plan.Source) int {
	if strings.HasPrefix(s.Key, "v") {
		return 1
	}
	return 20
}

func (c *cloud) Forget(store plan.Store) {
	c.guard.Lock()
	defer c.guard.Unlock()
	c.forgot = append(c.forgot, store.Role)
}

func (c *cloud) begin(store plan.Store, keys ...string) {
	c.guard.Lock()
	defer c.guard.Unlock()
	c.received = append(c.received, apiCall{Keys: strings.Join(keys, " "), Role: store.Role, At: time.Since(c.start)})
	c.now++
	c.most = max(c.most, c.now)
}

func (c *cloud) wait(ctx context.Context, store plan.Store) error {
	hangs := c.hang != "" && strings.HasPrefix(store.Role, c.hang)
	takes := latency
	if hangs {
		takes = timeout
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	c.guard.Lock()
	defer c.guard.Unlock()
	c.now--
	if hangs {
		return &backend.Error{Kind: driver.Unavailable, Source: plan.Source{Store: store}}
	}
	return ctx.Err()
}

func (c *cloud) fails(store plan.Store, key string) error {
	for _, name := range []string{"*", store.Role, key} {
		if kind, ok := c.kinds[name]; ok {
			return &backend.Error{Kind: kind, Source: plan.Source{Store: store, Read: plan.Read{Key: key}}, Message: "of " + name, RetryAfter: c.after[name]}
		}
	}
	return nil
}

func (c *cloud) value(store plan.Store, key string) driver.Value {
	text := cmp.Or(c.values[key], key)
	return driver.Value{Data: []byte(store.Role + text), Version: text}
}

func (c *cloud) Get(ctx context.Context, s plan.Source) ([]driver.Value, error) {
	c.begin(s.Store, s.Key)
	if err := c.wait(ctx, s.Store); err != nil {
		return nil, err
	}
	c.guard.Lock()
	defer c.guard.Unlock()
	if err := c.fails(s.Store, s.Key); err != nil {
		return nil, err
	}
	if c.absent[s.Key] {
		return nil, nil
	}
	return []driver.Value{c.value(s.Store, s.Key)}, nil
}

func (c *cloud) GetBatch(ctx context.Context, store plan.Store, reads []plan.Read) ([]backend.Outcome, error) {
	keys := make([]string, len(reads))
	for i, read := range reads {
		keys[i] = read.Key
	}
	c.begin(store, keys...)
	if err := c.wait(ctx, store); err != nil {
		return nil, err
	}
	c.guard.Lock()
	defer c.guard.Unlock()
	if err := c.fails(store, ""); err != nil {
		return nil, err
	}
	if c.refused != driver.Unknown {
		return nil, &backend.Error{Kind: c.refused, Source: plan.Source{Store: store}}
	}
	outcomes := make([]backend.Outcome, len(keys))
	for i, key := range keys {
		switch {
		case c.spoil[key]:
			return nil, &backend.Error{Kind: cmp.Or(c.kinds[key], driver.Invalid), Source: plan.Source{Store: store}}
		case c.forgets[key]:
			outcomes[i].Err = driver.ErrNotAnswered
		case c.fails(store, key) != nil:
			outcomes[i].Err = c.fails(store, key)
		case c.absent[key]:
			outcomes[i].Absent = true
		default:
			outcomes[i].Value = c.value(store, key)
		}
	}
	return outcomes, nil
}

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

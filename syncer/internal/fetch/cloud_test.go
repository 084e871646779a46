package fetch

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

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

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// DefaultTimeout is how long it may take to obtain a session where Cache.Timeout is not set.
	DefaultTimeout = 10 * time.Second
	// DefaultMax is how many sessions are kept where Cache.Max is not set.
	DefaultMax = 4096
	// GracePeriod fits backends that may refuse each new session for a while, because our clock is off or a replica lags behind.
	GracePeriod = 10 * time.Second
)

// errPanicked omits the value of the panic, which may quote a credential.
var errPanicked = errors.New("obtaining a session panicked")

// Cache keeps the sessions of identities K. Its fields may not be changed after the first call.
type Cache[K comparable, V any] struct {
	// Obtain opens a session, or renews old, which is zero where the identity has none or the backend refused it; old may have
	// expired. It is called once for all callers that wait, with a context that does not end when one of them gives up.
	Obtain func(ctx context.Context, key K, old Session[V]) (Session[V], error)
	// Timeout of Obtain; 0 means DefaultTimeout. A renewal gets half of it: a caller that waits for it has a valid session, and needs
	// time to read with it.
	Timeout time.Duration
	// GracePeriod is how long a session that replaces a refused one is kept even if the backend refuses it, too: otherwise each call
	// would obtain another. 0: not at all.
	GracePeriod time.Duration
	// Max is how many sessions are kept, since objects may name any number of identities; 0 means DefaultMax. Beyond it the least
	// recently used one is dropped.
	Max int
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	flights singleflight.Group

	mu        sync.Mutex
	held      map[K]*held[V]
	obtaining map[K]*flight
}

// flight is a session that is being obtained.
type flight struct{ forgotten bool }

// Get returns the identity's credential, and obtains it first if there is none. Where a renewal fails, it returns the old one until
// that expires.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	s, err := c.Session(ctx, key)
	return s.Value, err
}

// Session is like Get, and returns when the session expires as well.
func (c *Cache[K, V]) Session(ctx context.Context, key K) (Session[V], error) {
	h, err := c.get(ctx, key)
	if err != nil {
		return Session[V]{}, err
	}
	return h.Session, nil
}

// Do makes a call with the identity's session. Where the call reports that the backend refused the session, it drops the session and
// makes the call once more with a new one.
func (c *Cache[K, V]) Do(ctx context.Context, key K, call func(V) (refused bool, err error)) error {
	for again := false; ; again = true {
		h, err := c.get(ctx, key)
		if err != nil {
			return err
		}
		refused, err := call(h.Value)
		if !refused || !c.drop(key, h) || again {
			return err
		}
	}
}

// Drop drops the sessions that the backend refused.
func (c *Cache[K, V]) Drop(refused func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, h := range c.held {
		if !h.refused && refused(h.Value) {
			c.replace(key, h)
		}
	}
}

// Forget drops an identity's session. One that is being obtained serves the callers that wait for it, and is not kept.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, key)
	if f := c.obtaining[key]; f != nil {
		f.forgotten = true
	}
}

func (c *Cache[K, V]) get(ctx context.Context, key K) (*held[V], error) {
	if h, next := c.lookup(key); next == use {
		return h, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what is obtained would be for a caller who has given up
	}
	done := c.flights.DoChan(fmt.Sprintf("%#v", key), func() (any, error) {
		return c.obtain(context.WithoutCancel(ctx), key)
	})
	select {
	case result := <-done:
		h, _ := result.Val.(*held[V])
		return h, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Cache[K, V]) obtain(ctx context.Context, key K) (*held[V], error) {
	old, next := c.lookup(key)
	limit := cmp.Or(c.Timeout, DefaultTimeout)
	switch next {
	case use: // another flight has ended just before this one began
		return old, nil
	case renew:
		limit /= 2
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer c.startFlight(key)()
	s, err := c.callObtain(limited, key, old.Session)
	switch {
	case err == nil:
		return c.store(key, s), nil
	case c.stillWorks(key, old):
		return old, nil
	}
	return nil, err
}

// startFlight records a flight, the only one of its key. The caller has to end it.
func (c *Cache[K, V]) startFlight(key K) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.obtaining == nil {
		c.obtaining = map[K]*flight{}
	}
	c.obtaining[key] = &flight{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.obtaining, key)
	}
}

// callObtain calls Obtain, and turns a panic into an error: singleflight would end the process.
func (c *Cache[K, V]) callObtain(ctx context.Context, key K, old Session[V]) (s Session[V], err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return c.Obtain(ctx, key, old)
}

// lookup returns the identity's entry, never nil, and what to do with it.
func (c *Cache[K, V]) lookup(key K) (*held[V], step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.held[key]
	if !ok {
		return &held[V]{}, obtain
	}
	h.lastUsed = c.now()
	next := h.next(h.lastUsed)
	return h, next
}

// stillWorks reports, after a renewal that failed, whether the old session can be used. It may have been dropped meanwhile.
func (c *Cache[K, V]) stillWorks(key K, old *held[V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.held[key] != old || old.next(now) == obtain {
		return false
	}
	old.postpone(now)
	return true
}

// store keeps the session that a flight obtained.
func (c *Cache[K, V]) store(key K, s Session[V]) *held[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	h := &held[V]{Session: s, since: now, lastUsed: now}
	if c.obtaining[key].forgotten {
		return h
	}
	if old, ok := c.held[key]; ok {
		h.replaces = old.refused
	} else {
		c.evict(now)
	}
	c.held[key] = h
	return h
}

// evict drops expired sessions, and if that is not enough, the least recently used one.
func (c *Cache[K, V]) evict(now time.Time) {
	if c.held == nil {
		c.held = map[K]*held[V]{}
	}
	var idle K
	for key, h := range c.held {
		if h.next(now) == obtain {
			delete(c.held, key)
		} else if first, ok := c.held[idle]; !ok || h.lastUsed.Before(first.lastUsed) {
			idle = key
		}
	}
	if len(c.held) >= cmp.Or(c.Max, DefaultMax) {
		delete(c.held, idle)
	}
}

// drop drops a refused session, and reports whether a call with another one makes sense. Many callers find out at the same time, and
// the later ones must not drop the next session.
func (c *Cache[K, V]) drop(key K, refused *held[V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[key] != refused || c.replace(key, refused)
}

func (c *Cache[K, V]) replace(key K, h *held[V]) bool {
	if h.inGracePeriod(c.now(), c.GracePeriod) {
		return false
	}
	c.held[key] = &held[V]{refused: true}
	return true
}

func (c *Cache[K, V]) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

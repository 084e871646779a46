package shard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

// debounce is how long a change of the ring waits for further ones: the replicas of a Deployment start and stop together.
const debounce = 500 * time.Millisecond

// Membership makes this process a member of its ring while Run runs, and knows its share.
type Membership struct {
	Leases    coordination.LeaseInterface // of Namespace
	Namespace string                      // for messages
	Ring      string                      // see RingName
	Replica   string                      // see ReplicaName
	Log       *slog.Logger
	Metrics   *Metrics

	broadcast broadcast

	mu        sync.Mutex
	state     membershipState // all but live and seen, which the view has
	leases    lease.View
	renewErr  error // why the Lease was not renewed; nil: it was
	watchErr  error // why the others' may not be seen; nil: they may
	published status
	wake      chan struct{} // the state or the view of the Leases has changed
}

// View waits until this replica's share is known.
func (m *Membership) View(ctx context.Context) (View, error) { return m.broadcast.await(ctx) }

// Owns reports whether an object is this replica's at the moment.
func (m *Membership) Owns(uid types.UID) bool {
	view, published := m.broadcast.latest()
	return published && view.Share.Owns(uid)
}

// Ready fails while the replica serves nothing because of its Lease.
func (m *Membership) Ready(*http.Request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	failure := cmp.Or(m.renewErr, m.watchErr, errors.New("no answer yet"))
	switch m.published.phase {
	case unknown:
		return fmt.Errorf("which objects are this replica's is not known yet: %w", failure)
	case suspended:
		return fmt.Errorf("this replica serves nothing, since it cannot renew its Lease: %w", failure)
	default:
		return nil
	}
}

// Run renews the Lease until ctx ends, and deletes it then, so that the others take over at once.
func (m *Membership) Run(ctx context.Context) error {
	own := newLease(m.Leases, m.Ring, m.Replica)
	m.mu.Lock()
	m.wake = make(chan struct{}, 1)
	m.state.self, m.leases.Own = own.name, own.name
	m.mu.Unlock()
	var running sync.WaitGroup
	running.Go(func() { m.renewLoop(ctx, own) })
	running.Go(func() { m.watch(ctx) })
	running.Go(func() { m.publishLoop(ctx) })
	running.Wait()
	if err := own.release(context.WithoutCancel(ctx)); err != nil {
		m.Log.Warn("Cannot delete this replica's Lease; other replicas take over when it expires", "lease", own.name, "error", err)
	}
	return nil
}

// update changes the state or the view of the Leases, and wakes publishLoop.
func (m *Membership) update(change func(now time.Time)) {
	m.mu.Lock()
	change(time.Now())
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // it is woken already
	}
}

// publishLoop publishes the replica's status whenever it changes, until ctx ends.
func (m *Membership) publishLoop(ctx context.Context) {
	for ctx.Err() == nil {
		s, next := m.evaluate()
		if first := m.published.phase == unknown; !first && !s.equal(m.published) {
			pause(ctx, debounce)
			s, next = m.evaluate()
		}
		if ctx.Err() == nil && s.phase != unknown && !s.equal(m.published) {
			m.publish(s)
		}
		var deadline <-chan time.Time
		if !next.IsZero() {
			deadline = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-deadline:
		}
	}
}

// evaluate derives the present status, and when time alone may change it.
func (m *Membership) evaluate() (status, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, state := time.Now(), m.state
	state.seen, state.live = m.leases.Current(), m.leases.Live(now)
	next := state.nextDeadline(now)
	if expiry := m.leases.NextExpiry(now); next.IsZero() || !expiry.IsZero() && expiry.Before(next) {
		next = expiry
	}
	return state.evaluate(now), next
}

// publish makes a status the current one. The share is broadcast only where it differs.
func (m *Membership) publish(s status) {
	share := s.share(m.state.self)
	m.mu.Lock()
	before := m.published
	m.published = s
	failure := cmp.Or(m.renewErr, m.watchErr)
	m.mu.Unlock()
	m.Metrics.ring(s, share)
	if view, published := m.broadcast.latest(); !published || view.Share != share {
		m.broadcast.publish(share)
	}
	percent := fmt.Sprintf("%.0f %%", 100*share.Ratio())
	switch s.phase {
	case alone:
		m.Log.Warn("Cannot create a Lease; this replica serves all objects, like every other replica", "error", failure,
			"remedy", "let its ServiceAccount get, list, watch, create, update and delete leases.coordination.k8s.io in namespace "+
				m.Namespace+", or name another namespace with --lease-namespace")
	case suspended:
		m.Log.Error("Cannot renew this replica's Lease; it serves nothing until it can", "error", failure)
	default:
		m.Log.Info("The ring changed", "replicas", len(s.members), "members", s.members, "own", percent, "before", len(before.members))
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

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
)

// settle is how long a change of the ring waits for others that come with it: the replicas of a
// Deployment start and stop together.
const settle = 500 * time.Millisecond

// Membership makes this process a member of its ring while Run runs, and knows its share.
type Membership struct {
	Leases    coordination.LeaseInterface // of Namespace
	Namespace string                      // for messages
	Ring      string                      // see RingName
	Replica   string                      // see ReplicaName
	Log       *slog.Logger
	Metrics   *Metrics

	board board

	mu       sync.Mutex
	standing standing // all but live and seen, which are the ledger's
	ledger   ledger
	unheld   error // why the Lease was not renewed; nil: it was
	unseen   error // why the others' may not be seen; nil: they may
	shown    verdict
	wake     chan struct{} // what is known has changed
}

// View waits until it is known what this replica owns.
func (m *Membership) View(ctx context.Context) (View, error) { return m.board.await(ctx) }

// Owns reports whether an object is this replica's at the moment.
func (m *Membership) Owns(uid types.UID) bool {
	view, shown := m.board.look()
	return shown && view.Share.Owns(uid)
}

// Ready fails while the replica serves nothing because of its Lease.
func (m *Membership) Ready(*http.Request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	failure := cmp.Or(m.unheld, m.unseen, errors.New("no answer yet"))
	switch m.shown.state {
	case unknown:
		return fmt.Errorf("which objects are this replica's is not known yet: %w", failure)
	case suspended:
		return fmt.Errorf("this replica serves nothing, since it cannot renew its Lease: %w", failure)
	default:
		return nil
	}
}

// Run keeps the Lease until ctx ends, and deletes it then, so that the others take over at once.
func (m *Membership) Run(ctx context.Context) error {
	own := newLease(m.Leases, m.Ring, m.Replica)
	m.mu.Lock()
	m.wake = make(chan struct{}, 1)
	m.standing.self, m.ledger.self = own.name, own.name
	m.mu.Unlock()
	var running sync.WaitGroup
	running.Go(func() { m.hold(ctx, own) })
	running.Go(func() { m.watch(ctx) })
	running.Go(func() { m.publish(ctx) })
	running.Wait()
	if err := own.release(context.WithoutCancel(ctx)); err != nil {
		m.Log.Warn("this replica's Lease could not be deleted: the others take over when it ends", "lease", own.name, "error", err)
	}
	return nil
}

// update changes what is known.
func (m *Membership) update(change func(now time.Time)) {
	m.mu.Lock()
	change(time.Now())
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // it is going to be looked at already
	}
}

// publish shows the share that follows from what is known, whenever that changes.
func (m *Membership) publish(ctx context.Context) {
	for ctx.Err() == nil {
		v, next := m.judge()
		if first := m.shown.state == unknown; !first && !v.equal(m.shown) {
			pause(ctx, settle)
			v, next = m.judge()
		}
		if ctx.Err() == nil && v.state != unknown && !v.equal(m.shown) {
			m.show(v)
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

// judge says what is so now, and when time alone may change it.
func (m *Membership) judge() (verdict, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, s := time.Now(), m.standing
	s.seen, s.live = m.ledger.current, m.ledger.live(now)
	next := s.nextDeadline(now)
	if death := m.ledger.nextDeath(now); next.IsZero() || !death.IsZero() && death.Before(next) {
		next = death
	}
	return s.judge(now), next
}

// show makes a verdict the one that counts. Informers hear of it only where the share differs.
func (m *Membership) show(v verdict) {
	share := v.share(m.standing.self)
	m.mu.Lock()
	before := m.shown
	m.shown = v
	failure := cmp.Or(m.unheld, m.unseen)
	m.mu.Unlock()
	m.Metrics.ring(v, share)
	if view, shown := m.board.look(); !shown || view.Share != share {
		m.board.show(share)
	}
	percent := fmt.Sprintf("%.0f %%", 100*share.Ratio())
	switch v.state {
	case alone:
		m.Log.Warn("this replica runs alone and serves all objects, as every other does: it can have no Lease", "error", failure,
			"remedy", "let its ServiceAccount get, list, watch, create, update and delete leases.coordination.k8s.io in namespace "+
				m.Namespace+", or name another namespace with --lease-namespace")
	case suspended:
		m.Log.Error("this replica serves nothing until it can renew its Lease", "error", failure)
	default:
		m.Log.Info("the ring changed", "replicas", len(v.members), "members", v.members, "own", percent, "before", len(before.members))
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

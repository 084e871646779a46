package membership

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
)

// Membership makes this process a member of its ring while Run runs.
type Membership struct {
	Leases    coordination.LeaseInterface // of Namespace
	Namespace string                      // for messages
	Ring      string                      // see RingName
	Replica   string                      // see ReplicaName
	Own       func(ring.Share)            // is called with what the process owns: when that is known, and when it changes
	Log       *slog.Logger
	Metrics   *Metrics

	notReady atomic.Pointer[error] // of the loop's state
}

// Ready fails while the replica serves nothing because of its Lease.
func (m *Membership) Ready(*http.Request) error {
	if reason := m.notReady.Load(); reason != nil {
		return *reason
	}
	return newState("").readiness()
}

// Run renews the Lease until ctx ends. Then the process owns nothing any more, and its Lease is deleted, so that the others take
// over at once.
func (m *Membership) Run(ctx context.Context) error {
	own := newOwnLease(m.Leases, m.Ring, m.Replica)
	l := &loop{Membership: m, own: own, state: newState(own.name), learned: make(chan func(*state, time.Time))}
	for ctx.Err() == nil {
		l.next(ctx)
	}
	if l.state.owned != (ring.Share{}) {
		m.Own(ring.Share{})
	}
	l.requests.Wait()
	if err := own.release(context.WithoutCancel(ctx)); err != nil {
		m.Log.Warn("Cannot delete this replica's Lease; other replicas take over when it expires", "lease", own.name, "error", err)
	}
	return nil
}

// loop is a running Membership.
type loop struct {
	*Membership
	own      *ownLease
	state    *state
	learned  chan func(*state, time.Time) // what requests learn, as a change of the state
	requests sync.WaitGroup

	reportedDuplicate bool
}

// post hands over what a request learned.
func (l *loop) post(ctx context.Context, change func(*state, time.Time)) {
	select {
	case <-ctx.Done():
	case l.learned <- change:
	}
}

// next does the next step.
func (l *loop) next(ctx context.Context) {
	now := time.Now()
	step, before := l.state.decide(now), *l.state
	l.state.take(step, now)
	switch step {
	case renew:
		orphaned := l.state.leases.Orphaned(now)
		l.requests.Go(func() { l.renew(ctx, now, orphaned) })
	case follow:
		l.requests.Go(func() {
			err := l.follow(ctx)
			l.post(ctx, func(s *state, now time.Time) { s.watch.ended(err, now) })
		})
	case release:
		if l.state.owned != before.owned {
			l.publish()
		}
	case acquire:
		l.publish()
		l.report(before.serving)
	case stay:
		l.wait(ctx, now)
	}
	reason := l.state.readiness()
	l.notReady.Store(&reason)
}

// wait waits until something is learned, or until time alone calls for a step.
func (l *loop) wait(ctx context.Context, now time.Time) {
	var deadline <-chan time.Time
	if wake := l.state.wake(now); !wake.IsZero() {
		timer := time.NewTimer(wake.Sub(now))
		defer timer.Stop()
		deadline = timer.C
	}
	select {
	case <-ctx.Done():
	case <-deadline:
	case change := <-l.learned:
		change(l.state, time.Now())
	}
}

// renew renews the own Lease once, and then deletes those of replicas that are long dead. All replicas may try.
func (l *loop) renew(ctx context.Context, now time.Time, orphaned []lease.Observed) {
	r := l.own.renew(ctx, now)
	l.post(ctx, func(s *state, now time.Time) {
		l.reportRenewal(r)
		s.renewed(r, now)
	})
	if r.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout) // for all
	defer cancel()
	for _, o := range orphaned {
		if err := l.Leases.Delete(ctx, o.Name, exactly(o.UID, o.ResourceVersion)); err == nil {
			l.Log.Info("Deleted the Lease of a dead replica", "lease", o.Name)
		}
	}
}

// publish says what the process owns.
func (l *loop) publish() {
	l.Metrics.owned.Set(l.state.owned.Ratio())
	l.Own(l.state.owned)
}

// report logs and counts a status that was acquired.
func (l *loop) report(before status) {
	s := l.state
	l.Metrics.ring(s.serving)
	failure := cmp.Or(s.renewal.err, s.watch.err)
	switch s.serving.phase {
	case alone:
		l.Log.Warn("Cannot create a Lease; this replica serves all objects, like every other replica", "error", failure,
			"remedy", "let its ServiceAccount get, list, watch, create, update and delete leases.coordination.k8s.io in namespace "+
				l.Namespace+", or name another namespace with --lease-namespace")
	case suspended:
		l.Log.Error("Cannot renew this replica's Lease; it serves nothing until it can", "error", failure)
	default:
		percent := fmt.Sprintf("%.0f %%", 100*s.owned.Ratio())
		l.Log.Info("The ring changed", "replicas", len(s.serving.members), "members", s.serving.members, "own", percent,
			"before", len(before.members))
	}
}

// reportRenewal logs and counts what is new of a renewal's result. The effect of a refusal is logged when it occurs.
func (l *loop) reportRenewal(r renewal) {
	if r.err != nil {
		l.Metrics.renewFailures.Inc()
		if l.state.renewal.err == nil && !refused(r.err) {
			l.Log.Warn("Cannot renew this replica's Lease; it is tried again", "lease", l.own.name, "error", r.err)
		}
	}
	if r.duplicate != "" && !l.reportedDuplicate {
		l.reportedDuplicate = true
		l.Log.Error("Another process renews this replica's Lease, so that both serve the same objects",
			"lease", l.own.name, "other", r.duplicate, "remedy", "give each its own --replica-name")
	}
}

package shard

import (
	"context"
	"time"
)

const (
	// retryEvery is the pause after a call that failed.
	retryEvery = time.Second
	// refusedEvery is the pause while calls are refused: something in the cluster has to change first.
	refusedEvery = leaseDuration
)

// hold renews the replica's own Lease until ctx ends.
func (m *Membership) hold(ctx context.Context, own *lease) {
	var last time.Time // that it succeeded
	failing := false
	for ctx.Err() == nil {
		start := time.Now()
		err := own.renew(ctx, start)
		if ctx.Err() != nil {
			return
		}
		m.update(func(time.Time) { m.held(start, err) })
		if err == nil {
			last, failing = start, false
			m.bury(ctx)
			m.reportRival(own)
			pause(ctx, renewEvery-time.Since(start))
			continue
		}
		m.Metrics.renewFailures.Inc()
		if !failing && !refused(err) { // what a refusal leads to is said where it leads there
			m.Log.Warn("this replica's Lease was not renewed; it is tried again", "lease", own.name, "error", err)
		}
		failing = true
		pause(ctx, patience(err, last))
	}
}

// patience is the pause after a call that failed; last is when one succeeded. A refusal may pass, so it
// is not believed before it has consequences.
func patience(err error, last time.Time) time.Duration {
	if refused(err) && time.Since(last) > suspendAfter {
		return refusedEvery
	}
	return retryEvery
}

// held remembers how a renewal went. A refusal stands until one succeeds.
func (m *Membership) held(start time.Time, err error) {
	m.unheld = err
	if err == nil {
		m.standing.renewed, m.standing.refused = start, false
	}
	m.standing.refused = m.standing.refused || refused(err)
}

// reportRival says, once, that two processes go by one name.
func (m *Membership) reportRival(own *lease) {
	if own.rival != "" && !own.reported {
		own.reported = true
		m.Log.Error("another process renews this replica's Lease, so that both serve the same objects: give each its own --replica-name",
			"lease", own.name, "other", own.rival)
	}
}

// bury deletes the Leases of replicas that are long dead. All replicas may try.
func (m *Membership) bury(ctx context.Context) {
	m.mu.Lock()
	buried := m.ledger.buried(time.Now())
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout) // for all: the own Lease must not wait
	defer cancel()
	for name, s := range buried {
		if err := m.Leases.Delete(ctx, name, exactly(s.uid, s.resourceVersion)); err == nil {
			m.Log.Info("the Lease of a dead replica was deleted", "lease", name)
		}
	}
}

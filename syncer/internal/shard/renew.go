package shard

import (
	"context"
	"time"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

const (
	// retryEvery is the pause after a call that failed.
	retryEvery = time.Second
	// refusedEvery is the pause while calls are refused: something in the cluster has to change first.
	refusedEvery = lease.Duration
)

// renewLoop renews the replica's own Lease until ctx ends.
func (m *Membership) renewLoop(ctx context.Context, own *ownLease) {
	var last time.Time // that it succeeded
	failing := false
	for ctx.Err() == nil {
		start := time.Now()
		err := own.renew(ctx, start)
		if ctx.Err() != nil {
			return
		}
		m.update(func(time.Time) { m.recordRenewal(start, err) })
		if err == nil {
			last, failing = start, false
			m.deleteOrphaned(ctx)
			m.reportDuplicateHolder(own)
			pause(ctx, lease.RenewEvery-time.Since(start))
			continue
		}
		m.Metrics.renewFailures.Inc()
		if !failing && !refused(err) { // the effect of a refusal is logged when it occurs
			m.Log.Warn("Cannot renew this replica's Lease; it is tried again", "lease", own.name, "error", err)
		}
		failing = true
		pause(ctx, retryDelay(err, last))
	}
}

// retryDelay is the pause after a call that failed; last is when one succeeded. A refusal may pass, so the
// pause is short until the refusal takes effect.
func retryDelay(err error, last time.Time) time.Duration {
	if refused(err) && time.Since(last) > suspendAfter {
		return refusedEvery
	}
	return retryEvery
}

// recordRenewal records the result of a renewal. A refusal remains recorded until one succeeds.
func (m *Membership) recordRenewal(start time.Time, err error) {
	m.renewErr = err
	if err == nil {
		m.state.renewed, m.state.refused = start, false
	}
	m.state.refused = m.state.refused || refused(err)
}

// reportDuplicateHolder logs, once, that two processes renew one Lease.
func (m *Membership) reportDuplicateHolder(own *ownLease) {
	if own.duplicateHolder != "" && !own.reported {
		own.reported = true
		m.Log.Error("Another process renews this replica's Lease, so that both serve the same objects",
			"lease", own.name, "other", own.duplicateHolder, "remedy", "give each its own --replica-name")
	}
}

// deleteOrphaned deletes the Leases of replicas that are long dead. All replicas may try.
func (m *Membership) deleteOrphaned(ctx context.Context) {
	m.mu.Lock()
	orphaned := m.leases.Orphaned(time.Now())
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout) // for all: the own Lease must not wait
	defer cancel()
	for _, o := range orphaned {
		if err := m.Leases.Delete(ctx, o.Name, exactly(o.UID, o.ResourceVersion)); err == nil {
			m.Log.Info("Deleted the Lease of a dead replica", "lease", o.Name)
		}
	}
}

package shard

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

// watch updates the view of the Leases until ctx ends. What fails here fails for the replica's own Lease, too, and is
// reported there; only a refusal may concern the one and not the other.
func (m *Membership) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := m.follow(ctx)
		var last time.Time
		m.update(func(time.Time) {
			if refused(err) {
				m.state.hidden, m.watchErr = true, err
			}
			last = m.leases.Current()
		})
		pause(ctx, retryDelay(err, last))
	}
}

// follow lists the ring's Leases and watches them until that ends, or shows nothing any more.
func (m *Membership) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A connection may hang for minutes unnoticed, but our own renewals must show.
	watchdog := time.AfterFunc(lease.StaleAfter, cancel)
	defer watchdog.Stop()
	options := metav1.ListOptions{LabelSelector: LabelRing + "=" + m.Ring}
	list, err := m.Leases.List(ctx, options)
	if err != nil {
		return err
	}
	m.update(func(now time.Time) {
		m.state.hidden, m.watchErr = false, nil
		m.leases.Replace(list.Items, now)
	})
	options.ResourceVersion = list.ResourceVersion
	events, err := m.Leases.Watch(ctx, options)
	if err != nil {
		return err
	}
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, ok := <-events.ResultChan():
			if !ok {
				return nil
			}
			if event.Type == watch.Error {
				return apierrors.FromObject(event.Object)
			}
			if changed, ok := event.Object.(*coordinationv1.Lease); ok {
				m.handleEvent(event.Type, changed)
				if changed.Name == m.state.self {
					watchdog.Reset(lease.StaleAfter)
				}
			}
		}
	}
}

// handleEvent passes an event to the view of the Leases.
func (m *Membership) handleEvent(kind watch.EventType, changed *coordinationv1.Lease) {
	m.update(func(now time.Time) {
		switch kind {
		case watch.Added, watch.Modified:
			m.leases.Observe(changed, now)
		case watch.Deleted:
			m.leases.Remove(changed.Name)
		}
	})
}

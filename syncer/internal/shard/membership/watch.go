package membership

import (
	"cmp"
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/secretgate/secretgate/syncer/internal/shard/lease"
)

var errNoRenewal = fmt.Errorf("the Leases of the ring showed no renewal of this replica's own for %s", lease.StaleAfter)

// follow lists the ring's Leases and watches them until that ends, or shows nothing any more. (A reflector of client-go takes longer than a
// Lease lasts to notice that its connection hangs, and to try again.)
func (l *loop) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A connection may hang for minutes unnoticed, but our own renewals must show.
	watchdog := time.AfterFunc(lease.StaleAfter, func() { cancel(errNoRenewal) })
	defer watchdog.Stop()
	events, err := l.listAndWatch(ctx)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer events.Stop()
	for event := range events.ResultChan() { // it is closed when ctx ends
		if event.Type == watch.Error {
			return cmp.Or(context.Cause(ctx), apierrors.FromObject(event.Object))
		}
		if changed, ok := event.Object.(*coordinationv1.Lease); ok {
			l.post(ctx, func(s *state, now time.Time) { s.changed(event.Type, changed, now) })
			if changed.Name == l.own.name {
				watchdog.Reset(lease.StaleAfter)
			}
		}
	}
	return context.Cause(ctx)
}

// listAndWatch lists the Leases, hands them over, and begins to watch them from there.
func (l *loop) listAndWatch(ctx context.Context) (watch.Interface, error) {
	options := metav1.ListOptions{LabelSelector: LabelRing + "=" + l.Ring}
	list, err := l.Leases.List(ctx, options)
	if err != nil {
		return nil, err
	}
	l.post(ctx, func(s *state, now time.Time) { s.listed(list.Items, now) })
	options.ResourceVersion = list.ResourceVersion
	return l.Leases.Watch(ctx, options)
}

package controller

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Retry has the objects that are not in sync attempted again now, however long their back-off: what they need may have come. It does not
// block, and may be called before the controller runs.
func (r *Reconciler) Retry() { r.retries.send() }

// retryFailed enqueues the objects that are not in sync. Those without a status yet are among them: their attempt may be under way.
func (r *Reconciler) retryFailed(ctx context.Context, q queue) {
	list := r.Kind.NewList()
	if err := r.Client.List(ctx, list); err != nil {
		log.FromContext(ctx).Error(err, "Cannot list the objects to attempt again", "kind", r.Kind.Type().Kind)
		return
	}
	_ = meta.EachListItem(list, func(item runtime.Object) error { // a typed list has items
		object, ok := item.(Object)
		if !ok || r.record(object).Ready == metav1.ConditionTrue {
			return nil
		}
		name := client.ObjectKeyFromObject(object)
		r.states.retryNow(name)
		q.Add(reconcile.Request{NamespacedName: name})
		return nil
	})
}

// signal says that something has happened, once for all times since it was last received. The zero value is ready to use.
type signal struct {
	once    sync.Once
	channel chan event.GenericEvent
}

func (s *signal) events() chan event.GenericEvent {
	s.once.Do(func() { s.channel = make(chan event.GenericEvent, 1) })
	return s.channel
}

func (s *signal) send() {
	select {
	case s.events() <- event.GenericEvent{}:
	default:
	}
}

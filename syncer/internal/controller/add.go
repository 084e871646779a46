package controller

import (
	"cmp"
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// reconcileTimeout ends an attempt that the API server does not answer.
const reconcileTimeout = 2 * time.Minute

// Add makes the manager call the Reconciler: for objects whose spec, force-sync annotation or
// controller changes, for the objects of a namespace whose annotations change, and for objects whose
// Secret another client changes.
func (r *Reconciler) Add(mgr ctrl.Manager) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named(r.Settings.Name).
		Watches(r.Kind.New(), r.changed()).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.objectsOf),
			builder.WithPredicates(annotationsChanged())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Settings.Workers,
			ReconciliationTimeout:   reconcileTimeout,
			// controller-runtime's own priority queue has been reported to stall at a few thousand objects.
			UsePriorityQueue: new(false),
			NewQueue: func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) queue {
				r.queue = r.storage.newQueue(name, limiter, r.Settings.Workers)
				return r.queue
			},
		})
	for _, store := range r.Stores {
		if unwatched(store) {
			continue
		}
		b = b.Watches(store.New(), handler.EnqueueRequestsFromMapFunc(r.dependants(store.Type())), builder.WithPredicates(specChanged()))
	}
	if r.Opener != nil {
		b = b.WatchesRawSource(source.Channel(r.retries.events(), handler.Funcs{
			GenericFunc: func(ctx context.Context, _ event.GenericEvent, q queue) { r.retryFailed(ctx, q) },
		}))
	}
	if r.Settings.WatchSecrets {
		b = b.WatchesMetadata(&corev1.Secret{}, r.drift())
	}
	return b.Complete(r)
}

// changed enqueues objects that are new, were edited or are gone, before all others. An update of the status alone is our own,
// unless another client wrote it: then the status is repaired as a Secret is.
func (r *Reconciler) changed() handler.EventHandler {
	enqueue := func(object client.Object, q queue) {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)}
		r.storage.markUrgent(request)
		q.Add(request)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(e.Object, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			r.states.seen(e.ObjectNew)
			switch name := client.ObjectKeyFromObject(e.ObjectNew); {
			case r.edited(e.ObjectOld, e.ObjectNew):
				enqueue(e.ObjectNew, q)
			case r.overwritten(ctx, e.ObjectOld, e.ObjectNew):
				r.warnOfOtherController(ctx, e.ObjectNew, "another controller writes the status of this object")
				q.AddAfter(reconcile.Request{NamespacedName: name}, r.states.repair(name, r.now()))
			}
		},
	}
}

// edited reports whether an update changes the spec, forces a refresh, or is of another object of the same name.
func (r *Reconciler) edited(before, after client.Object) bool {
	old, _ := before.(Object) // we watch no others
	updated, _ := after.(Object)
	force := dialect.ForceSyncOf(r.Kind, updated)
	// An informer that missed the deletion of an object reports its re-creation as an update.
	return before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() ||
		force != "" && force != dialect.ForceSyncOf(r.Kind, old)
}

// overwritten reports whether another client wrote the status of an object that is ours: our status always has a condition, that
// of kubernetes-external-secrets never. The status of a controller with the same condition says nothing of who wrote it: such a controller
// is noticed by what it sets on Secrets, and its dialect has Removed there.
func (r *Reconciler) overwritten(ctx context.Context, before, after client.Object) bool {
	old, _ := before.(Object) // we watch no others
	written, _ := after.(Object)
	return before.GetUID() == after.GetUID() && r.status(old).Ready != "" && r.status(written).Ready == "" && r.serves(ctx, written)
}

// serves reports whether this replica serves an object. An object that has moved to another replica leaves the cache shortly after.
func (r *Reconciler) serves(ctx context.Context, object Object) bool {
	stores, _, err := r.references().watched(ctx, dialect.ReferencesOf(r.Kind, object))
	return err == nil && r.Kind.Serves(object, stores) && object.GetDeletionTimestamp() == nil && (r.Owns == nil || r.Owns(object.GetUID()))
}

// Notify enqueues an object for which the engine has something.
func (r *Reconciler) Notify(object plan.ID, priority fetch.Priority) {
	request := reconcile.Request{NamespacedName: object.NamespacedName}
	if priority == fetch.Foreground {
		r.storage.markUrgent(request)
	}
	r.queue.Add(request)
}

// annotationsChanged passes updates of namespaces that may change the result of policy. New namespaces have no objects yet, and
// the namespaces of the first list come with the objects themselves.
func annotationsChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()) ||
				!equality.Semantic.DeepEqual(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
		},
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// objectsOf lists the objects of a namespace.
func (r *Reconciler) objectsOf(ctx context.Context, namespace client.Object) []reconcile.Request {
	if !r.servesIn(namespace.GetName()) {
		return nil
	}
	return requests(r.list(ctx, client.InNamespace(namespace.GetName())))
}

// dependants lists the objects that refer to an object of a kind, themselves or through others.
func (r *Reconciler) dependants(kind dialect.Type) handler.MapFunc {
	return func(ctx context.Context, store client.Object) []reconcile.Request {
		reference := dialect.Reference{Kind: kind.GroupKind(), Namespace: store.GetNamespace(), Name: store.GetName()}
		return requests(append(r.list(ctx, client.MatchingFields{indexReference: reference.String()}), r.referrers.list(reference)...))
	}
}

func requests(objects []types.NamespacedName) []reconcile.Request {
	all := make([]reconcile.Request, 0, len(objects))
	for _, name := range objects {
		all = append(all, reconcile.Request{NamespacedName: name})
	}
	return all
}

func namesOf(list runtime.Object) []types.NamespacedName {
	var all []types.NamespacedName
	_ = meta.EachListItem(list, func(item runtime.Object) error { // a typed list has items
		if object, ok := item.(client.Object); ok {
			all = append(all, client.ObjectKeyFromObject(object))
		}
		return nil
	})
	return all
}

// drift watches the metadata of managed Secrets: a Secret that is not as it was last written is repaired.
func (r *Reconciler) drift() handler.EventHandler {
	enqueue := func(ctx context.Context, secret client.Object, now observedSecret, q queue) {
		name := client.ObjectKeyFromObject(secret)
		for _, object := range r.madeBy(ctx, name) {
			if r.drifted(ctx, object, name.Name, now) {
				q.AddAfter(reconcile.Request{NamespacedName: object}, r.states.repair(object, r.now()))
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			enqueue(ctx, e.Object, observedSecret{version: e.Object.GetResourceVersion()}, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			version := e.ObjectNew.GetResourceVersion()
			changed := e.ObjectOld != nil && e.ObjectOld.GetResourceVersion() != version
			enqueue(ctx, e.ObjectNew, observedSecret{version, changed}, q)
		},
		// The label may have been removed rather than the Secret deleted; Write finds out.
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			enqueue(ctx, e.Object, observedSecret{changed: true}, q)
		},
	}
}

// servesIn reports whether there may be objects of this syncer in a namespace: the cache answers with an error for one that is
// not watched.
func (r *Reconciler) servesIn(namespace string) bool {
	watched := len(r.Settings.Namespaces) == 0 || slices.Contains(r.Settings.Namespaces, namespace)
	selector, selective := r.Kind.(dialect.NamespaceSelector)
	return watched && (!selective || selector.ServesIn(namespace))
}

// observedSecret is a managed Secret as an event shows it.
type observedSecret struct {
	version string // its resourceVersion; empty: it is gone, or lost its label
	changed bool   // a client has changed it, so that it is not as it was even where that is not known
}

// drifted reports whether a Secret belongs to an object of this syncer and is not as it was last written. An object that the cache
// does not have yet is synced when it comes.
func (r *Reconciler) drifted(ctx context.Context, name types.NamespacedName, secret string, now observedSecret) bool {
	if r.states.isOwnWrite(name, now.version) {
		return false
	}
	object := r.Kind.New()
	if r.Client.Get(ctx, name, object) != nil || !r.serves(ctx, object) {
		return false
	}
	last := r.record(object)
	switch {
	case last.Secret != secret && last.Secret != "":
		return false
	case last.Reason == plan.ReasonSecretMissing, last.Reason == plan.ReasonSecretDeleted:
		return now.version != "" // it came
	}
	// The status in the cache may be older than what this process wrote, or another replica's that wrote after it.
	left := cmp.Or(r.states.lastWrite(name), last.SecretResourceVersion)
	if left == "" { // the status has no place for it, and it was written before this process began
		return now.changed && made(last)
	}
	return left != now.version
}

package controller

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/policy"
)

// How soon a store is judged again without an event: another replica may have ceased to serve it, and no event says that what is not
// watched has come, or has changed.
const (
	recheckStore      = time.Minute
	recheckValidStore = 10 * time.Minute
)

// StoreReconciler says in the status of stores whether the objects that refer to them can be read, as far as the cluster tells. It reads no
// credential and calls no backend: whether a login succeeds is in the status of each object.
type StoreReconciler struct {
	Kind       dialect.Reporting
	Stores     []dialect.StoreKind // that stores may refer to
	Name       string              // of the controller, in logs and metrics
	Policy     policy.Settings
	Namespaces []string      // that the syncer watches; none: all
	Client     client.Client // reads from a cache
	Live       client.Reader // reads past the cache
	Owns       func(uid types.UID) bool
	Now        func() time.Time // nil: time.Now

	live liveObjects
}

// Add makes the manager call the StoreReconciler for stores that are new or edited, for those that refer to one, and for those of a
// namespace whose annotations change.
func (r *StoreReconciler) Add(mgr ctrl.Manager) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named(r.Name).
		Watches(r.Kind.New(), &handler.EnqueueRequestForObject{}, builder.WithPredicates(specChanged())).
		WithOptions(controller.Options{ReconciliationTimeout: reconcileTimeout, UsePriorityQueue: new(false)})
	for _, kind := range r.Stores {
		if !unwatched(kind) && kind.Type().GroupKind() != r.Kind.Type().GroupKind() {
			b = b.Watches(kind.New(), handler.EnqueueRequestsFromMapFunc(r.dependants(kind.Type())), builder.WithPredicates(specChanged()))
		}
	}
	if !r.Kind.Type().ClusterWide {
		b = b.WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.storesOf), builder.WithPredicates(annotationsChanged()))
	}
	return b.Complete(r)
}

// specChanged passes updates that change what the author of an object says, and not its status alone.
func specChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration()
	}}
}

// storesOf lists the stores of a namespace.
func (r *StoreReconciler) storesOf(ctx context.Context, namespace client.Object) []reconcile.Request {
	return requests(namesOf(r.list(ctx, client.InNamespace(namespace.GetName()))))
}

// dependants lists the stores that refer to one of a kind, themselves or through others. There are few stores, and they seldom change.
func (r *StoreReconciler) dependants(kind dialect.Type) handler.MapFunc {
	return func(ctx context.Context, changed client.Object) []reconcile.Request {
		reference := dialect.Reference{Kind: kind.GroupKind(), Namespace: changed.GetNamespace(), Name: changed.GetName()}
		var all []types.NamespacedName
		_ = meta.EachListItem(r.list(ctx), func(item runtime.Object) error { // a typed list has items
			store, ok := item.(Object)
			if !ok {
				return nil
			}
			if _, wanted, err := r.references().watched(ctx, dialect.ReferencesOf(r.Kind, store)); err != nil || slices.Contains(wanted, reference) {
				all = append(all, client.ObjectKeyFromObject(store))
			}
			return nil
		})
		return requests(all)
	}
}

// list lists cached stores of the kind. Where it cannot, it logs that and returns none.
func (r *StoreReconciler) list(ctx context.Context, options ...client.ListOption) dialect.List {
	list := r.Kind.NewList()
	if err := r.Client.List(ctx, list, options...); err != nil {
		log.FromContext(ctx).Error(err, "Cannot list stores that may have to be judged again", "kind", r.Kind.Type().Kind)
		return r.Kind.NewList()
	}
	return list
}

// Reconcile judges one store.
func (r *StoreReconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := r.Kind.New()
	if err := r.Client.Get(ctx, request.NamespacedName, store); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	switch {
	case !r.Kind.Serves(store) || store.GetDeletionTimestamp() != nil:
		return reconcile.Result{}, nil
	case r.Owns != nil && !r.Owns(store.GetUID()):
		return reconcile.Result{RequeueAfter: recheckStore}, nil
	}
	problem, err := r.problem(ctx, store)
	if err != nil {
		return reconcile.Result{}, err
	}
	next := reconcile.Result{RequeueAfter: recheckValidStore}
	if problem != "" {
		next.RequeueAfter = recheckStore
	}
	updated := copied(store)
	r.Kind.Report(updated, problem, r.now())
	if equality.Semantic.DeepEqual(store, updated) {
		return next, nil
	}
	patch := client.MergeFromWithOptions(store, client.MergeFromWithOptimisticLock{})
	return next, client.IgnoreNotFound(r.Client.Status().Patch(ctx, updated, patch))
}

// problem is why objects that refer to a store cannot be read; empty: they can.
func (r *StoreReconciler) problem(ctx context.Context, store Object) (string, error) {
	found, err := r.references().all(ctx, dialect.ReferencesOf(r.Kind, store))
	if err != nil {
		return "", err
	}
	p, errs := r.Kind.Plan(store, found.resolved)
	switch {
	case len(errs) > 0 && len(found.refused) > 0:
		return shorten(strings.Join(found.refused, "; ")), nil
	case len(errs) > 0:
		return shorten(errs.ToAggregate().Error()), nil
	case r.Kind.Type().ClusterWide:
		return "", nil // it is judged with each object
	}
	ns, err := namespaceOf(ctx, r.Client, store.GetNamespace())
	if err != nil {
		return "", err
	}
	if violations := policy.Check(p, ns, r.Policy); len(violations) > 0 {
		return shorten(violations.Message(p.Object.String())), nil
	}
	return "", nil
}

func (r *StoreReconciler) references() references {
	return references{kinds: r.Stores, namespaces: r.Namespaces, cache: r.Client, live: r.Live, kept: &r.live, now: r.now}
}

func (r *StoreReconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

package restart

import (
	"context"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
)

// queue holds the workloads that are to be looked at, and the objects that report on them.
type queue = workqueue.TypedRateLimitingInterface[Key]

// Controller watches what restarts depend on.
type Controller struct {
	*Reconciler
	watches controller.TypedController[Key]
	cache   cache.Cache
}

// Add has a manager run the Reconciler, with the watches of what every cluster has. One worker is enough: a patch takes milliseconds, and
// restarts are few.
func (r *Reconciler) Add(mgr manager.Manager) (*Controller, error) {
	r.cluster.budget = r.Budget
	r.Metrics.waiting = r.cluster.waiting
	watches, err := controller.NewTyped("restart", mgr, controller.TypedOptions[Key]{Reconciler: r, MaxConcurrentReconciles: 1})
	if err != nil {
		return nil, err
	}
	c := &Controller{Reconciler: r, watches: watches, cache: mgr.GetCache()}
	namespaces := &metav1.PartialObjectMetadata{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	// It is there before a worker is.
	if err := watches.Watch(source.TypedFunc[Key](func(_ context.Context, q queue) error {
		r.look = func(keys []Key) { look(q, keys) }
		return nil
	})); err != nil {
		return nil, err
	}
	all := map[client.Object]func(client.Object, bool) []Key{
		&appsv1.Deployment{}: r.seeWorkload, &appsv1.StatefulSet{}: r.seeWorkload, &appsv1.DaemonSet{}: r.seeWorkload,
		namespaces: r.seeNamespace,
	}
	if r.Options.Reloader {
		all[&corev1.ConfigMap{}] = r.seeConfigMap
	}
	for object, see := range all {
		if err := c.watch(object, see); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// AddRollouts watches Argo's Rollouts, which the cluster must know.
func (c *Controller) AddRollouts() error { return c.watch(&rollout.Rollout{}, c.seeWorkload) }

// AddKind watches the objects of a dialect, which the cluster must know. The manager's cache makes Objects of them, by Transform.
func (c *Controller) AddKind(kind dialect.Kind) error {
	var warn sync.Once
	of := kind.Type().GroupVersionKind
	name := of.GroupKind().String()
	return c.watch(kind.New(), func(object client.Object, gone bool) []Key {
		by := maker{name, object.GetName()}
		if gone {
			return c.cluster.setMaker(object.GetNamespace(), by, nil)
		}
		o, ok := object.(*Object)
		if !ok {
			return nil
		}
		if o.uncounted {
			warn.Do(func() {
				c.Log.Warn("Changes of Secrets are not counted in the status of their objects, so that nothing is restarted for them: "+
					"apply Secretgate's CRD, which has a place for the count", "kind", of.Kind, "group", of.Group)
			})
		}
		return c.cluster.setMaker(object.GetNamespace(), by, &o.says)
	})
}

func (r *Reconciler) seeWorkload(object client.Object, gone bool) []Key {
	w, ok := r.Options.Of(object)
	if !ok {
		return nil
	}
	if gone {
		return r.cluster.removeWorkload(w.Key)
	}
	r.cluster.setWorkload(w, r.now())
	return []Key{w.Key}
}

func (r *Reconciler) seeConfigMap(object client.Object, gone bool) []Key {
	m, ok := object.(*corev1.ConfigMap)
	if !ok {
		return nil
	}
	by := maker{"ConfigMap", m.Name}
	if gone {
		return r.cluster.setMaker(m.Namespace, by, nil)
	}
	says := readConfigMap(m)
	return r.cluster.setMaker(m.Namespace, by, &says)
}

func (r *Reconciler) seeNamespace(object client.Object, gone bool) []Key {
	if gone {
		r.Metrics.forget(object.GetName())
	}
	return r.cluster.setOff(object.GetName(), !gone && object.GetAnnotations()[names.AnnotationRestart] == "false")
}

// look has workloads looked at now, and objects that report on workloads a little later.
func look(q queue, keys []Key) {
	for _, key := range keys {
		if isWorkload(key) {
			q.Add(key)
		} else {
			q.AddAfter(key, reportDelay)
		}
	}
}

// watch has see called with each object as it is now, and looks at what it returns.
func (c *Controller) watch(object client.Object, see func(object client.Object, gone bool) []Key) error {
	return c.watches.Watch(source.TypedKind(c.cache, object, handler.TypedFuncs[client.Object, Key]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[client.Object], q queue) {
			look(q, see(e.Object, false))
		},
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[client.Object], q queue) {
			look(q, see(e.ObjectNew, false))
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[client.Object], q queue) {
			look(q, see(e.Object, true))
		},
	}))
}

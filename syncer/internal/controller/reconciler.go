// Package controller keeps each ExternalSecret's Secret as its backend has it. One attempt is:
//
//  1. read the object; gone, or another instance's: forget it
//  2. plan: understand the spec, or say all that is wrong with it
//  3. policy: judge the plan by the namespace's annotations
//  4. fetch the plan's sources
//  5. render the Secret's content
//  6. policy once more, right before writing
//  7. write the Secret, if it differs
//  8. report: status, event, metrics, and when to come again
//
// A failure at any step leaves the Secret as it is.
package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// Settings are the installation's choices about syncing.
type Settings struct {
	Policy          policy.Settings
	Defaults        plan.Defaults
	InstanceID      string        // serve only objects whose controllerId equals it
	RefreshInterval time.Duration // of objects that name none
	DisablePolling  bool          // sync on changes of objects only
	StatusHeartbeat time.Duration // how old an unchanged status may grow; 0: as old as it likes
	WatchSecrets    bool          // repair Secrets that others change
	Workers         int           // objects synced at a time
}

// Reconciler syncs one ExternalSecret at a time; it may be called concurrently for different ones.
type Reconciler struct {
	Settings Settings
	Client   client.Client // reads objects and namespace metadata from a cache, Secrets live
	Live     client.Reader // reads past the cache
	Fetch    func(ctx context.Context, p *plan.Plan) (render.Values, []fetch.Failure)
	Writer   *apply.Writer
	Recorder events.EventRecorder
	Metrics  *metrics.Objects
	Now      func() time.Time // nil: time.Now

	memory memory
}

// Reconcile makes one attempt and reports on it.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	es := &apiv1.ExternalSecret{}
	err := r.Client.Get(ctx, request.NamespacedName, es)
	switch {
	case apierrors.IsNotFound(err), err == nil && !r.serves(es):
		r.Metrics.Forget(request.NamespacedName)
		r.memory.forget(request.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, err
	case es.DeletionTimestamp != nil:
		return reconcile.Result{}, nil // the garbage collector takes what is owned
	}
	r.memory.catchUp(es)
	p, errs := plan.From(es, r.Settings.Defaults)
	var o outcome
	if p == nil {
		o = invalid(errs)
	} else {
		o = r.sync(ctx, es, p)
	}
	if ctx.Err() != nil {
		return reconcile.Result{}, nil //nolint:nilerr // stopping: a call that was cut off says nothing about the object
	}
	if err := r.report(ctx, es, p, o); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: r.next(request.NamespacedName, p, o)}, nil
}

func (r *Reconciler) serves(es *apiv1.ExternalSecret) bool {
	return plan.ServedBy(es, r.Settings.InstanceID)
}

// sync does steps 3 to 7.
func (r *Reconciler) sync(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) outcome {
	if p.Suspend {
		return suspended()
	}
	if o, permitted := r.judge(ctx, p); !permitted {
		return o
	}
	if !r.refreshes(p) && r.settled(ctx, es, p) {
		return synced(apply.Result{ResourceVersion: es.Status.SecretResourceVersion}, es.Status.Entries, false)
	}
	values, failures := r.Fetch(ctx, p)
	entries := entryStatuses(p, values, failures)
	if len(failures) > 0 {
		return unread(p, failures, entries)
	}
	secret, errs := render.Render(p, values)
	if len(errs) > 0 {
		return unrendered(errs, entries)
	}
	if o, permitted := r.judge(ctx, p); !permitted {
		return o
	}
	r.memory.startWrite(p.Object)
	result, err := r.Writer.Write(ctx, apply.Request{
		Owner:    apply.Owner{Namespace: p.Object.Namespace, Name: p.Object.Name, UID: p.UID, DeletionPolicy: p.DeletionPolicy},
		Content:  secret,
		Expected: es.Status.SecretResourceVersion != "",
		Adopt:    p.AdoptExisting && r.adoptPermitted(ctx, p.Object.Namespace),
	})
	overtaken := r.memory.endWrite(p.Object, result.ResourceVersion)
	if err != nil {
		return unwritten(err, entries)
	}
	return synced(result, entries, overtaken)
}

// refreshes tells whether an object is read again without a change of its own.
func (r *Reconciler) refreshes(p *plan.Plan) bool {
	return !r.Settings.DisablePolling && !p.Refresh.Never
}

// settled tells whether an object that is not refreshed has had its one success: for this spec, this
// force-sync, and a Secret that is as it was left. So a restart reads nothing.
func (r *Reconciler) settled(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) bool {
	status := es.Status
	if status.ObservedGeneration != p.Generation || status.ObservedForceSync != p.ForceSync || ready(status) != metav1.ConditionTrue {
		return false
	}
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := r.Live.Get(ctx, p.Object, secret)
	return err == nil && secret.ResourceVersion == status.SecretResourceVersion
}

// judge applies policy. A namespace that cannot be read permits nothing.
func (r *Reconciler) judge(ctx context.Context, p *plan.Plan) (outcome, bool) {
	ns, err := r.namespace(ctx, p.Object.Namespace)
	if err != nil {
		return unjudged(p.Object.String(), err), false
	}
	if violations := policy.Check(p, ns, r.Settings.Policy); len(violations) > 0 {
		return denied(p.Object.String(), violations), false
	}
	return outcome{}, true
}

func (r *Reconciler) adoptPermitted(ctx context.Context, namespace string) bool {
	ns, err := r.namespace(ctx, namespace)
	return err == nil && policy.AdoptPermitted(ns)
}

func (r *Reconciler) namespace(ctx context.Context, name string) (policy.Namespace, error) {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Client.Get(ctx, types.NamespacedName{Name: name}, ns)
	return policy.Namespace{Name: name, Annotations: ns.Annotations}, err
}

// report writes the status where it says something new, the event on the way into or out of
// failure, and the metrics.
func (r *Reconciler) report(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan, o outcome) error {
	now := r.now()
	if o.reason != apiv1.ReasonSuspended {
		var backend apiv1.Backend // unknown where the object is not understood
		if p != nil {
			backend = p.Scope.Backend
		}
		r.Metrics.Observe(client.ObjectKeyFromObject(es), string(backend), o.ok(), now)
	}
	next := nextStatus(es, o, es.Annotations[apiv1.AnnotationForceSync], now)
	due := isDue(es.Status, next, r.Settings.StatusHeartbeat) && r.memory.mayBeat(now)
	if !isNews(es.Status, next) && !due {
		return nil
	}
	r.announce(ctx, es, next, o)
	updated := es.DeepCopy()
	updated.Status = next
	if err := r.Client.Status().Patch(ctx, updated, client.MergeFrom(es), client.FieldOwner(apiv1.FieldManager)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.memory.report(updated)
	return nil
}

// announce logs an outcome that is news, and makes an event where Ready changes.
func (r *Reconciler) announce(ctx context.Context, es *apiv1.ExternalSecret, next apiv1.ExternalSecretStatus, o outcome) {
	before, after := ready(es.Status), ready(next)
	logger := log.FromContext(ctx).WithValues("reason", o.reason)
	switch {
	case !o.ok():
		logger.Info("sync failed", "message", o.message, "retry", o.retry)
	case o.result.Changed:
		logger.Info("secret written", "secretResourceVersion", o.result.ResourceVersion)
	default:
		logger.V(1).Info("status written")
	}
	switch {
	case after == metav1.ConditionFalse && before != after:
		r.Recorder.Eventf(es, nil, corev1.EventTypeWarning, string(o.reason), "Sync", "%s", eventNote(o.message))
	case after == metav1.ConditionTrue && before == metav1.ConditionFalse:
		r.Recorder.Eventf(es, nil, corev1.EventTypeNormal, string(o.reason), "Sync", "%s", "the Secret is up to date again")
	}
}

// next is when to come again; 0 means on a change only.
func (r *Reconciler) next(object types.NamespacedName, p *plan.Plan, o outcome) time.Duration {
	if p == nil {
		return 0
	}
	interval := r.Settings.RefreshInterval
	if p.Refresh.Interval > 0 {
		interval = p.Refresh.Interval
	}
	if !r.refreshes(p) {
		interval = 0
	}
	return o.next(interval, r.memory.backoff(object, !o.ok() && o.retry))
}

func (r *Reconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

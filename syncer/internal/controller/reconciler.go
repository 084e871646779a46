// Package controller keeps each ExternalSecret's Secret as its backend has it. One attempt is:
//
//  1. read the object; gone, or another instance's: forget it
//  2. plan: understand the spec, or say all that is wrong with it
//  3. policy: judge the plan by the namespace's annotations
//  4. subscribe to the plan's sources, and ask for them where the object is new, edited, forced or
//     failed; the engine calls again when they have been read, or have changed
//  5. render the Secret's content
//  6. policy once more, right before writing
//  7. write the Secret, if it differs
//  8. report: status, event, metrics, and when to come again
//
// A failure at any step leaves the Secret as it is.
package controller

import (
	"context"
	"errors"
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
	Cache    client.Reader // reads the metadata of managed Secrets
	Live     client.Reader // reads past the cache
	Engine   *fetch.Engine // its Notify and Observe are the Reconciler's
	Writer   *apply.Writer
	Recorder events.EventRecorder
	Metrics  *metrics.Objects
	Now      func() time.Time // nil: time.Now

	memory memory
	lanes  lanes
	queue  queue
}

// Reconcile makes one attempt and reports on it.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	es := &apiv1.ExternalSecret{}
	err := r.Client.Get(ctx, request.NamespacedName, es)
	switch {
	case apierrors.IsNotFound(err), err == nil && !r.serves(es):
		r.Engine.Unsubscribe(request.NamespacedName)
		r.Metrics.Forget(request.NamespacedName)
		r.memory.forget(request.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, err
	case es.DeletionTimestamp != nil:
		r.Engine.Unsubscribe(request.NamespacedName)
		return reconcile.Result{}, nil // the garbage collector takes what is owned
	}
	r.memory.catchUp(es)
	p, errs := plan.From(es, r.Settings.Defaults)
	if p == nil {
		return r.finish(ctx, es, nil, r.refuse(request.NamespacedName, invalid(errs)))
	}
	if o, permitted := r.admit(ctx, p); !permitted {
		return r.finish(ctx, es, p, r.refuse(p.Object, o))
	}
	wait := r.ask(ctx, es, p)
	switch result, state := r.Engine.Take(p.Object); state {
	case fetch.Ready:
		r.memory.owe(p.Object, r.now()) // until it is known what came of it
		return r.finish(ctx, es, p, r.sync(ctx, es, p, result))
	case fetch.Pending:
		return reconcile.Result{RequeueAfter: wait}, nil
	default:
		beat, err := r.beat(ctx, es, p)
		return reconcile.Result{RequeueAfter: sooner(wait, beat)}, err
	}
}

func (r *Reconciler) serves(es *apiv1.ExternalSecret) bool {
	return plan.ServedBy(es, r.Settings.InstanceID)
}

// admit tells whether an object may be read.
func (r *Reconciler) admit(ctx context.Context, p *plan.Plan) (outcome, bool) {
	if p.Suspend {
		return suspended(), false
	}
	return r.judge(ctx, p)
}

// refuse stops reading for an object. Once it is admitted again, it is as if it were new.
func (r *Reconciler) refuse(object types.NamespacedName, o outcome) outcome {
	r.Engine.Unsubscribe(object)
	r.memory.abandon(object)
	return o
}

// ask subscribes the object to its sources, and has them read now where it must be. It returns how
// long a refresh that was forced too often must wait.
func (r *Reconciler) ask(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) time.Duration {
	now, interval := r.now(), r.interval(p)
	r.Engine.Subscribe(p, interval, overdue(es.Status, interval, r.Settings.StatusHeartbeat, now))
	last, owed := r.memory.recall(p.Object, now)
	intact := last.uid == p.UID || es.Status.SecretResourceVersion == "" || r.intact(ctx, es, p)
	w := decide(p, facts{last: last, status: es.Status, owed: owed, intact: intact})
	if w.forced {
		if wait := r.memory.mayForce(p.Object, now); wait > 0 {
			return wait
		}
	}
	if w.ask || last.uid != p.UID {
		r.memory.begin(p.Object, attemptOf(p))
	}
	if w.ask {
		r.Engine.Ask(p.Object, w.lane, w.fresh)
	}
	return 0
}

// sync does steps 5 to 7.
func (r *Reconciler) sync(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan, result fetch.Result) outcome {
	entries := entryStatuses(p, result)
	if len(result.Failures) > 0 {
		return unread(p, result.Failures, entries)
	}
	secret, errs := render.Render(p, result.Values)
	if len(errs) > 0 {
		return unrendered(errs, entries)
	}
	if o, permitted := r.judge(ctx, p); !permitted {
		return r.refuse(p.Object, o)
	}
	r.memory.startWrite(p.Object)
	written, err := r.Writer.Write(ctx, apply.Request{
		Owner:    apply.Owner{Namespace: p.Object.Namespace, Name: p.Object.Name, UID: p.UID, DeletionPolicy: p.DeletionPolicy},
		Content:  secret,
		Expected: es.Status.SecretResourceVersion != "",
		Adopt:    p.AdoptExisting && r.adoptPermitted(ctx, p.Object.Namespace),
	})
	overtaken := r.memory.endWrite(p.Object, written.ResourceVersion)
	if err != nil {
		return unwritten(err, entries)
	}
	return synced(written, entries, overtaken)
}

// interval is how often an object's sources are read without a change of its own; 0: never.
func (r *Reconciler) interval(p *plan.Plan) time.Duration {
	switch {
	case r.Settings.DisablePolling, p.Refresh.Never:
		return 0
	case p.Refresh.Interval > 0:
		return p.Refresh.Interval
	}
	return r.Settings.RefreshInterval
}

// intact tells whether the Secret is as it was left, as far as that can be known for little. Where Secrets are not
// watched, those of objects that are refreshed are looked at with the next refresh.
func (r *Reconciler) intact(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) bool {
	if !r.Settings.WatchSecrets && r.interval(p) > 0 {
		return true
	}
	same := func(reader client.Reader) bool {
		secret := &metav1.PartialObjectMetadata{}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		err := reader.Get(ctx, p.Object, secret)
		return err == nil && secret.ResourceVersion == es.Status.SecretResourceVersion
	}
	// After a hand-over the cache of Secrets may be behind that of objects.
	return r.Settings.WatchSecrets && same(r.Cache) || same(r.Live)
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

// finish reports on an attempt, and says when to come again.
func (r *Reconciler) finish(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan, o outcome) (reconcile.Result, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return reconcile.Result{}, nil // stopping: a call that was cut off says nothing about the object
	}
	if err := r.report(ctx, es, p, o); err != nil {
		return reconcile.Result{}, err
	}
	if p == nil {
		return reconcile.Result{}, nil
	}
	wait := o.next(r.interval(p), r.memory.backoff(p.Object, !o.ok() && o.retry))
	if wait > 0 {
		r.memory.owe(p.Object, r.now().Add(wait))
	} else {
		r.memory.owe(p.Object, time.Time{})
	}
	return reconcile.Result{RequeueAfter: sooner(wait, r.Settings.StatusHeartbeat)}, nil
}

// sooner is the shorter one; 0 stands for never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// report writes the status where it says something new, the event on the way into or out of
// failure, and the metrics.
func (r *Reconciler) report(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan, o outcome) error {
	now := r.now()
	forceSync := es.Annotations[apiv1.AnnotationForceSync]
	if o.reason != apiv1.ReasonSuspended {
		var backend apiv1.Backend // unknown where the object is not understood
		if p != nil {
			backend = p.Scope.Backend
			if last, _ := r.memory.recall(p.Object, now); last.uid == p.UID {
				forceSync = last.forceSync // a newer value has not been acted upon
			}
		}
		r.Metrics.Observe(client.ObjectKeyFromObject(es), string(backend), o.ok(), now)
	}
	next := nextStatus(es, o, forceSync, now)
	due := isDue(es.Status, next, r.Settings.StatusHeartbeat) && r.memory.mayBeat(now)
	if !isNews(es.Status, next) && !due {
		return nil
	}
	r.announce(ctx, es, next, o)
	return r.writeStatus(ctx, es, next)
}

// beat writes a status that says nothing new as a sign of life, and returns when the next one is due.
func (r *Reconciler) beat(ctx context.Context, es *apiv1.ExternalSecret, p *plan.Plan) (time.Duration, error) {
	now, heartbeat := r.now(), r.Settings.StatusHeartbeat
	if heartbeat <= 0 || r.interval(p) <= 0 || es.Status.LastSync == nil {
		return 0, nil
	}
	next := beat(es.Status, r.Engine.Freshness(p.Object), now)
	switch {
	case !isDue(es.Status, next, heartbeat):
		return max(es.Status.LastSync.Add(heartbeat).Sub(now), beatAgain), nil
	case !r.memory.mayBeat(now):
		return beatAgain, nil
	}
	return heartbeat, r.writeStatus(ctx, es, next)
}

func (r *Reconciler) writeStatus(ctx context.Context, es *apiv1.ExternalSecret, status apiv1.ExternalSecretStatus) error {
	updated := es.DeepCopy()
	updated.Status = status
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

func (r *Reconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

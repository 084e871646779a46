package controller

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

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
	var backend apiv1.Backend // unknown where the object is not understood
	if o.reason != apiv1.ReasonSuspended {
		if p != nil {
			backend = p.Scope.Backend
			if last, _ := r.memory.recall(p.Object, now); last.uid == p.UID {
				forceSync = last.forceSync // a newer value has not been acted upon
			}
		}
	}
	next := nextStatus(es, o, forceSync, now)
	r.count(es, backend, o, next.LastSuccess)
	due := isDue(es.Status, next, r.Settings.StatusHeartbeat) && r.memory.mayBeat(now)
	if !isNews(es.Status, next) && !due {
		return nil
	}
	r.announce(ctx, es, next, o)
	return r.writeStatus(ctx, es, next)
}

// count tells the metrics of an attempt.
func (r *Reconciler) count(es *apiv1.ExternalSecret, backend apiv1.Backend, o outcome, lastSuccess *metav1.Time) {
	name := client.ObjectKeyFromObject(es)
	if o.reason == apiv1.ReasonSuspended {
		r.Metrics.Suspend(name, string(o.reason))
		return
	}
	attempt := metrics.Attempt{Backend: string(backend), Reason: string(o.reason), Success: o.ok(), At: r.now()}
	if lastSuccess != nil {
		attempt.LastSuccess = lastSuccess.Time
	}
	r.Metrics.Observe(name, attempt)
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

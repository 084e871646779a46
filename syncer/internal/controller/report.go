package controller

import (
	"context"
	"errors"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// finish reports on an attempt, and returns when the next one is due.
func (r *Reconciler) finish(ctx context.Context, object Object, p *plan.Plan, o outcome) (reconcile.Result, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return reconcile.Result{}, nil // the syncer stops: a cancelled call says nothing about the object
	}
	err := r.report(ctx, object, p, o)
	name := client.ObjectKeyFromObject(object)
	if p == nil {
		wait := r.states.backoff(name, o.retry)
		if err != nil {
			return reconcile.Result{}, err
		}
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	o.retry = o.retry || err != nil // after a back-off: the values have been dropped, and another read may be billed
	wait := o.nextAttempt(r.interval(p), r.states.backoff(name, o.retry)).after
	if wait > 0 {
		r.states.endAttempt(name, r.now().Add(wait))
	} else {
		r.states.endAttempt(name, time.Time{})
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: sooner(wait, r.Settings.StatusHeartbeat)}, nil
}

// report writes the status where it changes, an event where Ready changes, and the metrics.
func (r *Reconciler) report(ctx context.Context, object Object, p *plan.Plan, o outcome) error {
	r.states.learnPlaces(r.Kind)
	now, record := r.now(), r.record(object)
	forceSync := dialect.ForceSyncOf(r.Kind, object)
	if o.reason != plan.ReasonSuspended && p != nil {
		if last, _ := r.states.lastAttempt(p.Object.NamespacedName, now); last.uid == p.UID {
			forceSync = last.forceSync // a newer value has not been acted upon
		}
	}
	next := nextRecord(record, object.GetGeneration(), o, forceSync, now)
	r.Metrics.Observe(attempted(object, p, o, next.LastSuccess, now))
	due := isDue(record, next, r.Settings.StatusHeartbeat) && r.states.mayHeartbeat(now)
	if !isNews(record, next) && !due {
		return nil
	}
	if !due && !o.result.Changed && !isNews(r.states.complete(record, next), next) {
		r.states.report(object, next, r.status(object)) // it is new to this process alone
		return nil
	}
	r.announce(ctx, object, record, next, o)
	return r.writeStatus(ctx, object, next)
}

// attempted is what the metrics record of an attempt.
func attempted(object Object, p *plan.Plan, o outcome, lastSuccess, now time.Time) metrics.Attempt {
	a := metrics.Attempt{
		Object: client.ObjectKeyFromObject(object), Reason: string(o.reason), Success: o.ok(), Unreadable: o.unreadable,
		Suspended: o.reason == plan.ReasonSuspended, At: now, LastSuccess: lastSuccess, Templates: o.templates,
	}
	if p != nil { // else the object is invalid
		a.Secret = p.Target.Name
		if len(p.Entries) > 0 {
			a.Backend = string(p.Entries[0].Source.Backend)
		}
	}
	return a
}

// writeHeartbeat writes an unchanged status with new times, and returns when the next one is due.
func (r *Reconciler) writeHeartbeat(ctx context.Context, object Object, p *plan.Plan) (time.Duration, error) {
	now, heartbeat, record := r.now(), r.Settings.StatusHeartbeat, r.record(object)
	if heartbeat <= 0 || r.interval(p) <= 0 || record.LastSync.IsZero() {
		return 0, nil
	}
	next := heartbeatRecord(record, r.Engine.Freshness(p.Object), now)
	switch {
	case !isDue(record, next, heartbeat):
		return max(record.LastSync.Add(heartbeat).Sub(now), heartbeatRetry), nil
	case !r.states.mayHeartbeat(now):
		return heartbeatRetry, nil
	}
	return heartbeat, r.writeStatus(ctx, object, next)
}

// errNoStatus is for objects of another product's CRD.
var errNoStatus = errors.New("the status cannot be written, since the CRD that is installed has no status subresource: " +
	"apply Secretgate's CRD of the same name")

// missing finds out what the API server did not find when it was to write a status: the object, which is no error, or the status
// subresource. The answer is the same for both.
func (r *Reconciler) missing(ctx context.Context, object Object) error {
	found := r.Kind.NewList() // a list, since the syncer has no right to get one
	err := r.Live.List(ctx, found, client.InNamespace(object.GetNamespace()), client.MatchingFields{"metadata.name": object.GetName()})
	if err != nil {
		return err
	}
	return meta.EachListItem(found, func(item runtime.Object) error {
		if live, ok := item.(Object); ok && live.GetUID() == object.GetUID() {
			return errNoStatus
		}
		return nil
	})
}

func (r *Reconciler) writeStatus(ctx context.Context, object Object, record plan.Record) error {
	updated := copied(object)
	r.Kind.Status(updated).Put(record)
	patch := client.MergeFrom(object)
	if change, err := patch.Data(updated); err == nil && string(change) == "{}" {
		r.states.report(updated, record, r.status(updated)) // the status has no place for what is new
		return nil
	}
	if err := r.Client.Status().Patch(ctx, updated, patch, client.FieldOwner(names.FieldManager)); err != nil {
		if apierrors.IsNotFound(err) {
			return r.missing(ctx, object)
		}
		return err
	}
	if updated.GetUID() != object.GetUID() {
		return r.clearStatus(ctx, updated)
	}
	r.states.report(updated, record, r.status(updated))
	return nil
}

// clearStatus removes a status that was written to a newer object of the same name, which has not been synced yet. A status that
// another client has written since stays.
func (r *Reconciler) clearStatus(ctx context.Context, next Object) error {
	r.states.warn(client.ObjectKeyFromObject(next)) // so that it is not taken for another controller's
	blank := copied(next)
	r.Kind.Status(blank).Put(plan.Record{})
	patch := client.MergeFromWithOptions(next, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, blank, patch, client.FieldOwner(names.FieldManager)); err != nil {
		if apierrors.IsConflict(err) {
			return nil
		}
		return client.IgnoreNotFound(err)
	}
	r.states.report(blank, plan.Record{}, r.status(blank))
	return nil
}

// announce logs an outcome that has changed, and makes an event where Ready changes.
func (r *Reconciler) announce(ctx context.Context, object Object, last, next plan.Record, o outcome) {
	before, after := last.Ready, next.Ready
	logger := log.FromContext(ctx).WithValues("reason", o.reason)
	switch {
	case !o.ok():
		// logr has no warnings.
		when := o.nextAttempt(0, firstBackoff).when
		slog.New(logr.ToSlogHandler(logger)).WarnContext(ctx, "Sync failed", "message", o.message, "nextAttempt", when)
	case o.result.Changed:
		logger.Info("Secret written", "secretResourceVersion", o.result.ResourceVersion)
	default:
		logger.V(1).Info("Status written")
	}
	switch {
	case after == metav1.ConditionFalse && before != after:
		r.event(object, failure(o.reason), o.reason, o.message)
	case after == metav1.ConditionTrue && before == metav1.ConditionFalse:
		r.event(object, dialect.EventRecovered, o.reason, "the Secret is up to date again")
	}
	switch {
	case o.result.Created:
		r.event(object, dialect.EventCreated, o.reason, "Secret "+o.result.Secret+" was created")
	case o.result.Changed:
		r.event(object, dialect.EventUpdated, o.reason, "Secret "+o.result.Secret+" was changed")
	case o.removed:
		r.event(object, dialect.EventDeleted, o.reason, o.message)
	}
	if o.absent && !o.removed && last.Message != next.Message {
		r.event(object, dialect.EventMissing, plan.ReasonSecretNotFound, o.message)
	}
}

// failure is what happens where Ready becomes False for a reason.
func failure(reason plan.Reason) dialect.Event {
	if reason == plan.ReasonSecretNotOwned || reason == plan.ReasonSecretWriteFailed {
		return dialect.EventUnwritten
	}
	return dialect.EventFailed
}

// event makes an event, under the name that the kind has for what happens. Without one, those have none that say no more than the object
// itself: that its Secret was written.
func (r *Reconciler) event(object client.Object, what dialect.Event, reason plan.Reason, note string) {
	name := string(reason)
	if namer, ok := r.Kind.(dialect.EventNamer); ok {
		reasons := namer.EventReasons()
		if name = reasons[what]; name == "" && what == dialect.EventUnwritten {
			name = reasons[dialect.EventFailed]
		}
	} else if what == dialect.EventCreated || what == dialect.EventUpdated {
		return
	}
	if name == "" {
		return
	}
	severity := corev1.EventTypeNormal
	if what == dialect.EventFailed || what == dialect.EventUnwritten {
		severity = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(object, nil, severity, name, "Sync", "%s", eventNote(note))
}

// warnOfOtherController reports, once, that another controller writes what is ours: the status of an object, or its Secret.
func (r *Reconciler) warnOfOtherController(ctx context.Context, object client.Object, problem string) {
	if !r.states.warn(client.ObjectKeyFromObject(object)) {
		return
	}
	message := problem + ": " + r.Kind.Words().OtherController
	log.FromContext(ctx).Info("Two controllers serve an object",
		"namespace", object.GetNamespace(), "name", object.GetName(), "message", message)
	r.Recorder.Eventf(object, nil, corev1.EventTypeWarning, "ServedTwice", "Sync", "%s", message)
}

// eventNote fits a message into an event, whose note may have 1,024 bytes.
func eventNote(message string) string {
	const limit = 1000
	if len(message) <= limit {
		return message
	}
	end := limit
	for end > 0 && !utf8.RuneStart(message[end]) { // not in the middle of a character
		end--
	}
	return message[:end] + "…"
}

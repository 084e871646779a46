package restart

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// Reconciler restarts workloads, one at a time. Its fields are set before Add.
type Reconciler struct {
	Client   client.Client // patches workloads, and makes events
	Instance string        // of the process, in events
	Limits   decision.Limits
	Budget   decision.Budget
	Options  workload.Options
	Metrics  *Metrics
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now

	cluster cluster
	look    func(keys []Key) // at objects that report on workloads
}

// Reconcile decides about one workload, and does what was decided; or has an object report on workloads.
func (r *Reconciler) Reconcile(ctx context.Context, key Key) (reconcile.Result, error) {
	if !isWorkload(key) {
		return r.reportOn(ctx, key)
	}
	now := r.now()
	w, state, ok := r.cluster.state(key, now)
	if !ok {
		return reconcile.Result{}, nil
	}
	step := decision.Decide(state, r.Limits, now)
	switch step.Action {
	case decision.Record:
		return r.done(ctx, &w, step, r.record(ctx, &w, step.Revisions))
	case decision.Restart:
		return r.done(ctx, &w, step, r.restart(ctx, &w, state, step, now))
	case decision.Wait:
		if r.setPending(key, step.Reason, step.Changed) {
			r.announce(ctx, &w, step)
		}
		if step.At.IsZero() {
			return reconcile.Result{}, nil
		}
		return reconcile.Result{RequeueAfter: max(step.At.Sub(now), time.Millisecond)}, nil
	default:
		r.setPending(key, "", nil)
		return reconcile.Result{}, nil
	}
}

// setPending remembers why a workload waits, has the objects report that, and reports whether it is new.
func (r *Reconciler) setPending(key Key, reason decision.Reason, changed []revision.Source) (isNew bool) {
	isNew, reporting := r.cluster.setPending(key, reason, changed)
	r.look(reporting)
	return isNew
}

// record has a workload remember revisions, without another effect.
func (r *Reconciler) record(ctx context.Context, w *workload.Workload, revisions revision.List) error {
	r.Log.DebugContext(ctx, "Revisions recorded", "kind", w.Kind, "namespace", w.Namespace, "name", w.Name, "revisions", revisions.String())
	_, err := r.patch(ctx, w, change{revisions: revisions.String()})
	return err
}

// errDropped is for an API server with an admission plugin that takes our annotation away again.
var errDropped = errors.New("the patch was accepted, but the pod template lacks the annotation that was set: " +
	"look for an admission webhook or a mutating policy that removes it")

// restart has a workload's controller replace its pods, and the workload remember why.
func (r *Reconciler) restart(ctx context.Context, w *workload.Workload, s decision.State, step decision.Step, now time.Time) error {
	at := now.Truncate(time.Second)
	revisions := step.Revisions.String()
	kept, err := r.patch(ctx, w, change{revisions: revisions, restart: true, at: at})
	if err != nil {
		return err
	}
	if !kept {
		return errDropped
	}
	r.cluster.count(w.Key, at, now)
	r.Metrics.restarted(w, len(step.Changed))
	note := restartNote(s, step)
	r.Log.InfoContext(ctx, "Workload restarted", "kind", w.Kind, "namespace", w.Namespace, "name", w.Name, "changed", note)
	r.event(ctx, w, corev1.EventTypeNormal, eventRestarted, "restarted, since "+note)
	return nil
}

// maxNamed is how many sources an event names.
const maxNamed = 10

// restartNote names what changed, and from which revision to which.
func restartNote(s decision.State, step decision.Step) string {
	var parts []string
	for i, source := range step.Changed {
		if i == maxNamed {
			parts = append(parts, fmt.Sprintf("and %d more", len(step.Changed)-maxNamed))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %s changed from revision %s to %s",
			source.Kind, source.Name, s.Recorded[source], s.Current[source]))
	}
	return strings.Join(parts, ", ")
}

// announce reports a restart that waits for something else than further changes.
func (r *Reconciler) announce(ctx context.Context, w *workload.Workload, step decision.Step) {
	log := r.Log.With("kind", w.Kind, "namespace", w.Namespace, "name", w.Name, "reason", step.Reason)
	if step.Reason == decision.ReasonSettling {
		log.DebugContext(ctx, "Restart waits")
		return
	}
	log.InfoContext(ctx, "Restart waits")
	var sources []string
	for _, source := range step.Changed[:min(len(step.Changed), maxNamed)] {
		sources = append(sources, source.String())
	}
	r.event(ctx, w, corev1.EventTypeNormal, eventPending, fmt.Sprintf("%s: pods still have the previous %s; %s",
		step.Reason, strings.Join(sources, ", "), step.Reason.Meaning()))
}

// conflictWait is how long the cache is given to see what a patch conflicted with.
const conflictWait = 250 * time.Millisecond

// done ends a reconcile that patched, and reports a patch that failed. A conflict is no failure: the workload has changed, and is looked at
// again.
func (r *Reconciler) done(ctx context.Context, w *workload.Workload, step decision.Step, err error) (reconcile.Result, error) {
	switch {
	case err == nil, apierrors.IsNotFound(err):
		r.setPending(w.Key, "", nil)
		return reconcile.Result{}, nil
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: conflictWait}, nil
	}
	if r.setPending(w.Key, decision.ReasonFailed, step.Changed) {
		r.event(ctx, w, corev1.EventTypeWarning, eventFailed, "the workload could not be restarted, and is tried again: "+err.Error())
	}
	r.Metrics.failed(w)
	r.Log.WarnContext(ctx, "Workload not restarted", "kind", w.Kind, "namespace", w.Namespace, "name", w.Name, "error", err)
	return reconcile.Result{}, err
}

func (r *Reconciler) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

package restart

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/pending"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// reportDelay is how long changes of a condition are collected, so that one that many workloads share is written once for many of them.
const reportDelay = 5 * time.Second

// reported reports whether a wait is one to report, given for what was reported before. That for further changes ends by itself soon, and
// each rotation begins with one: it is reported only where it goes on with a wait that is.
func reported(reason decision.Reason, before []revision.Source) bool {
	return reason != "" && (reason != decision.ReasonSettling || len(before) > 0)
}

// isWorkload reports whether a key is that of a workload. All others are of objects that report on workloads.
func isWorkload(key Key) bool { return slices.Contains(workload.Kinds(), key.Kind) }

// reporting are the objects whose Secrets are among these, each as a key.
func (n *namespace) reporting(in string, of []revision.Source) []Key {
	if len(of) == 0 {
		return nil
	}
	var keys []Key
	for by := range n.makers {
		if m := n.makers[by]; m.reports != nil && slices.Contains(of, m.source) {
			keys = append(keys, Key{Kind: by.kind, Namespace: in, Name: by.name})
		}
	}
	return keys
}

// reportOf returns the key of an object whose condition may not be as it should be: another client has changed it, or what the object says
// has changed while the condition holds. Our own write is neither.
func (n *namespace) reportOf(in string, by maker, before made, says *made) []Key {
	if says == nil || says.reports == nil {
		return nil
	}
	holds := says.condition != nil && says.condition.Status == metav1.ConditionTrue
	stale := !sameCondition(before.condition, says.condition) && !n.wanted(*says).is(says.condition)
	if stale || holds && !same(before, *says) {
		return []Key{{Kind: by.kind, Namespace: in, Name: by.name}}
	}
	return nil
}

func sameCondition(a, b *metav1.Condition) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
}

// waiting are the workloads that wait with a previous Secret, by what they wait for. unknown: one was not decided about yet.
type waiting struct {
	by      map[decision.Reason][]Key
	unknown bool
}

// wanted is what the condition of an object is to say.
func (n *namespace) wanted(m made) waiting {
	w := waiting{by: map[decision.Reason][]Key{}}
	for key, f := range n.workloads {
		switch {
		case slices.Contains(f.waitsFor, m.source):
			w.by[f.pending] = append(w.by[f.pending], key)
		case !f.decided && f.Follows(m.source, m.offer):
			w.unknown = true
		}
	}
	return w
}

// is reports whether a condition says this already. An object that never had a reason for the condition needs none.
func (w waiting) is(condition *metav1.Condition) bool {
	if len(w.by) == 0 {
		return condition == nil || condition.Status == metav1.ConditionFalse
	}
	reason, message := w.says()
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == reason && condition.Message == message
}

// says is the reason and the message of the condition.
func (w waiting) says() (reason, message string) {
	var waits []pending.Wait
	for _, of := range decision.Reasons() {
		wait := pending.Wait{Reason: string(of), Meaning: of.Meaning()}
		for _, key := range w.by[of] {
			wait.Workloads = append(wait.Workloads, key.Kind+" "+key.Name)
		}
		if len(wait.Workloads) > 0 {
			waits = append(waits, wait)
		}
	}
	return pending.Says(waits)
}

// report is a condition to write, and whose.
type report struct {
	kind      schema.GroupVersionKind
	condition metav1.Condition
}

// report is what is to be written to an object; nil: nothing. again: that is not known yet.
func (c *cluster) report(key Key, now time.Time) (r *report, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.namespaces[key.Namespace]
	if n == nil {
		return nil, false
	}
	m, ok := n.makers[maker{key.Kind, key.Name}]
	if !ok || m.reports == nil {
		return nil, false
	}
	wanted := n.wanted(m)
	if wanted.unknown || wanted.is(m.condition) {
		return nil, wanted.unknown
	}
	next := metav1.Condition{
		Type: plan.ConditionRestartPending, Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
	}
	if len(wanted.by) > 0 {
		next.Status = metav1.ConditionTrue
	}
	if m.condition != nil && m.condition.Status == next.Status {
		next.LastTransitionTime = m.condition.LastTransitionTime
	}
	next.Reason, next.Message = wanted.says()
	return &report{*m.reports, next}, false
}

// reportOn brings the condition RestartPending of an object up to date. It is applied, so that the API server merges it with the conditions
// of others as they are by then: what this process has seen of them may be old.
func (r *Reconciler) reportOn(ctx context.Context, key Key) (reconcile.Result, error) {
	report, again := r.cluster.report(key, r.now())
	if again {
		return reconcile.Result{RequeueAfter: reportDelay}, nil
	}
	if report == nil {
		return reconcile.Result{}, nil
	}
	object := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{map[string]any{
		"type": report.condition.Type, "status": string(report.condition.Status), "reason": report.condition.Reason,
		"message": report.condition.Message, "lastTransitionTime": report.condition.LastTransitionTime.UTC().Format(time.RFC3339),
	}}}}}
	object.SetGroupVersionKind(report.kind)
	object.SetNamespace(key.Namespace)
	object.SetName(key.Name)
	log := r.Log.With("kind", key.Kind, "namespace", key.Namespace, "name", key.Name, "reason", report.condition.Reason)
	err := r.Client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner(names.RestarterManager), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		log.WarnContext(ctx, "Condition RestartPending not written", "error", err)
		return reconcile.Result{}, err
	}
	log.DebugContext(ctx, "Condition RestartPending written", "status", report.condition.Status)
	return reconcile.Result{}, nil
}

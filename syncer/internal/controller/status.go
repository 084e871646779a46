package controller

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// maxEntryStatuses bounds status.entries.
const maxEntryStatuses = 100

// nextStatus is the status after an attempt. It never holds a value.
func nextStatus(object Object, o outcome, forceSync string, now time.Time) apiv1.ExternalSecretStatus {
	status := *object.SyncStatus().DeepCopy()
	at := metav1.NewTime(now.Truncate(time.Second))
	status.ObservedGeneration = object.GetGeneration()
	condition := metav1.Condition{
		Type: apiv1.ConditionReady, Status: o.ready(status.Conditions), Reason: string(o.reason),
		Message: o.message, ObservedGeneration: object.GetGeneration(), LastTransitionTime: at,
	}
	meta.SetStatusCondition(&status.Conditions, condition)
	if o.reason == apiv1.ReasonSuspended {
		// The rest describes the last attempt, and this was none. Argo CD's health check needs a text.
		status.Status = cmp.Or(status.Status, o.statusText())
		return status
	}
	status.LastSync = &at
	status.Status = o.statusText()
	status.ObservedForceSync = forceSync
	if o.entries != nil {
		status.Entries = o.entries
	}
	if o.reason == apiv1.ReasonSynced {
		status.LastSuccess = &at
		status.SecretName = o.result.Secret
		status.SecretResourceVersion = o.result.ResourceVersion
	}
	return status
}

// ready is condition Ready, unknown where there is none.
func ready(status apiv1.ExternalSecretStatus) metav1.ConditionStatus {
	if c := meta.FindStatusCondition(status.Conditions, apiv1.ConditionReady); c != nil {
		return c.Status
	}
	return metav1.ConditionUnknown
}

// isNews tells whether a status says something new. The times alone are not news.
func isNews(old, next apiv1.ExternalSecretStatus) bool {
	old.LastSync, old.LastSuccess = next.LastSync, next.LastSuccess
	return !equality.Semantic.DeepEqual(old, next)
}

// isDue tells whether a status without news is due as a sign of life.
func isDue(old, next apiv1.ExternalSecretStatus, heartbeat time.Duration) bool {
	return heartbeat > 0 && next.LastSync != nil && old.LastSync != nil && next.LastSync.Sub(old.LastSync.Time) >= heartbeat
}

// beat is a status without news, at a later time. fresh is when the oldest source was last read with
// success; zero where one fails.
func beat(old apiv1.ExternalSecretStatus, fresh, now time.Time) apiv1.ExternalSecretStatus {
	next := *old.DeepCopy()
	if fresh.IsZero() {
		at := metav1.NewTime(now.Truncate(time.Second))
		next.LastSync = &at
		return next
	}
	at := metav1.NewTime(fresh.Truncate(time.Second))
	next.LastSync = &at
	if ready(old) == metav1.ConditionTrue {
		next.LastSuccess = &at
	}
	return next
}

// entryStatuses describes the reads of a plan: their versions, and the kind of those that failed.
func entryStatuses(p *plan.Plan, result fetch.Result) []apiv1.EntryStatus {
	failed := make(map[plan.Read]apiv1.Reason, len(result.Failures))
	for _, f := range result.Failures {
		failed[f.Read] = reasonOf(f.Err)
	}
	statuses := make([]apiv1.EntryStatus, 0, min(len(p.Entries), maxEntryStatuses))
	for _, e := range p.Entries[:min(len(p.Entries), maxEntryStatuses)] {
		status := apiv1.EntryStatus{Field: e.Field, Name: e.Name, Error: failed[e.Read], Version: result.Versions[e.Read]}
		if status.Error != "" {
			status.Version = "" // it is not what the backend has now
		}
		statuses = append(statuses, status)
	}
	return statuses
}

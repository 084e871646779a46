package explain

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/pending"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Restarts lists the workloads that the restarter has seen to follow the Secret of an object. It has them remember the revision that
// their pods were started with.
func Restarts(workloads []metav1.PartialObjectMetadata, secret string, kind dialect.Kind, object dialect.Object) []shape.Restarts {
	var all []shape.Restarts
	status := kind.Status(object)
	record, condition := status.Record(), status.Condition(plan.ConditionRestartPending)
	for i := range workloads {
		w := &workloads[i]
		has := revision.Parse(w.Annotations[names.AnnotationRevisions])[revision.Source{Kind: revision.Secret, Name: secret}]
		if has == "" || w.Annotations[names.AnnotationRestart] == "false" {
			continue
		}
		one := shape.Restarts{Kind: w.Kind, Name: w.Name, Has: has, Is: revision.Of(record.SecretUID, record.DataRevision)}
		if at, err := time.Parse(time.RFC3339, w.Annotations[names.AnnotationRestartedAt]); err == nil {
			one.Restarted = &at
		}
		one.Pending = one.Is != "" && one.Is != one.Has
		if one.Pending && condition != nil && condition.Status == metav1.ConditionTrue {
			one.Waits, one.Meaning = pending.For(w.Kind+" "+w.Name, condition.Reason, condition.Message)
		}
		if one.Waits != "" || asks(w, kind, object) { // else it has left off, and keeps its record
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b shape.Restarts) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return all
}

// asks reports whether a workload asks for restarts, or an object for those of the workload. What its pod template says is not known.
func asks(w *metav1.PartialObjectMetadata, kind dialect.Kind, object dialect.Object) bool {
	if w.Annotations[names.AnnotationRestart] != "" {
		return true
	}
	for key := range w.Annotations {
		if strings.Contains(key, "reloader.stakater.com/") {
			return true
		}
	}
	restarter, ok := kind.(dialect.Restarter)
	return ok && slices.Contains(restarter.RestartTargets(object), dialect.RestartTarget{Kind: w.Kind, Name: w.Name})
}

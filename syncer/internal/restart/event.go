package restart

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// The reasons of events on workloads.
const (
	eventRestarted = "Restarted"
	eventPending   = "RestartPending"
	eventFailed    = "RestartFailed"
)

// event makes an event on a workload. client-go's recorder would count a later event of the same reason up instead, and drop what it says:
// which Secrets changed. One that cannot be made is logged, as everything that events say is.
func (r *Reconciler) event(ctx context.Context, w *workload.Workload, severity, reason, note string) {
	const limit = 1000 // of the 1,024 bytes that a note may have
	if len(note) > limit {
		note = strings.ToValidUTF8(note[:limit], "") + "…"
	}
	now := r.now()
	const most = 200 // of the 253 characters that a name may have
	name := fmt.Sprintf("%s.%x", w.Name[:min(len(w.Name), most)], now.UnixNano())
	err := r.Client.Create(ctx, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: names.ReporterRestarts, ReportingInstance: r.Instance,
		Type: severity, Reason: reason, Action: "Restart", Note: note,
		Regarding: corev1.ObjectReference{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, UID: w.UID},
	})
	if err != nil {
		r.Log.WarnContext(ctx, "Event not made", "kind", w.Kind, "namespace", w.Namespace, "name", w.Name, "reason", reason, "error", err)
	}
}

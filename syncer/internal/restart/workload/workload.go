// Package workload reads from a Deployment, StatefulSet, DaemonSet or Rollout what restarts need to know: what its pods read, which of
// that restarts it, and whether a rollout may begin. It is pure.
package workload

import (
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/revision"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
)

// The kinds of workloads.
const (
	Deployment  = "Deployment"
	StatefulSet = "StatefulSet"
	DaemonSet   = "DaemonSet"
	Rollout     = "Rollout"
)

// Kinds lists all of them.
func Kinds() []string { return []string{Deployment, StatefulSet, DaemonSet, Rollout} }

// Key names a workload.
type Key struct{ Kind, Namespace, Name string }

// Workload is one, whatever its kind.
type Workload struct {
	Key
	APIVersion      string
	UID             types.UID
	ResourceVersion string
	Rules           Rules
	Uses            Uses          // what its pods read
	Recorded        revision.List // with which its pods were started
	Restarted       time.Time     // when it was last restarted; zero: never

	Paused, OnDelete, Idle bool
	Rolling                bool // a rollout is under way, and has not failed
	// OnTemplate: a restart changes the pod template. Else it sets spec.restartAt, which Rollouts alone have.
	OnTemplate bool
}

// Options are the installation's.
type Options struct {
	Reloader bool // the annotations of Stakater Reloader count, too
}

// Of reads a workload. ok: it is of a kind that is known.
func (o Options) Of(object metav1.Object) (w Workload, ok bool) {
	var template *corev1.PodTemplateSpec
	switch of := object.(type) {
	case *appsv1.Deployment:
		w, template = deployment(of), &of.Spec.Template
	case *appsv1.StatefulSet:
		w, template = statefulSet(of), &of.Spec.Template
	case *appsv1.DaemonSet:
		w, template = daemonSet(of), &of.Spec.Template
	case *rollout.Rollout:
		w, template = argo(of), &of.Spec.Template
	default:
		return Workload{}, false
	}
	annotations := object.GetAnnotations()
	w.Namespace, w.Name, w.UID, w.ResourceVersion = object.GetNamespace(), object.GetName(), object.GetUID(), object.GetResourceVersion()
	if w.APIVersion = appsv1.SchemeGroupVersion.String(); w.Kind == Rollout {
		w.APIVersion = rollout.GroupVersion.String()
	}
	w.Rules, w.Uses = o.rules(annotations, template.Annotations), usesOf(&template.Spec)
	w.OnTemplate = w.Kind != Rollout || w.Rules.rollsOut()
	w.Recorded = revision.Parse(template.Annotations[names.AnnotationRevisions]).With(revision.Parse(annotations[names.AnnotationRevisions]))
	if at, err := time.Parse(time.RFC3339, annotations[names.AnnotationRestartedAt]); err == nil {
		w.Restarted = at
	}
	return w, true
}

// Remembered is the record without the revisions of what the workload neither follows now nor would follow if it came back.
func (w *Workload) Remembered(current revision.List) revision.List {
	kept := revision.List{}
	for source, value := range w.Recorded {
		if _, now := current[source]; now || w.Rules.mayFollow(source, w.Uses) {
			kept[source] = value
		}
	}
	return kept
}

// wanted is how many pods there are to be.
func wanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

func deployment(d *appsv1.Deployment) Workload {
	want, status := wanted(d.Spec.Replicas), d.Status
	rolling := status.ObservedGeneration < d.Generation ||
		status.UpdatedReplicas < want || status.Replicas > status.UpdatedReplicas || status.AvailableReplicas < status.UpdatedReplicas
	for _, c := range status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" && status.ObservedGeneration >= d.Generation {
			rolling = false
		}
	}
	return Workload{Key: Key{Kind: Deployment}, Paused: d.Spec.Paused, Idle: want == 0, Rolling: rolling && want > 0}
}

func statefulSet(s *appsv1.StatefulSet) Workload {
	want, status := wanted(s.Spec.Replicas), s.Status
	partition := int32(0)
	if rolling := s.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		partition = *rolling.Partition
	}
	rolling := status.ObservedGeneration < s.Generation || status.ReadyReplicas < want ||
		status.CurrentRevision != status.UpdateRevision && status.UpdatedReplicas < want-partition
	return Workload{
		Key: Key{Kind: StatefulSet}, Idle: want == 0, Rolling: rolling && want > 0,
		OnDelete: s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType,
	}
}

func daemonSet(d *appsv1.DaemonSet) Workload {
	want, status := d.Status.DesiredNumberScheduled, d.Status
	observed := status.ObservedGeneration >= d.Generation
	return Workload{
		Key: Key{Kind: DaemonSet}, Idle: observed && want == 0,
		Rolling:  !observed || status.UpdatedNumberScheduled < want || status.NumberAvailable < want,
		OnDelete: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
	}
}

// argo reads a Rollout. One that is degraded has failed, and is not waited for.
func argo(r *rollout.Rollout) Workload {
	want, phase := wanted(r.Spec.Replicas), r.Status.Phase
	return Workload{
		Key: Key{Kind: Rollout}, Idle: want == 0, Paused: r.Spec.Paused,
		Rolling: want > 0 && (!observed(r) || phase == "Progressing" || phase == "Paused" || r.Spec.RestartAt != nil && !restarted(r)),
	}
}

// observed reports whether what the status says is of the spec as it is. Before version 0.10 there was a hash in place of the generation.
func observed(r *rollout.Rollout) bool {
	generation, err := strconv.ParseInt(r.Status.ObservedGeneration, 10, 64)
	return err != nil || generation >= r.Generation
}

// restarted reports whether the restart that was last asked for has ended.
func restarted(r *rollout.Rollout) bool {
	return r.Status.RestartedAt != nil && !r.Status.RestartedAt.Time.Before(r.Spec.RestartAt.Time)
}

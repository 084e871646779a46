// Package rollout is the part of the Rollouts of Argo (argoproj.io/v1alpha1) that restarts read. What it lacks is dropped when a Rollout
// is read, and never written: Rollouts are patched.
package rollout

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is that of Rollouts, and Resource their name in it.
var GroupVersion = schema.GroupVersion{Group: "argoproj.io", Version: "v1alpha1"}

// Resource is the name of Rollouts in their GroupVersion.
const Resource = "rollouts"

// AddToScheme makes the types known.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Rollout{}, &RolloutList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// Rollout is a workload.
type Rollout struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`

	Spec   Spec   `json:"spec"`
	Status Status `json:"status"`
}

// Spec is what is to be.
type Spec struct {
	Replicas *int32                 `json:"replicas,omitempty"`
	Template corev1.PodTemplateSpec `json:"template"`
	Paused   bool                   `json:"paused,omitempty"`
	// RestartAt asks for the pods that are older to be replaced.
	RestartAt *metav1.Time `json:"restartAt,omitempty"`
}

// Status is what is.
type Status struct {
	// Phase is that of the spec as it is where ObservedGeneration is the object's, a number as text.
	Phase              string       `json:"phase,omitempty"`
	ObservedGeneration string       `json:"observedGeneration,omitempty"`
	RestartedAt        *metav1.Time `json:"restartedAt,omitempty"`
}

// DeepCopyObject implements runtime.Object.
func (r *Rollout) DeepCopyObject() runtime.Object {
	if r == nil {
		return nil
	}
	c := *r
	r.DeepCopyInto(&c.ObjectMeta)
	r.Spec.Template.DeepCopyInto(&c.Spec.Template)
	if r.Spec.Replicas != nil {
		replicas := *r.Spec.Replicas
		c.Spec.Replicas = &replicas
	}
	c.Spec.RestartAt, c.Status.RestartedAt = r.Spec.RestartAt.DeepCopy(), r.Status.RestartedAt.DeepCopy()
	return &c
}

// RolloutList is a list of Rollouts.
type RolloutList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`

	Items []Rollout `json:"items"`
}

// DeepCopyObject implements runtime.Object.
func (l *RolloutList) DeepCopyObject() runtime.Object {
	if l == nil {
		return nil
	}
	c := *l
	l.DeepCopyInto(&c.ListMeta)
	c.Items = make([]Rollout, len(l.Items))
	for i := range l.Items {
		if copied, ok := l.Items[i].DeepCopyObject().(*Rollout); ok {
			c.Items[i] = *copied
		}
	}
	return &c
}

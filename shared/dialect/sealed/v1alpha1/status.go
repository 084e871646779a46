package v1alpha1

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

// ConditionSynced is the type of the condition.
const ConditionSynced = "Synced"

// SealedSecretStatus says what the syncer last did, as users of Sealed Secrets know it. It never holds a value, nor a digest of one.
type SealedSecretStatus struct {
	// The generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Synced: whether the last attempt succeeded, and if not, why and what to do. RestartPending, of the component restarts: whether pods have
	// a previous Secret, and what their restart waits for.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []Condition `json:"conditions,omitempty"`

	// What Sealed Secrets has no field for. The API server drops it where its CRD is installed, and Secretgate does without.
	// +optional
	Sync *syncstatus.Sync `json:"sync,omitempty"`
}

// Condition is one of the object.
type Condition struct {
	// Synced, or RestartPending.
	Type string `json:"type"`
	// True, False or Unknown.
	Status metav1.ConditionStatus `json:"status"`
	// When the status or the message last changed.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitzero"`
	// When the status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`
	// Why, in one word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// What failed, why, and what to do; empty after a success.
	// +optional
	Message string `json:"message,omitempty"`
}

// find finds a condition by its type; -1: there is none.
func (s *SealedSecretStatus) find(of string) int {
	return slices.IndexFunc(s.Conditions, func(c Condition) bool { return c.Type == of })
}

// Condition is the condition of a type; nil: there is none.
func (s *SealedSecretStatus) Condition(of string) *metav1.Condition {
	i := s.find(of)
	if i < 0 {
		return nil
	}
	c := s.Conditions[i]
	return &metav1.Condition{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime}
}

// Record is what the status holds. Of one that the controller of Sealed Secrets wrote it is nothing, so that the object is opened at once:
// that controller sets no reason.
func (s *SealedSecretStatus) Record() plan.Record {
	i := s.find(ConditionSynced)
	if i < 0 || !slices.Contains(plan.Reasons(), plan.Reason(s.Conditions[i].Reason)) {
		return plan.Record{}
	}
	c := &s.Conditions[i]
	r := plan.Record{
		Generation: s.ObservedGeneration, Ready: c.Status, Reason: plan.Reason(c.Reason), Message: c.Message, Since: c.LastTransitionTime.Time,
		LastSync: c.LastUpdateTime.Time,
	}
	s.Sync.Complete(&r)
	return r
}

// Put writes a Record into the status. Conditions of others stay, behind ours, which the columns of kubectl show. A Record that says
// nothing of Ready leaves nothing else.
func (s *SealedSecretStatus) Put(r plan.Record) {
	var others []Condition
	for _, c := range s.Conditions {
		if c.Type != ConditionSynced {
			others = append(others, c)
		}
	}
	if r.Ready == "" {
		*s = SealedSecretStatus{Conditions: others}
		return
	}
	updated := r.LastSync
	if updated.Before(r.Since) {
		updated = r.Since
	}
	*s = SealedSecretStatus{
		ObservedGeneration: r.Generation,
		Conditions: append([]Condition{{
			Type: ConditionSynced, Status: r.Ready, Reason: string(r.Reason), Message: r.Message,
			LastTransitionTime: metav1.NewTime(r.Since), LastUpdateTime: metav1.NewTime(updated),
		}}, others...),
		Sync: syncstatus.SyncOf(r),
	}
}

package v1beta1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Validity is what the status of an object that others refer to says of it.
type Validity struct {
	// Whether objects that refer to this one can be read, as far as the cluster tells. Whether Vault accepts a login is said by the objects.
	// +optional
	Valid *bool `json:"valid,omitempty"`

	// What is wrong, and what to do; empty: nothing is.
	// +optional
	Error string `json:"error"` // Vault Secrets Operator's CRD may demand it
}

// Put writes what prevents the object's use; empty: nothing does.
func (v *Validity) Put(problem string) {
	v.Valid, v.Error = new(problem == ""), problem
}

// ConditionAvailable is the condition of a VaultAuth.
const ConditionAvailable = "Available"

// The reasons of ConditionAvailable.
const (
	ReasonValid   = "Valid"
	ReasonInvalid = "Invalid"
)

// Put writes what prevents the use of a VaultAuth of a generation; empty: nothing does.
func (s *VaultAuthStatus) Put(problem string, generation int64, now time.Time) {
	s.Validity.Put(problem)
	c := metav1.Condition{
		Type: ConditionAvailable, Status: metav1.ConditionTrue, Reason: ReasonValid, Message: "The spec is valid and permitted",
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
	}
	if problem != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, ReasonInvalid, problem
	}
	meta.SetStatusCondition(&s.Conditions, c)
}

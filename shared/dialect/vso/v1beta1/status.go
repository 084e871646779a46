package v1beta1

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

// VaultStaticSecretStatus says what the syncer last did, as users of Vault Secrets Operator know it. It never holds a value, nor a digest
// of one.
type VaultStaticSecretStatus struct {
	// The generation of the spec that this status describes.
	// +optional
	LastGeneration int64 `json:"lastGeneration,omitempty"`

	// A digest of the values, by Vault Secrets Operator. Secretgate never writes one, and removes it.
	// +optional
	SecretMAC string `json:"secretMAC,omitempty"`

	// SecretSynced, Healthy and Ready: whether the last attempt succeeded, and if not, why and what to do. ResourceValidation: whether the
	// spec and what it refers to are valid and permitted. RestartPending, of the component restarts: whether pods have a previous Secret, and
	// what their restart waits for.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// What Vault Secrets Operator has no field for. The API server drops it where its CRD is installed, and Secretgate does without.
	// +optional
	Sync *syncstatus.Sync `json:"sync,omitempty"`
}

// The conditions beside Ready.
const (
	ConditionSecretSynced       = "SecretSynced"
	ConditionHealthy            = "Healthy"
	ConditionResourceValidation = "ResourceValidation"
)

// ReasonSynced is the reason of the conditions while the Secret is as Vault has it. All others are ours.
const ReasonSynced = "SecretSynced"

// messageSynced is Vault Secrets Operator's.
const messageSynced = "Secret synced"

// Record is what the status holds. Of one that Vault Secrets Operator wrote it is nothing, so that the object is read at once, and its
// digest of the values is removed.
func (s *VaultStaticSecretStatus) Record() plan.Record {
	var r plan.Record
	ready := meta.FindStatusCondition(s.Conditions, plan.ConditionReady)
	if s.SecretMAC != "" || ready == nil {
		return r
	}
	var ours bool
	if r.Reason, r.Message, ours = told(ready); !ours {
		return plan.Record{}
	}
	r.Generation, r.Ready, r.Since = s.LastGeneration, ready.Status, ready.LastTransitionTime.Time
	r.LastSync = r.Since
	s.Sync.Complete(&r)
	return r
}

// Condition is the condition of a type; nil: there is none.
func (s *VaultStaticSecretStatus) Condition(of string) *metav1.Condition {
	return meta.FindStatusCondition(s.Conditions, of)
}

// told is what a condition says in our words, and whether it is one of ours.
func told(ready *metav1.Condition) (reason plan.Reason, message string, ours bool) {
	switch reason := plan.Reason(ready.Reason); {
	case ready.Reason == ReasonSynced && ready.Message == messageSynced:
		return plan.ReasonSynced, "", true
	case ready.Reason == ReasonSynced:
		return plan.ReasonSynced, ready.Message, true
	case slices.Contains(plan.Reasons(), reason):
		return reason, ready.Message, true
	}
	return "", "", false
}

// Put writes a Record into the status. Conditions of others stay. A Record that says nothing of Ready leaves nothing else.
func (s *VaultStaticSecretStatus) Put(r plan.Record) {
	before := s.Conditions
	others := slices.DeleteFunc(slices.Clone(before), isOurs)
	if len(others) == 0 {
		others = nil
	}
	if r.Ready == "" {
		*s = VaultStaticSecretStatus{Conditions: others}
		return
	}
	*s = VaultStaticSecretStatus{
		LastGeneration: r.Generation, Conditions: append(conditions(before, r), others...),
		Sync: syncstatus.SyncOf(r),
	}
}

func isOurs(c metav1.Condition) bool {
	switch c.Type {
	case plan.ConditionReady, ConditionSecretSynced, ConditionHealthy, ConditionResourceValidation:
		return true
	}
	return false
}

// conditions are those of a Record.
func conditions(before []metav1.Condition, r plan.Record) []metav1.Condition {
	ready := metav1.Condition{
		Status: r.Ready, Reason: string(r.Reason), Message: r.Message, ObservedGeneration: r.Generation,
		LastTransitionTime: metav1.NewTime(r.Since),
	}
	if r.Reason == plan.ReasonSynced {
		ready.Reason = ReasonSynced
		if r.Message == "" {
			ready.Message = messageSynced
		}
	}
	all := make([]metav1.Condition, 0, 4) //nolint:mnd // one for each type
	for _, of := range []string{ConditionSecretSynced, ConditionHealthy, plan.ConditionReady} {
		ready.Type = of
		all = append(all, ready)
	}
	return append(all, validation(before, ready, r))
}

// validation is the condition ResourceValidation, given Ready. It changes when the spec is found to be right, whatever becomes of it then.
func validation(before []metav1.Condition, ready metav1.Condition, r plan.Record) metav1.Condition {
	made := metav1.Condition{
		Type: ConditionResourceValidation, Status: metav1.ConditionTrue, Reason: "Valid", Message: "The spec is valid and permitted",
		ObservedGeneration: r.Generation,
	}
	switch r.Reason {
	case plan.ReasonInvalidSpec, plan.ReasonPolicyDenied:
		made.Status, made.Reason, made.Message = metav1.ConditionFalse, ready.Reason, ready.Message
	case plan.ReasonStoreNotFound, plan.ReasonSuspended:
		made.Status, made.Reason, made.Message = metav1.ConditionUnknown, ready.Reason, ready.Message
	}
	made.LastTransitionTime = metav1.NewTime(latest(r.Since, r.LastSync))
	if last := meta.FindStatusCondition(before, made.Type); last != nil && last.Status == made.Status {
		made.LastTransitionTime = last.LastTransitionTime
	}
	return made
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

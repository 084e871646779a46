package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionReady is true while the Secret holds what the backend last returned and the spec asks for.
const ConditionReady = "Ready"

// Reason is the cause of a condition, one word from this table.
type Reason string

// The reasons of condition Ready.
const (
	// ReasonSynced: the Secret is as the spec and the backend have it.
	ReasonSynced Reason = "Synced"
	// ReasonSuspended: spec.suspend is true; the Secret stays as it is.
	ReasonSuspended Reason = "Suspended"
	// ReasonInvalidSpec: the object cannot be understood; edit it.
	ReasonInvalidSpec Reason = "InvalidSpec"
	// ReasonPolicyDenied: the namespace's annotations forbid this object.
	ReasonPolicyDenied Reason = "PolicyDenied"
	// ReasonBackendNotConfigured: this syncer has no driver or no configuration for the backend.
	ReasonBackendNotConfigured Reason = "BackendNotConfigured"
	// ReasonSecretNotFound: the backend has no such key or version.
	ReasonSecretNotFound Reason = "BackendSecretNotFound"
	// ReasonAccessDenied: the backend refuses this identity.
	ReasonAccessDenied Reason = "BackendAccessDenied"
	// ReasonUnauthenticated: the syncer could not log in to the backend.
	ReasonUnauthenticated Reason = "BackendUnauthenticated"
	// ReasonInvalidRequest: the backend refuses the read as malformed.
	ReasonInvalidRequest Reason = "BackendInvalidRequest"
	// ReasonThrottled: the backend asks to be called less often.
	ReasonThrottled Reason = "BackendThrottled"
	// ReasonUnavailable: the backend does not answer, or answers with a fault of its own.
	ReasonUnavailable Reason = "BackendUnavailable"
	// ReasonInvalidValue: a value was read but cannot become what the spec asks for.
	ReasonInvalidValue Reason = "InvalidValue"
	// ReasonSecretNotOwned: a Secret of this name exists that this object does not own.
	ReasonSecretNotOwned Reason = "SecretNotOwned"
	// ReasonSecretWriteFailed: the API server refused the Secret.
	ReasonSecretWriteFailed Reason = "SecretWriteFailed"
)

// StatusSuspended is the status of an object that was suspended before its first attempt. It neither is SUCCESS nor begins with
// ERROR. It is there at all since Argo CD's own health check fails on a status without a text.
const StatusSuspended = "SUSPENDED"

// ExternalSecretStatus says what the syncer last did. It never holds a value, nor a digest of one.
type ExternalSecretStatus struct {
	// When the syncer last tried.
	// +optional
	LastSync *metav1.Time `json:"lastSync,omitempty"`

	// SUCCESS; ERROR and a message; or SUSPENDED, of an object that was suspended before its first attempt.
	// +optional
	Status string `json:"status,omitempty"`

	// The generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Ready, with a reason.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// The Secret that this object owns.
	// +optional
	SecretName string `json:"secretName,omitempty"`

	// The resourceVersion of the Secret as last written; another one means drift.
	// +optional
	SecretResourceVersion string `json:"secretResourceVersion,omitempty"`

	// The value of annotation force-sync that was last acted upon.
	// +optional
	ObservedForceSync string `json:"observedForceSync,omitempty"`

	// When the Secret was last known to be as the backend has it.
	// +optional
	LastSuccess *metav1.Time `json:"lastSuccess,omitempty"`

	// The reads behind the Secret, the first 100.
	// +optional
	// +listType=atomic
	Entries []EntryStatus `json:"entries,omitempty"`
}

// EntryStatus is one read behind the Secret.
type EntryStatus struct {
	// Where the spec asks for it, such as spec.data[0].
	Field string `json:"field"`

	// The entry of the Secret; empty where one read makes many.
	// +optional
	Name string `json:"name,omitempty"`

	// The backend's own id of the version that was read.
	// +optional
	Version string `json:"version,omitempty"`

	// Why the read failed: a reason of condition Ready.
	// +optional
	Error Reason `json:"error,omitempty"`
}

// SyncStatus is the object's status.
func (e *ExternalSecret) SyncStatus() *ExternalSecretStatus { return &e.Status }

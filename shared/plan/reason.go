package plan

// ConditionReady is true while the Secret holds what the backend last returned and the spec asks for.
const ConditionReady = "Ready"

// Reason is the cause of a condition, one word from this table.
type Reason string

// The reasons of condition Ready.
const (
	// ReasonSynced: the Secret is as the spec and the backend have it.
	ReasonSynced Reason = "Synced"
	// ReasonSuspended: the object is suspended; its Secret stays as it is.
	ReasonSuspended Reason = "Suspended"
	// ReasonInvalidSpec: the object cannot be understood; edit it.
	ReasonInvalidSpec Reason = "InvalidSpec"
	// ReasonStoreNotFound: an object that this one refers to is not there; its Secret stays as it is until it is.
	ReasonStoreNotFound Reason = "StoreNotFound"
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

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{
		ReasonSynced, ReasonSuspended, ReasonInvalidSpec, ReasonStoreNotFound, ReasonPolicyDenied, ReasonBackendNotConfigured,
		ReasonSecretNotFound, ReasonAccessDenied, ReasonUnauthenticated, ReasonInvalidRequest, ReasonThrottled, ReasonUnavailable,
		ReasonInvalidValue, ReasonSecretNotOwned, ReasonSecretWriteFailed,
	}
}

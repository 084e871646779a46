package plan

// ConditionReady is true while the Secret holds what the backend last returned and the spec asks for.
const ConditionReady = "Ready"

// ConditionRestartPending is true while pods have a previous Secret, and the restart that they wait for is held up. It is the restarter's:
// a syncer leaves it alone.
const ConditionRestartPending = "RestartPending"

// Reason is the cause of a condition, one word from this table.
type Reason string

// The reasons of condition Ready.
const (
	// ReasonSynced: the Secret is in sync with the spec and the backend.
	ReasonSynced Reason = "Synced"
	// ReasonSuspended: the object is suspended; its Secret stays as it is.
	ReasonSuspended Reason = "Suspended"
	// ReasonInvalidSpec: the spec is not valid; correct it as the message says.
	ReasonInvalidSpec Reason = "InvalidSpec"
	// ReasonStoreNotFound: an object that this one refers to does not exist, or may not be read; the Secret stays as it is until then.
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
	// ReasonThrottled: the backend throttles: it refuses calls because there are too many.
	ReasonThrottled Reason = "BackendThrottled"
	// ReasonUnavailable: the backend does not answer, or answers with an internal error.
	ReasonUnavailable Reason = "BackendUnavailable"
	// ReasonInvalidValue: a value was read, but the spec cannot be applied to it.
	ReasonInvalidValue Reason = "InvalidValue"
	// ReasonCannotOpen: no key of the cluster opens a value that the object holds sealed; it is tried again, and at once when a key comes.
	ReasonCannotOpen Reason = "CannotOpen"
	// ReasonTemplateFailed: a template of the spec cannot be rendered with the values that were read.
	ReasonTemplateFailed Reason = "TemplateFailed"
	// ReasonSecretMissing: the Secret is another client's to make, and does not exist; it is completed once it does.
	ReasonSecretMissing Reason = "SecretMissing"
	// ReasonSecretDeleted: the backend no longer has what the Secret was made of, and the object wants it deleted then.
	ReasonSecretDeleted Reason = "SecretDeleted"
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
		ReasonInvalidValue, ReasonCannotOpen, ReasonTemplateFailed, ReasonSecretMissing, ReasonSecretDeleted, ReasonSecretNotOwned,
		ReasonSecretWriteFailed,
	}
}

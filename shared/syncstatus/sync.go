package syncstatus

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
)

// Sync is what the syncer remembers of the last attempt where a status has fields of its own for the rest. It never holds a value, nor a
// digest of one.
type Sync struct {
	// When the syncer last tried.
	// +optional
	LastSync *metav1.Time `json:"lastSync,omitempty"`

	// When the Secret was last known to be as it should be.
	// +optional
	LastSuccess *metav1.Time `json:"lastSuccess,omitempty"`

	// The Secret that this object owns.
	// +optional
	SecretName string `json:"secretName,omitempty"`

	// The resourceVersion of the Secret as last written; another one means drift.
	// +optional
	SecretResourceVersion string `json:"secretResourceVersion,omitempty"`

	// The uid of that Secret; one that was deleted and made again has another.
	// +optional
	SecretUID string `json:"secretUID,omitempty"`

	// How often the syncer has changed the Secret's data, the first write included. It is never lowered.
	// +optional
	DataRevision int64 `json:"dataRevision,omitempty"`

	// What was last acted upon beside the spec: the value of the annotation secretgate.io/force-sync, or a text that changes with all that has
	// the object synced at once.
	// +optional
	ObservedForceSync string `json:"observedForceSync,omitempty"`

	// What the Secret was made of, the first 100.
	// +optional
	// +listType=atomic
	Entries []Entry `json:"entries,omitempty"`
}

// SyncOf is the Sync of a Record.
func SyncOf(r plan.Record) *Sync {
	return &Sync{
		LastSync: PointerTo(r.LastSync), LastSuccess: PointerTo(r.LastSuccess),
		SecretName: r.Secret, SecretResourceVersion: r.SecretResourceVersion, SecretUID: r.SecretUID, DataRevision: r.DataRevision,
		ObservedForceSync: r.ForceSync, Entries: Entries(r.Entries),
	}
}

// Complete sets what of a Record is remembered here. Of a Sync that is nil it changes nothing.
func (s *Sync) Complete(r *plan.Record) {
	if s == nil {
		return
	}
	r.LastSync, r.LastSuccess = TimeOf(s.LastSync), TimeOf(s.LastSuccess)
	r.Secret, r.SecretResourceVersion, r.SecretUID, r.DataRevision = s.SecretName, s.SecretResourceVersion, s.SecretUID, s.DataRevision
	r.ForceSync, r.Entries = s.ObservedForceSync, Records(s.Entries)
}

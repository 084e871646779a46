// Package syncstatus is the status of objects whose kinds had none, or hardly any: what the syncer last did, field for field.
// +kubebuilder:object:generate=true
package syncstatus

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
)

// Suspended is the status of an object that was suspended before its first attempt. It neither is SUCCESS nor begins with
// ERROR. It is there at all since Argo CD's own health check fails on a status without a text.
const Suspended = "SUSPENDED"

// Status says what the syncer last did. It never holds a value, nor a digest of one.
type Status struct {
	// When the syncer last tried.
	// +optional
	LastSync *metav1.Time `json:"lastSync,omitempty"`

	// SUCCESS; ERROR and a message; or SUSPENDED, of an object that was suspended before its first attempt.
	// +optional
	Status string `json:"status,omitempty"`

	// The generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Ready: whether the last attempt succeeded, and if not, the reason and what to do. RestartPending, of the component restarts: whether
	// pods have a previous Secret, and what their restart waits for.
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

	// The uid of that Secret; one that was deleted and made again has another.
	// +optional
	SecretUID string `json:"secretUID,omitempty"`

	// How often the syncer has changed the Secret's data, the first write included. It is never lowered.
	// +optional
	DataRevision int64 `json:"dataRevision,omitempty"`

	// The value of the annotation secretgate.io/force-sync that was last acted upon.
	// +optional
	ObservedForceSync string `json:"observedForceSync,omitempty"`

	// When the Secret was last known to be as the backend has it.
	// +optional
	LastSuccess *metav1.Time `json:"lastSuccess,omitempty"`

	// What was read for the Secret, the first 100 reads.
	// +optional
	// +listType=atomic
	Entries []Entry `json:"entries,omitempty"`
}

// Entry is one read behind the Secret.
type Entry struct {
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
	Error string `json:"error,omitempty"`
}

// Record is what the status holds.
func (s *Status) Record() plan.Record {
	r := plan.Record{
		Generation: s.ObservedGeneration, ForceSync: s.ObservedForceSync, Secret: s.SecretName, SecretResourceVersion: s.SecretResourceVersion,
		SecretUID: s.SecretUID, DataRevision: s.DataRevision,
		LastSync: TimeOf(s.LastSync), LastSuccess: TimeOf(s.LastSuccess), Entries: Records(s.Entries),
	}
	if ready := meta.FindStatusCondition(s.Conditions, plan.ConditionReady); ready != nil {
		r.Ready, r.Reason, r.Message, r.Since = ready.Status, plan.Reason(ready.Reason), ready.Message, ready.LastTransitionTime.Time
	}
	return r
}

// Condition is the condition of a type; nil: there is none.
func (s *Status) Condition(of string) *metav1.Condition {
	return meta.FindStatusCondition(s.Conditions, of)
}

// Records are what entries of a status hold.
func Records(entries []Entry) []plan.EntryRecord {
	var all []plan.EntryRecord
	for _, e := range entries {
		all = append(all, plan.EntryRecord{Field: e.Field, Name: e.Name, Version: e.Version, Error: plan.Reason(e.Error)})
	}
	return all
}

// Entries are records as a status holds them.
func Entries(records []plan.EntryRecord) []Entry {
	var all []Entry
	for _, e := range records {
		all = append(all, Entry{Field: e.Field, Name: e.Name, Version: e.Version, Error: string(e.Error)})
	}
	return all
}

// Put writes a Record into the status. Conditions of others stay. A Record that says nothing of Ready leaves nothing else.
func (s *Status) Put(r plan.Record) {
	isReady := func(c metav1.Condition) bool { return c.Type == plan.ConditionReady }
	conditions := slices.Clone(s.Conditions)
	if r.Ready == "" {
		*s = Status{}
		if conditions = slices.DeleteFunc(conditions, isReady); len(conditions) > 0 {
			s.Conditions = conditions
		}
		return
	}
	ready := metav1.Condition{
		Type: plan.ConditionReady, Status: r.Ready, Reason: string(r.Reason), Message: r.Message,
		ObservedGeneration: r.Generation, LastTransitionTime: metav1.NewTime(r.Since),
	}
	if i := slices.IndexFunc(conditions, isReady); i >= 0 {
		conditions[i] = ready
	} else {
		conditions = append(conditions, ready)
	}
	*s = Status{
		LastSync: PointerTo(r.LastSync), Status: text(r, s.Status), ObservedGeneration: r.Generation, Conditions: conditions,
		SecretName: r.Secret, SecretResourceVersion: r.SecretResourceVersion, ObservedForceSync: r.ForceSync,
		SecretUID: r.SecretUID, DataRevision: r.DataRevision,
		LastSuccess: PointerTo(r.LastSuccess), Entries: Entries(r.Entries),
	}
}

// text is KES's one-line status. That of an object that is suspended is of its last attempt, which this was none.
func text(r plan.Record, before string) string {
	switch r.Reason {
	case plan.ReasonSynced:
		return "SUCCESS"
	case plan.ReasonSuspended:
		return cmp.Or(before, Suspended)
	default:
		return "ERROR, " + r.Message
	}
}

// TimeOf is a time of a status; zero where there is none.
func TimeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// PointerTo is a time as a status holds it; nil for zero.
func PointerTo(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t)
	return &at
}

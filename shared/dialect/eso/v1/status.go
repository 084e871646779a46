package v1

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
)

// ExternalSecretStatus says what the syncer last did, as External Secrets Operator's users know it. It never holds a value, nor a digest of
// one.
type ExternalSecretStatus struct {
	// When the Secret was last known to be as the backend has it.
	// +optional
	// +nullable
	RefreshTime *metav1.Time `json:"refreshTime,omitempty"`

	// What of this object was last acted upon: its generation, and a hash of its labels and annotations.
	// +optional
	SyncedResourceVersion string `json:"syncedResourceVersion,omitempty"`

	// Ready: whether the last attempt succeeded, and if not, why and what to do. RestartPending, of the component restarts: whether pods have
	// a previous Secret, and what their restart waits for.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []StatusCondition `json:"conditions,omitempty"`

	// The Secret, as servicebinding.io has it.
	// +optional
	Binding *Binding `json:"binding,omitempty"`

	// What External Secrets Operator has no field for. The API server drops it where its CRD is installed, and Secretgate does without.
	// +optional
	Sync *Sync `json:"sync,omitempty"`
}

// StatusCondition is a condition.
type StatusCondition struct {
	// +kubebuilder:validation:MaxLength=253
	Type   string                 `json:"type"`
	Status metav1.ConditionStatus `json:"status"`
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`
}

// Binding names the Secret.
type Binding struct {
	// +optional
	Name string `json:"name,omitempty"`
}

// Sync is what the syncer remembers of the last attempt beside that.
type Sync struct {
	// The generation of the spec that this status describes.
	// +optional
	Generation int64 `json:"generation,omitempty"`

	// When the syncer last tried.
	// +optional
	LastSync *metav1.Time `json:"lastSync,omitempty"`

	// The cause of condition Ready, more exactly than its reason.
	// +optional
	Reason string `json:"reason,omitempty"`

	// The resourceVersion of the Secret as last written; another one means drift.
	// +optional
	SecretResourceVersion string `json:"secretResourceVersion,omitempty"`

	// The uid of that Secret; one that was deleted and made again has another.
	// +optional
	SecretUID string `json:"secretUID,omitempty"`

	// How often the syncer has changed the Secret's data, the first write included. It is never lowered.
	// +optional
	DataRevision int64 `json:"dataRevision,omitempty"`

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
	// Why the read failed, as sync.reason.
	// +optional
	Error string `json:"error,omitempty"`
}

// The reasons of condition Ready, which are External Secrets Operator's.
const (
	ReasonSynced      = "SecretSynced"
	ReasonSyncedError = "SecretSyncedError"
	ReasonDeleted     = "SecretDeleted"
	ReasonMissing     = "SecretMissing"
)

// messageSynced is External Secrets Operator's, which users' scripts wait for.
const messageSynced = "secret synced"

// reasons are theirs for ours. All others are errors.
var reasons = map[plan.Reason]string{
	plan.ReasonSynced: ReasonSynced, plan.ReasonSecretDeleted: ReasonDeleted, plan.ReasonSecretMissing: ReasonMissing,
}

// Record is what the status holds. What the API server has dropped of it is empty, but for what the rest tells: the reason is the first
// word of the message.
func (s *ExternalSecretStatus) Record() plan.Record {
	var r plan.Record
	if generation, ours := understood(s.SyncedResourceVersion); ours || s.Sync != nil {
		r.Generation, r.ForceSync = generation, s.SyncedResourceVersion
	}
	r.LastSuccess = timeOf(s.RefreshTime)
	if s.Binding != nil {
		r.Secret = s.Binding.Name
	}
	if ready := s.Condition(plan.ConditionReady); ready != nil {
		r.Ready, r.Since = ready.Status, ready.LastTransitionTime.Time
		r.Reason, r.Message = told(ready)
		r.LastSync = latest(r.Since, r.LastSuccess)
	}
	if s.Sync == nil {
		return r
	}
	r.Generation, r.SecretResourceVersion = s.Sync.Generation, s.Sync.SecretResourceVersion
	r.SecretUID, r.DataRevision = s.Sync.SecretUID, s.Sync.DataRevision
	r.LastSync = timeOf(s.Sync.LastSync)
	for _, e := range s.Sync.Entries {
		r.Entries = append(r.Entries, plan.EntryRecord{Field: e.Field, Name: e.Name, Version: e.Version, Error: plan.Reason(e.Error)})
	}
	return r
}

// Condition is the condition of a type; nil: there is none.
func (s *ExternalSecretStatus) Condition(of string) *metav1.Condition {
	i := slices.IndexFunc(s.Conditions, func(c StatusCondition) bool { return c.Type == of })
	if i < 0 {
		return nil
	}
	c := s.Conditions[i]
	return &metav1.Condition{
		Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime,
	}
}

// Version is what of an object counts for Record.ForceSync: its generation, and a hash of its labels and annotations. The hash is of
// another length than External Secrets Operator's, so that an object that it synced last is read anew.
func Version(object metav1.Object) string {
	return fmt.Sprintf("%d-%s", object.GetGeneration(), plan.HashMetadata(object))
}

// understood is the generation in a Version, and whether it is one.
func understood(version string) (generation int64, ours bool) {
	text, hash, found := strings.Cut(version, "-")
	generation, err := strconv.ParseInt(text, 10, 64)
	return generation, found && err == nil && len(hash) == hex.EncodedLen(plan.HashMetadataBytes)
}

// told is what a condition says in our words.
func told(ready *metav1.Condition) (plan.Reason, string) {
	for ours, theirs := range reasons {
		if ready.Reason == theirs {
			message := ready.Message
			if ours == plan.ReasonSynced && message == messageSynced {
				message = ""
			}
			return ours, message
		}
	}
	if first, rest, ok := strings.Cut(ready.Message, ": "); ok && slices.Contains(plan.Reasons(), plan.Reason(first)) {
		return plan.Reason(first), rest
	}
	return plan.ReasonUnavailable, ready.Message // External Secrets Operator's
}

// Put writes a Record into the status. Conditions of others stay. A Record that says nothing of Ready leaves nothing else.
func (s *ExternalSecretStatus) Put(r plan.Record) {
	conditions := slices.Clone(s.Conditions)
	isReady := func(c StatusCondition) bool { return c.Type == plan.ConditionReady }
	if r.Ready == "" {
		*s = ExternalSecretStatus{}
		if conditions = slices.DeleteFunc(conditions, isReady); len(conditions) > 0 {
			s.Conditions = conditions
		}
		return
	}
	ready := StatusCondition{
		Type: plan.ConditionReady, Status: r.Ready, Reason: reasons[r.Reason], Message: r.Message, LastTransitionTime: metav1.NewTime(r.Since),
	}
	switch {
	case ready.Reason == "":
		ready.Reason, ready.Message = ReasonSyncedError, string(r.Reason)+": "+r.Message
	case r.Reason == plan.ReasonSynced && r.Message == "":
		ready.Message = messageSynced
	}
	if i := slices.IndexFunc(conditions, isReady); i >= 0 {
		conditions[i] = ready // in its place: a patch has all conditions where their order changes, too
	} else {
		conditions = append(conditions, ready)
	}
	next := ExternalSecretStatus{
		RefreshTime: pointerTo(r.LastSuccess), SyncedResourceVersion: r.ForceSync, Conditions: conditions,
		Sync: &Sync{
			Generation: r.Generation, LastSync: pointerTo(r.LastSync),
			SecretResourceVersion: r.SecretResourceVersion, SecretUID: r.SecretUID, DataRevision: r.DataRevision,
		},
	}
	if r.Secret != "" {
		next.Binding = &Binding{Name: r.Secret}
	}
	for _, e := range r.Entries {
		next.Sync.Entries = append(next.Sync.Entries, Entry{Field: e.Field, Name: e.Name, Version: e.Version, Error: string(e.Error)})
	}
	*s = next
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func pointerTo(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t)
	return &at
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

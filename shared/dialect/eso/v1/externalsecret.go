package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ExternalSecret declares a Secret of the same namespace whose values are read through a SecretStore or a ClusterSecretStore.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=externalsecrets,singular=externalsecret,shortName=es,scope=Namespaced,categories={external-secrets}
// +kubebuilder:metadata:labels="external-secrets.io/component=controller"
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=`.spec.secretStoreRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.secretStoreRef.kind`
// +kubebuilder:selectablefield:JSONPath=`.spec.target.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.refreshInterval`
// +kubebuilder:printcolumn:name="StoreType",type=string,JSONPath=`.spec.secretStoreRef.kind`
// +kubebuilder:printcolumn:name="Store",type=string,JSONPath=`.spec.secretStoreRef.name`
// +kubebuilder:printcolumn:name="Refresh Interval",type=string,JSONPath=`.spec.refreshInterval`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Last Sync",type=date,JSONPath=`.status.refreshTime`
type ExternalSecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to read, and the Secret to make of it.
	Spec ExternalSecretSpec `json:"spec,omitempty"`

	// What the syncer last did.
	// +optional
	Status ExternalSecretStatus `json:"status,omitzero"`
}

// ExternalSecretList is a list of ExternalSecrets.
//
// +kubebuilder:object:root=true
type ExternalSecretList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExternalSecret `json:"items"`
}

// ExternalSecretSpec says what to read, and the Secret to make of it.
type ExternalSecretSpec struct {
	// The store that data and dataFrom read through, where they name none themselves.
	// +optional
	SecretStoreRef StoreRef `json:"secretStoreRef,omitzero"`

	// The Secret to make.
	// +optional
	Target Target `json:"target,omitzero"`

	// How often the values are read again, such as 30m; 1h if unset. 0 is never.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefreshInterval string `json:"refreshInterval,omitempty"`

	// When the values are read again: Periodic (if unset), at the interval; OnChange, when this object changes; CreatedOnce, never.
	// +optional
	// +kubebuilder:validation:Enum=Periodic;CreatedOnce;OnChange
	RefreshPolicy string `json:"refreshPolicy,omitempty"`

	// When periodic refreshes may run.
	// +optional
	SyncWindows *SyncWindows `json:"syncWindows,omitempty"`

	// The entries of the Secret, each with its own value.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	Data []Data `json:"data,omitempty"`

	// Entries of the Secret that are made of the members of a value, or of all values that are found.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	DataFrom []DataFrom `json:"dataFrom,omitempty"`
}

// SyncWindows are times at which periodic refreshes run, or do not.
type SyncWindows struct {
	// allow: within the windows alone; deny: without them alone.
	// +kubebuilder:validation:Enum=allow;deny
	Kind string `json:"kind"`

	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Windows []SyncWindow `json:"windows"`
}

// SyncWindow is one of them.
type SyncWindow struct {
	// When it begins: a schedule of cron with five fields, or one such as @daily, in UTC.
	// +kubebuilder:validation:MaxLength=256
	Schedule string `json:"schedule"`

	// How long it lasts, such as 2h.
	// +kubebuilder:validation:MaxLength=64
	Duration string `json:"duration"`
}

// StoreRef names a store.
type StoreRef struct {
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// SecretStore (if unset), of the object's own namespace, or ClusterSecretStore.
	// +optional
	// +kubebuilder:validation:Enum="";SecretStore;ClusterSecretStore
	Kind string `json:"kind,omitempty"`
}

// Target is the Secret to make.
type Target struct {
	// The name of the Secret; that of this object if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Owner (if unset): the Secret is made, and goes with this object. Orphan: it is made, and stays. Merge: entries are added to a Secret
	// that another client makes. CreateOrMerge: as Merge, but a Secret that is missing is made. None is not served.
	// +optional
	// +kubebuilder:validation:Enum="";Owner;Orphan;Merge;CreateOrMerge;None
	CreationPolicy string `json:"creationPolicy,omitempty"`

	// What happens when the backend no longer has a value. Retain (if unset): the Secret stays as it is. Delete: the entry goes, and with
	// the last one the Secret. Merge: the entry goes.
	// +optional
	// +kubebuilder:validation:Enum="";Retain;Delete;Merge
	DeletionPolicy string `json:"deletionPolicy,omitempty"`

	// Another kind than Secret to write. Not served.
	// +optional
	Manifest *Unserved `json:"manifest,omitempty"`

	// What the Secret is like beside the values.
	// +optional
	Template *Template `json:"template,omitempty"`

	// The Secret is made immutable, and its values are never written again.
	// +optional
	Immutable bool `json:"immutable,omitempty"`
}

// Data is one entry of the Secret.
type Data struct {
	// The name of the entry.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	SecretKey string `json:"secretKey"`

	// The value.
	RemoteRef RemoteRef `json:"remoteRef"`

	// Another store than that of the spec.
	// +optional
	SourceRef *SourceRef `json:"sourceRef,omitempty"`
}

// RemoteRef is a value in the backend.
type RemoteRef struct {
	// The backend's name of the value.
	// +kubebuilder:validation:MaxLength=2048
	Key string `json:"key"`

	// A part of the value, which is JSON: a path as github.com/tidwall/gjson has it.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Property string `json:"property,omitempty"`

	// The version of the value; the current one if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Version string `json:"version,omitempty"`

	// None, also if unset. Fetch is not served.
	// +optional
	// +kubebuilder:validation:Enum="";None;Fetch
	MetadataPolicy string `json:"metadataPolicy,omitempty"`

	Strategies `json:",inline"`
}

// Strategies are what is done to a value and its name.
type Strategies struct {
	// What becomes of characters in names that no entry of a Secret has: Default (if unset) makes _ of each, Unicode makes _U002f_.
	// +optional
	// +kubebuilder:validation:Enum="";Default;Unicode
	ConversionStrategy string `json:"conversionStrategy,omitempty"`

	// How the value is decoded: None (if unset), Base64, Base64URL, or Auto, which takes what is neither as it is.
	// +optional
	// +kubebuilder:validation:Enum="";None;Base64;Base64URL;Auto
	DecodingStrategy string `json:"decodingStrategy,omitempty"`

	// Whether a value may have bytes of zero: Ignore (if unset) lets them be, Fail does not.
	// +optional
	// +kubebuilder:validation:Enum="";Ignore;Fail
	NullBytePolicy string `json:"nullBytePolicy,omitempty"`
}

// SourceRef is what is read.
type SourceRef struct {
	// +optional
	StoreRef *StoreRef `json:"storeRef,omitempty"`

	// A generator. Not served.
	// +optional
	GeneratorRef *Unserved `json:"generatorRef,omitempty"`
}

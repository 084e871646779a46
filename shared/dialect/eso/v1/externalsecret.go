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

	// When periodic refreshes may run. Not served.
	// +optional
	SyncWindows *Unserved `json:"syncWindows,omitempty"`

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

// Template is what a Secret is like beside the values.
type Template struct {
	// The type of the Secret, such as kubernetes.io/tls; Opaque if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Type string `json:"type,omitempty"`

	// The version of the template engine: v2, also if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	EngineVersion string `json:"engineVersion,omitempty"`

	// Labels and annotations of the Secret. They are taken as they are: templates are not served here.
	// +optional
	Metadata TemplateMetadata `json:"metadata,omitzero"`

	// Replace (if unset): where data or templateFrom is set, the Secret has what they make alone. Merge: beside the values.
	// +optional
	// +kubebuilder:validation:Enum="";Replace;Merge
	MergePolicy string `json:"mergePolicy,omitempty"`

	// Entries of the Secret by their names, each a Go template of its value.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Data map[string]string `json:"data,omitempty"`

	// Further templates. Those of data win over them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	TemplateFrom []TemplateFrom `json:"templateFrom,omitempty"`
}

// TemplateMetadata is what a Secret has as metadata.
type TemplateMetadata struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Not served.
	// +optional
	// +listType=atomic
	Finalizers []string `json:"finalizers,omitempty"`
}

// TemplateFrom is where templates are.
type TemplateFrom struct {
	// A ConfigMap of the object's namespace.
	// +optional
	ConfigMap *TemplateRef `json:"configMap,omitempty"`

	// A Secret. Not served.
	// +optional
	Secret *Unserved `json:"secret,omitempty"`

	// One template, whose result is YAML: names and values of entries.
	// +optional
	// +kubebuilder:validation:MaxLength=262144
	Literal string `json:"literal,omitempty"`

	// What is made of it: Data, also if unset. Annotations and Labels are not served.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Target string `json:"target,omitempty"`

	// How what is made is decoded: None, also if unset. Others are not served.
	// +optional
	// +kubebuilder:validation:Enum="";None;Base64;Base64URL;Auto
	ValuesDecodingStrategy string `json:"valuesDecodingStrategy,omitempty"`
}

// TemplateRef names keys of a ConfigMap.
type TemplateRef struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Items []TemplateRefItem `json:"items"`
}

// TemplateRefItem is one key.
type TemplateRefItem struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`

	// Values (if unset): the key is the name of the entry, and the text its template. KeysAndValues: the result of the template is YAML,
	// names and values of entries.
	// +optional
	// +kubebuilder:validation:Enum="";Values;KeysAndValues
	TemplateAs string `json:"templateAs,omitempty"`
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

// DataFrom makes entries of one value, or of all values that are found. It has extract or find.
type DataFrom struct {
	// The members of one value, which is a JSON object.
	// +optional
	Extract *RemoteRef `json:"extract,omitempty"`

	// All values with some name or tags.
	// +optional
	Find *Find `json:"find,omitempty"`

	// How the names are changed, one after the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Rewrite []Rewrite `json:"rewrite,omitempty"`

	// Another store than that of the spec.
	// +optional
	SourceRef *SourceRef `json:"sourceRef,omitempty"`
}

// Find is what values are found by.
type Find struct {
	// Where they are.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path *string `json:"path,omitempty"`

	// +optional
	Name *FindName `json:"name,omitempty"`

	// The tags that they have.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Tags map[string]string `json:"tags,omitempty"`

	Strategies `json:",inline"`
}

// FindName is what names are like.
type FindName struct {
	// A pattern, in RE2's syntax, that is found in the names.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	RegExp string `json:"regexp,omitempty"`
}

// Rewrite changes names. It has exactly one member.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Rewrite struct {
	// +optional
	Regexp *RewriteRegexp `json:"regexp,omitempty"`
	// +optional
	Merge *RewriteMerge `json:"merge,omitempty"`
	// A template of the name. Not served.
	// +optional
	Transform *Unserved `json:"transform,omitempty"`
}

// RewriteRegexp replaces what a pattern finds.
type RewriteRegexp struct {
	// The pattern, in RE2's syntax.
	// +kubebuilder:validation:MaxLength=2048
	Source string `json:"source"`
	// The text in its place, in which $1 is what the first group matched.
	// +kubebuilder:validation:MaxLength=2048
	Target string `json:"target"`
}

// RewriteMerge takes each value for a JSON object, and makes entries of the members of all.
type RewriteMerge struct {
	// The name of the entry that strategy JSON makes.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Into string `json:"into,omitempty"`

	// Names whose members win, the last one over all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Priority []string `json:"priority,omitempty"`

	// Whether the names of priority must all be there: Strict (if unset) or IgnoreNotFound.
	// +optional
	// +kubebuilder:validation:Enum="";Strict;IgnoreNotFound
	PriorityPolicy string `json:"priorityPolicy,omitempty"`

	// Whether two members of one name are an error: Error (if unset) or Ignore, where the later one wins.
	// +optional
	// +kubebuilder:validation:Enum="";Error;Ignore
	ConflictPolicy string `json:"conflictPolicy,omitempty"`

	// Extract (if unset): each member is an entry. JSON: one entry, called into, has all.
	// +optional
	// +kubebuilder:validation:Enum="";Extract;JSON
	Strategy string `json:"strategy,omitempty"`
}

// Unserved is a part of the API that Secretgate denies.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Unserved struct{}

package v1

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

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Transformation is what becomes of the values.
type Transformation struct {
	// Entries by their names, each a Go template of its value. They win over those of transformationRefs, and over fields of the secret.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Templates map[string]Template `json:"templates,omitempty"`

	// SecretTransformations of the namespace of this object.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	TransformationRefs []TransformationRef `json:"transformationRefs,omitempty"`

	// Patterns, in RE2's syntax. Fields of the secret are entries where one of these is found in their names; all if there are none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Includes []string `json:"includes,omitempty"`

	// Patterns, in RE2's syntax. Fields of the secret are no entries where one of these is found in their names. They win over includes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Excludes []string `json:"excludes,omitempty"`

	// Whether the Secret is without _raw, which has the whole answer of Vault.
	// +optional
	ExcludeRaw bool `json:"excludeRaw,omitempty"`
}

// Template is a Go template.
type Template struct {
	// The name by which other templates of the object call it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// +kubebuilder:validation:MaxLength=262144
	Text string `json:"text"`
}

// SourceTemplate is a Go template that others call.
type SourceTemplate struct {
	// The name by which they call it. Those that it defines have their own.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// +kubebuilder:validation:MaxLength=262144
	Text string `json:"text"`
}

// TransformationRef names a SecretTransformation.
type TransformationRef struct {
	// Its namespace, which must be that of this object.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The templates of it that make entries; all if there are none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	TemplateRefs []TemplateRef `json:"templateRefs,omitempty"`

	// +optional
	IgnoreIncludes bool `json:"ignoreIncludes,omitempty"`

	// +optional
	IgnoreExcludes bool `json:"ignoreExcludes,omitempty"`
}

// TemplateRef names a template of a SecretTransformation.
type TemplateRef struct {
	// Its name in templates.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The entry that it makes; that of its name if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	KeyOverride string `json:"keyOverride,omitempty"`
}

// SecretTransformation has templates and patterns that objects of its namespace share.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=secrettransformations,singular=secrettransformation,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SecretTransformation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec SecretTransformationSpec `json:"spec,omitempty"`
	// +optional
	Status SecretTransformationStatus `json:"status,omitzero"`
}

// SecretTransformationList is a list of SecretTransformations.
//
// +kubebuilder:object:root=true
type SecretTransformationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SecretTransformation `json:"items"`
}

// SecretTransformationSpec is what objects share.
type SecretTransformationSpec struct {
	// As in a transformation.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Templates map[string]Template `json:"templates,omitempty"`

	// Templates that make no entry: others call them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	SourceTemplates []SourceTemplate `json:"sourceTemplates,omitempty"`

	// As in a transformation.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Includes []string `json:"includes,omitempty"`

	// As in a transformation.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Excludes []string `json:"excludes,omitempty"`
}

// SecretTransformationStatus says whether a SecretTransformation can be used.
type SecretTransformationStatus struct {
	Validity `json:",inline"`
}

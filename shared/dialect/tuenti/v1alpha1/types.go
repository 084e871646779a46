package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/syncstatus"
)

// SecretDefinition declares a Secret of the same namespace whose values are read from the one backend
// that the syncer is set up to read for all SecretDefinitions.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=secretdefinitions,singular=secretdefinition,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Last Sync",type=date,JSONPath=`.status.lastSync`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Status",type=string,priority=1,JSONPath=`.status.status`
type SecretDefinition struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to read, and the Secret to make of it.
	Spec SecretDefinitionSpec `json:"spec"`

	// What the syncer last did.
	// +optional
	Status syncstatus.Status `json:"status,omitzero"`
}

// SecretDefinitionList is a list of SecretDefinitions.
//
// +kubebuilder:object:root=true
type SecretDefinitionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SecretDefinition `json:"items"`
}

// SecretDefinitionSpec says what to read, and the Secret to make of it.
type SecretDefinitionSpec struct {
	// The name of the Secret. When it changes, the Secret moves.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The type of the Secret, such as Opaque (if unset) or kubernetes.io/tls.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Type string `json:"type,omitempty"`

	// The entries of the Secret, and where the value of each is read.
	// +kubebuilder:validation:MaxProperties=1000
	KeysMap map[string]DataSource `json:"keysMap"`
}

// DataSource is where one value is read.
type DataSource struct {
	// The backend's name of the secret. Vault: the full logical path, such as secret/data/db of an engine of version 2 or
	// secret/db of version 1. Azure Key Vault: the secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path"`

	// Vault: the key whose value is used; data if unset. Azure Key Vault has none, and it is ignored.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Key string `json:"key,omitempty"`

	// How the value is encoded: text (if unset), which is taken as it is, or base64, which is decoded.
	// +optional
	// +kubebuilder:validation:Enum="";text;base64
	Encoding Encoding `json:"encoding,omitempty"`
}

// Encoding is how a value is encoded in the backend.
type Encoding string

// The encodings; empty means text.
const (
	EncodingText   Encoding = "text"
	EncodingBase64 Encoding = "base64"
)

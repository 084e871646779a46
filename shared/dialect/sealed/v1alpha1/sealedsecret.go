package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SealedSecret declares a Secret of the same name and namespace whose values are sealed: the keys of the cluster alone open them.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=sealedsecrets,singular=sealedsecret,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[0].message`
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[0].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SealedSecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// The sealed values, and the Secret to make of them.
	Spec SealedSecretSpec `json:"spec"`

	// What the syncer last did.
	// +optional
	Status SealedSecretStatus `json:"status,omitzero"`
}

// SealedSecretList is a list of SealedSecrets.
//
// +kubebuilder:object:root=true
type SealedSecretList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SealedSecret `json:"items"`
}

// SealedSecretSpec has the sealed values, and the Secret to make of them.
type SealedSecretSpec struct {
	// The sealed values by the names of the Secret's entries, each as kubeseal prints it: base64. Where they may be opened is said by the
	// annotations sealedsecrets.bitnami.com/namespace-wide and cluster-wide of this object; without either, in its namespace as its name.
	// +optional
	// +nullable
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:MaxProperties=1000
	// +kubebuilder:pruning:PreserveUnknownFields
	EncryptedData map[string]Text `json:"encryptedData"`

	// A whole Secret, sealed by kubeseal before version 0.8. It is denied unless the installation accepts it. Seal the values again.
	// +optional
	Data Text `json:"data,omitzero"`

	// The Secret beside the sealed values.
	// +optional
	Template Template `json:"template,omitzero"`
}

// Template is the Secret beside the sealed values.
type Template struct {
	// +optional
	// +nullable
	Metadata Metadata `json:"metadata,omitzero"`

	// The type of the Secret, such as kubernetes.io/tls; Opaque if unset.
	// +optional
	Type string `json:"type,omitempty"`

	// Whether the Secret is immutable.
	// +optional
	Immutable *bool `json:"immutable,omitempty"`

	// Further entries of the Secret, by templates of Go that see the sealed values, opened, and these texts, each as a text by its name.
	// null in place of a text, of a name that is among encryptedData: templates see the value, and the Secret does not have it.
	// +optional
	// +nullable
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:MaxProperties=1000
	// +kubebuilder:pruning:PreserveUnknownFields
	Data map[string]Text `json:"data,omitempty"`
}

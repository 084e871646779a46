package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultAuthGlobal has what VaultAuths share: the value of each field that a VaultAuth that refers to it leaves unset.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=vaultauthglobals,singular=vaultauthglobal,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VaultAuthGlobal struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec VaultAuthGlobalSpec `json:"spec,omitempty"`
	// +optional
	Status VaultAuthGlobalStatus `json:"status,omitzero"`
}

// VaultAuthGlobalList is a list of VaultAuthGlobals.
//
// +kubebuilder:object:root=true
type VaultAuthGlobalList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VaultAuthGlobal `json:"items"`
}

// VaultAuthGlobalSpec is what VaultAuths share.
type VaultAuthGlobalSpec struct {
	// The namespaces of the cluster whose VaultAuths may refer to this one, as in a VaultAuth.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty"`

	// The VaultConnection, as in a VaultAuth. A name alone is of the namespace of this object.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	VaultConnectionRef string `json:"vaultConnectionRef,omitempty"`

	// The namespace of Vault to log in to, where the method has none.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	DefaultVaultNamespace string `json:"defaultVaultNamespace,omitempty"`

	// The method of VaultAuths without one.
	// +optional
	// +kubebuilder:validation:Enum=kubernetes;jwt;appRole;aws;gcp
	DefaultAuthMethod string `json:"defaultAuthMethod,omitempty"`

	// The mount of the auth method, where the method has none.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	DefaultMount string `json:"defaultMount,omitempty"`

	// As in a VaultAuth, where the merge strategy lets them be.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Params map[string]string `json:"params,omitempty"`

	// As in a VaultAuth, where the merge strategy lets them be.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Headers map[string]string `json:"headers,omitempty"`

	// +optional
	Kubernetes *GlobalKubernetes `json:"kubernetes,omitempty"`
	// +optional
	JWT *GlobalJWT `json:"jwt,omitempty"`
	// +optional
	AppRole *GlobalAppRole `json:"appRole,omitempty"`
	// Not served.
	// +optional
	AWS *GlobalAWS `json:"aws,omitempty"`
	// Not served.
	// +optional
	GCP *GlobalGCP `json:"gcp,omitempty"`
}

// GlobalMethod is what each method has here beside its own fields.
type GlobalMethod struct {
	// The namespace of Vault to log in to.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace string `json:"namespace,omitempty"`

	// The mount of the auth method.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Mount string `json:"mount,omitempty"`

	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Params map[string]string `json:"params,omitempty"`

	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Headers map[string]string `json:"headers,omitempty"`
}

// GlobalKubernetes is a login by a token of a ServiceAccount.
type GlobalKubernetes struct {
	Kubernetes   `json:",inline"`
	GlobalMethod `json:",inline"`
}

// GlobalJWT is a login by a JWT.
type GlobalJWT struct {
	JWT          `json:",inline"`
	GlobalMethod `json:",inline"`
}

// GlobalAppRole is a login by the ids of an AppRole.
type GlobalAppRole struct {
	AppRole      `json:",inline"`
	GlobalMethod `json:",inline"`
}

// GlobalAWS is a login by an identity of AWS.
type GlobalAWS struct {
	AWS          `json:",inline"`
	GlobalMethod `json:",inline"`
}

// GlobalGCP is a login by an identity of Google Cloud.
type GlobalGCP struct {
	GCP          `json:",inline"`
	GlobalMethod `json:",inline"`
}

// VaultAuthGlobalStatus says whether a VaultAuthGlobal can be used.
type VaultAuthGlobalStatus struct {
	Validity `json:",inline"`

	// A digest of the spec, by Vault Secrets Operator. Secretgate does not write it.
	// +optional
	SpecHash string `json:"specHash"`

	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

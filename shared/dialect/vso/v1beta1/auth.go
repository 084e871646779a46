package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultAuth says how to log in to a Vault. ServiceAccounts and Secrets that it names are of the namespace of the VaultStaticSecret that
// uses it.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=vaultauths,singular=vaultauth,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Method",type=string,JSONPath=`.spec.method`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VaultAuth struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec VaultAuthSpec `json:"spec,omitempty"`
	// +optional
	Status VaultAuthStatus `json:"status,omitzero"`
}

// VaultAuthList is a list of VaultAuths.
//
// +kubebuilder:object:root=true
type VaultAuthList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VaultAuth `json:"items"`
}

// VaultAuthSpec says how to log in.
type VaultAuthSpec struct {
	// The VaultConnection, as name, of the namespace of this object, or as namespace/name. If unset, that of the VaultAuthGlobal, else the one
	// called default in the operator's namespace.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	VaultConnectionRef string `json:"vaultConnectionRef,omitempty"`

	// The VaultAuthGlobal that has the value of each field that is unset here.
	// +optional
	VaultAuthGlobalRef *VaultAuthGlobalRef `json:"vaultAuthGlobalRef,omitempty"`

	// The namespace of Vault to log in to.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace string `json:"namespace,omitempty"`

	// The namespaces of the cluster whose objects may use this one, beside its own and the operator's: their names, or * for all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty"`

	// How to log in: kubernetes, jwt or appRole. aws and gcp are not served.
	// +optional
	// +kubebuilder:validation:Enum=kubernetes;jwt;appRole;aws;gcp
	Method string `json:"method,omitempty"`

	// The mount of the auth method.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Mount string `json:"mount,omitempty"`

	// Further parameters of logins. Not served.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Params map[string]string `json:"params,omitempty"`

	// Headers of logins. Of these, X-Vault-Namespace alone is served.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Headers map[string]string `json:"headers,omitempty"`

	// +optional
	Kubernetes *Kubernetes `json:"kubernetes,omitempty"`
	// +optional
	JWT *JWT `json:"jwt,omitempty"`
	// +optional
	AppRole *AppRole `json:"appRole,omitempty"`
	// Not served.
	// +optional
	AWS *AWS `json:"aws,omitempty"`
	// Not served.
	// +optional
	GCP *GCP `json:"gcp,omitempty"`

	// How Vault Secrets Operator encrypts what it keeps of its clients. Secretgate keeps nothing, and ignores it.
	// +optional
	StorageEncryption *StorageEncryption `json:"storageEncryption,omitempty"`
}

// VaultAuthGlobalRef names a VaultAuthGlobal.
type VaultAuthGlobalRef struct {
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Its namespace; that of this object if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// How headers and params of both are merged.
	// +optional
	MergeStrategy *MergeStrategy `json:"mergeStrategy,omitempty"`

	// Without a name, the one called default is meant: of the namespace above, or without one of the namespace of this object, else of the
	// operator's.
	// +optional
	AllowDefault *bool `json:"allowDefault,omitempty"`
}

// MergeStrategy says how headers and params of a VaultAuth and its VaultAuthGlobal are merged: union, where those of the VaultAuth win;
// replace, which takes the first that there are of the VaultAuth, the method of the VaultAuthGlobal and the VaultAuthGlobal; or none (if
// unset), which takes those of the VaultAuth alone.
type MergeStrategy struct {
	// +optional
	// +kubebuilder:validation:Enum=union;replace;none
	Headers string `json:"headers,omitempty"`
	// +optional
	// +kubebuilder:validation:Enum=union;replace;none
	Params string `json:"params,omitempty"`
}

// StorageEncryption names a key of Vault's Transit engine.
type StorageEncryption struct {
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Mount string `json:"mount,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	KeyName string `json:"keyName,omitempty"`
}

// VaultAuthStatus says whether a VaultAuth can be used.
type VaultAuthStatus struct {
	Validity `json:",inline"`

	// A digest of the spec, by Vault Secrets Operator. Secretgate does not write it.
	// +optional
	SpecHash string `json:"specHash"`

	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultConnection is a Vault server. Which servers there may be, the installation says.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=vaultconnections,singular=vaultconnection,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.address`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VaultConnection struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec VaultConnectionSpec `json:"spec,omitempty"`
	// +optional
	Status VaultConnectionStatus `json:"status,omitzero"`
}

// VaultConnectionList is a list of VaultConnections.
//
// +kubebuilder:object:root=true
type VaultConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VaultConnection `json:"items"`
}

// VaultConnectionSpec says where Vault is, and how it is known to be that.
type VaultConnectionSpec struct {
	// The URL of the server: a scheme, a host and a port.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Address string `json:"address"`

	// Headers of all requests. Of these, X-Vault-Namespace alone is served.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Headers map[string]string `json:"headers,omitempty"`

	// The name that the server's certificate must have; the host of the address if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TLSServerName string `json:"tlsServerName,omitempty"`

	// The name of a Secret in the namespace of this object, whose key ca.crt has the only CAs to trust.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	CACertSecretRef string `json:"caCertSecretRef,omitempty"`

	// A file of the operator's. Not served.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	CACertPath string `json:"caCertPath,omitempty"`

	// Not served: any server could pass for Vault.
	// +optional
	SkipTLSVerify bool `json:"skipTLSVerify,omitempty"`

	// How long a request may take. Secretgate has timeouts of its own, and ignores it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))$`
	Timeout string `json:"timeout,omitempty"`
}

// VaultConnectionStatus says whether a VaultConnection can be used.
type VaultConnectionStatus struct {
	Validity `json:",inline"`
}

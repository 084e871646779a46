// Package v1beta1 holds the external-secrets.io/v1beta1 API, which External Secrets Operator no longer serves: its objects have the fields
// of v1. Secretgate's CRDs serve it, and the API server converts its objects by their version alone.
//
// +kubebuilder:object:generate=true
// +groupName=external-secrets.io
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
)

// Version of the API.
const Version = "v1beta1"

// ExternalSecret is v1's.
//
// +kubebuilder:object:root=true
// +kubebuilder:deprecatedversion:warning="external-secrets.io/v1beta1 ExternalSecret is deprecated: write external-secrets.io/v1, which has the same fields"
// +kubebuilder:resource:path=externalsecrets,singular=externalsecret,shortName=es,scope=Namespaced,categories={external-secrets}
// +kubebuilder:metadata:labels="external-secrets.io/component=controller"
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="StoreType",type=string,JSONPath=`.spec.secretStoreRef.kind`
// +kubebuilder:printcolumn:name="Store",type=string,JSONPath=`.spec.secretStoreRef.name`
// +kubebuilder:printcolumn:name="Refresh Interval",type=string,JSONPath=`.spec.refreshInterval`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Last Sync",type=date,JSONPath=`.status.refreshTime`
type ExternalSecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec v1.ExternalSecretSpec `json:"spec,omitempty"`
	// +optional
	Status v1.ExternalSecretStatus `json:"status,omitzero"`
}

// SecretStore is v1's.
//
// +kubebuilder:object:root=true
// +kubebuilder:deprecatedversion:warning="external-secrets.io/v1beta1 SecretStore is deprecated: write external-secrets.io/v1, which has the same fields"
// +kubebuilder:resource:path=secretstores,singular=secretstore,shortName=ss,scope=Namespaced,categories={external-secrets}
// +kubebuilder:metadata:labels="external-secrets.io/component=controller"
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Capabilities",type=string,JSONPath=`.status.capabilities`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
type SecretStore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec v1.StoreSpec `json:"spec,omitempty"`
	// +optional
	Status v1.StoreStatus `json:"status,omitzero"`
}

// ClusterSecretStore is v1's.
//
// +kubebuilder:object:root=true
// +kubebuilder:deprecatedversion:warning="external-secrets.io/v1beta1 ClusterSecretStore is deprecated: write external-secrets.io/v1, which has the same fields"
// +kubebuilder:resource:path=clustersecretstores,singular=clustersecretstore,shortName=css,scope=Cluster,categories={external-secrets}
// +kubebuilder:metadata:labels="external-secrets.io/component=controller"
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Capabilities",type=string,JSONPath=`.status.capabilities`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
type ClusterSecretStore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec v1.StoreSpec `json:"spec,omitempty"`
	// +optional
	Status v1.StoreStatus `json:"status,omitzero"`
}

package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultStaticSecret declares a Secret of the same namespace that is made of a secret of a key-value engine of Vault.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=vaultstaticsecrets,singular=vaultstaticsecret,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="SecretSynced")].status`
// +kubebuilder:printcolumn:name="Healthy",type=string,JSONPath=`.status.conditions[?(@.type=="Healthy")].status`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VaultStaticSecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to read, and the Secret to make of it.
	Spec VaultStaticSecretSpec `json:"spec,omitempty"`

	// What the syncer last did.
	// +optional
	Status VaultStaticSecretStatus `json:"status,omitzero"`
}

// VaultStaticSecretList is a list of VaultStaticSecrets.
//
// +kubebuilder:object:root=true
type VaultStaticSecretList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VaultStaticSecret `json:"items"`
}

// VaultStaticSecretSpec says what to read, and the Secret to make of it.
type VaultStaticSecretSpec struct {
	// The VaultAuth to log in by, as name, of the namespace of this object, or as namespace/name. If unset, the one called default in the
	// operator's namespace.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	VaultAuthRef string `json:"vaultAuthRef,omitempty"`

	// The namespace of Vault to read in; that of the VaultAuth if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace string `json:"namespace,omitempty"`

	// The mount of the key-value engine.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Mount string `json:"mount"`

	// The secret below the mount, without data/.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path"`

	// The version of the secret, of an engine of version 2; the latest if unset or 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Version int32 `json:"version,omitempty"`

	// The version of the engine: kv-v1 or kv-v2.
	// +kubebuilder:validation:Enum=kv-v1;kv-v2
	Type string `json:"type"`

	// How often the secret is read again, such as 30s. If unset, or 0s, only when this object changes.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(s|m|h))$`
	RefreshAfter string `json:"refreshAfter,omitempty"`

	// Whether Vault Secrets Operator keeps a digest of the values in the status. Secretgate never does, and repairs the Secret either way.
	// +optional
	HMACSecretData *bool `json:"hmacSecretData,omitempty"`

	// Workloads of this namespace to restart when the Secret changes, by the component restarts.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	RolloutRestartTargets []RolloutRestartTarget `json:"rolloutRestartTargets,omitempty"`

	// The Secret.
	Destination Destination `json:"destination"`

	// +optional
	SyncConfig *SyncConfig `json:"syncConfig,omitempty"`
}

// RolloutRestartTarget is a workload.
type RolloutRestartTarget struct {
	// +kubebuilder:validation:Enum=Deployment;DaemonSet;StatefulSet;argo.Rollout
	Kind string `json:"kind"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// SyncConfig is how changes are noticed.
type SyncConfig struct {
	// By events of Vault Enterprise. Not served.
	// +optional
	InstantUpdates bool `json:"instantUpdates,omitempty"`
}

// Destination is the Secret.
type Destination struct {
	// Its name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// true: the Secret is made, and goes with this object. false (if unset): its entries are set in a Secret that another client makes.
	// +optional
	Create bool `json:"create,omitempty"`

	// With create: a Secret that no controller owns is taken over, where the namespace permits that.
	// +optional
	Overwrite bool `json:"overwrite,omitempty"`

	// Labels of the Secret, with create.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations of the Secret, with create.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// The type of the Secret, such as kubernetes.io/tls, with create; Opaque if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Type string `json:"type,omitempty"`

	// What becomes of the values. If unset, each field of the secret is an entry, and _raw has the whole answer.
	// +optional
	Transformation Transformation `json:"transformation,omitzero"`
}

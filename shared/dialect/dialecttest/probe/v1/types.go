package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/syncstatus"
)

// Probe declares a Secret of the same namespace whose values are read through ProbeStores.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=probes,singular=probe,scope=Namespaced
// +kubebuilder:subresource:status
type Probe struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to read, and the Secret to make of it.
	Spec ProbeSpec `json:"spec"`

	// What the syncer last did.
	// +optional
	Status syncstatus.Status `json:"status,omitzero"`
}

// ProbeList is a list of Probes.
//
// +kubebuilder:object:root=true
type ProbeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Probe `json:"items"`
}

// ProbeSpec says what to read, and the Secret to make of it.
type ProbeSpec struct {
	// The store that entries are read through, unless they name another.
	// +optional
	StoreRef StoreRef `json:"storeRef,omitzero"`

	// The entries of the Secret.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +listType=atomic
	Entries []Entry `json:"entries"`

	// How often to read the backend, as a Go duration such as 5m; the syncer's --refresh-interval if unset, never again after the
	// first success if 0.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefreshInterval string `json:"refreshInterval,omitempty"`

	// The name of the Secret; the object's if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Target string `json:"target,omitempty"`

	// Not supported: it is declared so that it is denied with a sentence, and not pruned.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Generator string `json:"generator,omitempty"`
}

// Entry is one read and the entry of the Secret that it becomes.
type Entry struct {
	// The entry of the Secret.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The full logical path, such as secret/data/db.
	// +kubebuilder:validation:MaxLength=2048
	Key string `json:"key"`

	// The member of the value; the whole value if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Property string `json:"property,omitempty"`

	// Another store than spec.storeRef.
	// +optional
	StoreRef *StoreRef `json:"storeRef,omitempty"`
}

// StoreRef names a ProbeStore, or a ClusterProbeStore.
type StoreRef struct {
	// ProbeStore if unset.
	// +optional
	// +kubebuilder:validation:Enum=ProbeStore;ClusterProbeStore
	Kind string `json:"kind,omitempty"`

	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The object's own namespace, if set.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// ProbeStore is where and as whom Probes of its namespace read.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=probestores,singular=probestore,scope=Namespaced
type ProbeStore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Where to read, and as whom.
	Spec ProbeStoreSpec `json:"spec"`
}

// ProbeStoreList is a list of ProbeStores.
//
// +kubebuilder:object:root=true
type ProbeStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ProbeStore `json:"items"`
}

// ClusterProbeStore is where and as whom Probes read, of all namespaces that its conditions admit. What it logs in with is in the namespace
// of the Probe.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=clusterprobestores,singular=clusterprobestore,scope=Cluster
type ClusterProbeStore struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Where to read, and as whom.
	Spec ClusterProbeStoreSpec `json:"spec"`
}

// ClusterProbeStoreList is a list of ClusterProbeStores.
//
// +kubebuilder:object:root=true
type ClusterProbeStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterProbeStore `json:"items"`
}

// ClusterProbeStoreSpec says where to read in Vault, as whom, and who may.
type ClusterProbeStoreSpec struct {
	ProbeStoreSpec `json:",inline"`

	// The namespaces whose Probes may use the store: those that one of these admits; all if unset.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition admits the namespaces that one of its fields is about.
type Condition struct {
	// Their names.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`

	// Regular expressions that are found in their names.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	NamespaceRegexes []string `json:"namespaceRegexes,omitempty"`

	// Their labels.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// ProbeStoreSpec says where to read in Vault, and as whom. Exactly one of secretRef and serviceAccountRef is set.
type ProbeStoreSpec struct {
	// The URL of Vault.
	// +kubebuilder:validation:MaxLength=2048
	Server string `json:"server"`

	// The only CAs to trust for the server, as PEM; those of the syncer if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	CABundle string `json:"caBundle,omitempty"`

	// The namespace of Vault Enterprise to work in.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace string `json:"namespace,omitempty"`

	// How to log in.
	// +kubebuilder:validation:Enum=kubernetes;jwt;appRole
	Method string `json:"method"`

	// The mount of the auth method.
	// +kubebuilder:validation:MaxLength=2048
	Mount string `json:"mount"`

	// The role to log in as; of an AppRole, its id. Unset only where the ServiceAccount names it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`

	// The Secret that holds the secret id of an AppRole.
	// +optional
	SecretRef *SecretRef `json:"secretRef,omitempty"`

	// The ServiceAccount whose token proves who logs in, by method kubernetes or jwt.
	// +optional
	ServiceAccountRef *ServiceAccountRef `json:"serviceAccountRef,omitempty"`
}

// SecretRef names a key of a Secret of the store's namespace.
type SecretRef struct {
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}

// ServiceAccountRef names a ServiceAccount of the store's namespace.
type ServiceAccountRef struct {
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The audience of its token.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Audience string `json:"audience,omitempty"`

	// The annotation of the ServiceAccount that names the role to log in as, instead of the store.
	// +optional
	// +kubebuilder:validation:MaxLength=316
	RoleAnnotation string `json:"roleAnnotation,omitempty"`
}

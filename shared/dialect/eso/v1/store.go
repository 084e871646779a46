package v1

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/secretgate/secretgate/shared/plan"
)

// SecretStore says where ExternalSecrets of its namespace are read, and as whom.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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

	Spec StoreSpec `json:"spec,omitempty"`
	// +optional
	Status StoreStatus `json:"status,omitzero"`
}

// SecretStoreList is a list of SecretStores.
//
// +kubebuilder:object:root=true
type SecretStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SecretStore `json:"items"`
}

// ClusterSecretStore says where ExternalSecrets of several namespaces are read, and as whom.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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

	Spec StoreSpec `json:"spec,omitempty"`
	// +optional
	Status StoreStatus `json:"status,omitzero"`
}

// ClusterSecretStoreList is a list of ClusterSecretStores.
//
// +kubebuilder:object:root=true
type ClusterSecretStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterSecretStore `json:"items"`
}

// StoreSpec says where values are read, and as whom.
type StoreSpec struct {
	// Which controller serves the store: secretgate, or that of --eso-controller-class. Without one, External Secrets Operator does, and
	// Secretgate with --eso-serve-default.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Controller string `json:"controller,omitempty"`

	// The backend. It has exactly one member.
	Provider Provider `json:"provider"`

	// How calls are tried again. Secretgate has its own way, and ignores it.
	// +optional
	RetrySettings *RetrySettings `json:"retrySettings,omitempty"`

	// How often the store is validated. Secretgate validates it with each read, and ignores it.
	// +optional
	RefreshInterval *intstr.IntOrString `json:"refreshInterval,omitempty"`

	// A ClusterSecretStore may be used by the namespaces that one of these matches; by all if unset. A SecretStore ignores them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition matches namespaces.
type Condition struct {
	// By their labels.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// By their names.
	// +optional
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`
	// By patterns, in RE2's syntax, that are found in their names: team-a is found in not-team-a, too.
	// +optional
	// +listType=atomic
	NamespaceRegexes []string `json:"namespaceRegexes,omitempty"`
}

// RetrySettings is how calls are tried again.
type RetrySettings struct {
	// +optional
	MaxRetries *int32 `json:"maxRetries,omitempty"`
	// +optional
	RetryInterval *string `json:"retryInterval,omitempty"`
}

// SecretKeySelector names a value in a Secret.
type SecretKeySelector struct {
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// Of a ClusterSecretStore: where the Secret is; if unset, in the namespace of the ExternalSecret. Of a SecretStore it must be its own.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// ServiceAccountSelector names a ServiceAccount.
type ServiceAccountSelector struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// As that of a Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// What its token is for. That of the API server is refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Audiences []string `json:"audiences,omitempty"`
}

// CAProvider names the CAs to trust.
type CAProvider struct {
	// +kubebuilder:validation:Enum=Secret;ConfigMap
	Type string `json:"type"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
	// As that of a Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// StoreStatus is what the controller says of a store.
type StoreStatus struct {
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []StatusCondition `json:"conditions,omitempty"`
	// +optional
	Capabilities string `json:"capabilities,omitempty"`
}

// The reasons of a store's condition Ready, which are External Secrets Operator's.
const (
	ReasonValid   = "Valid"
	ReasonInvalid = "InvalidProviderConfig"
)

const (
	// messageValid begins as External Secrets Operator's. It does not say that a login succeeds: that is seen with each ExternalSecret.
	messageValid = "store validated: its fields are right and permitted"
	capabilities = "ReadOnly"
)

// Put says whether the store can be used: what prevents it, or nothing.
func (s *StoreStatus) Put(problem string, now time.Time) {
	ready := StatusCondition{Type: plan.ConditionReady, Status: metav1.ConditionTrue, Reason: ReasonValid, Message: messageValid}
	if problem != "" {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, ReasonInvalid, problem
	}
	ready.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
	s.Capabilities = capabilities
	i := slices.IndexFunc(s.Conditions, func(c StatusCondition) bool { return c.Type == plan.ConditionReady })
	if i < 0 {
		s.Conditions = append(s.Conditions, ready)
		return
	}
	if s.Conditions[i].Status == ready.Status {
		ready.LastTransitionTime = s.Conditions[i].LastTransitionTime
	}
	s.Conditions[i] = ready
}

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/secretgate/secretgate/shared/syncstatus"
)

// ExternalSecret declares a Secret of the same name and namespace whose values are read from an
// external secret manager.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=externalsecrets,singular=externalsecret,shortName=es,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Last Sync",type=date,JSONPath=`.status.lastSync`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Backend",type=string,priority=1,JSONPath=`.spec.backendType`
// +kubebuilder:printcolumn:name="Status",type=string,priority=1,JSONPath=`.status.status`
// +kubebuilder:validation:XValidation:rule="has(self.spec) || has(self.secretDescriptor)",message="spec is required",reason=FieldValueRequired,fieldPath=".spec"
type ExternalSecret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to read, from where, as whom, and the Secret to make of it.
	// +optional
	Spec ExternalSecretSpec `json:"spec,omitzero"`

	// Deprecated: the name of spec in the first versions of kubernetes-external-secrets. The
	// webhook moves it to spec and warns.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	SecretDescriptor *runtime.RawExtension `json:"secretDescriptor,omitempty"`

	// What the syncer last did.
	// +optional
	Status syncstatus.Status `json:"status,omitzero"`

	// Malformed says why this object could not be decoded, and is empty otherwise. It is not
	// part of the API: see UnmarshalJSON.
	Malformed string `json:"-"`
}

// ExternalSecretList is a list of ExternalSecrets.
//
// +kubebuilder:object:root=true
type ExternalSecretList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExternalSecret `json:"items"`
}

// Backend names an external secret manager, as spec.backendType spells it.
type Backend string

// The backends, and the names that are answered with an explanation.
const (
	BackendAWSSecretsManager   Backend = "secretsManager"
	BackendAWSParameterStore   Backend = "systemManager"
	BackendVault               Backend = "vault"
	BackendAzureKeyVault       Backend = "azureKeyVault"
	BackendGCPSecretManager    Backend = "gcpSecretsManager"
	BackendAlicloudKMS         Backend = "alicloudSecretsManager"
	BackendDeprecatedSecretMgr Backend = "secretManager"
	BackendIBM                 Backend = "ibmcloudSecretsManager"
	BackendAkeyless            Backend = "akeyless"
)

// Backends lists the ones that are served, as messages do.
func Backends() []Backend {
	return []Backend{
		BackendAWSSecretsManager, BackendAWSParameterStore, BackendVault, BackendAzureKeyVault, BackendGCPSecretManager, BackendAlicloudKMS,
	}
}

// DeletionPolicy says what becomes of the Secret when its ExternalSecret is deleted.
type DeletionPolicy string

// The deletion policies; empty means Delete.
const (
	DeletionDelete DeletionPolicy = "Delete"
	DeletionRetain DeletionPolicy = "Retain"
)

// ExternalSecretSpec says what to read, from where, as whom, and the Secret to make of it.
//
// +kubebuilder:validation:XValidation:rule="[has(self.data) && size(self.data) > 0, has(self.dataFrom) && size(self.dataFrom) > 0, has(self.dataFromWithOptions) && size(self.dataFromWithOptions) > 0, has(self.properties) && size(self.properties) > 0].exists(x, x)",message="at least one of data, dataFrom and dataFromWithOptions is required"
// +kubebuilder:validation:XValidation:rule="!has(self.backendType) || self.backendType != 'azureKeyVault' || has(self.keyVaultName)",message="keyVaultName is required for backendType azureKeyVault",reason=FieldValueRequired,fieldPath=".keyVaultName"
// +kubebuilder:validation:XValidation:rule="!has(self.backendType) || self.backendType == 'systemManager' || !has(self.data) || !self.data.exists(d, has(d.path))",message="path is only for backendType systemManager: use key and name",fieldPath=".data"
type ExternalSecretSpec struct {
	// By a rule, not an enum: the API server's message would offer the names that are accepted for a message of their own.

	// The secret manager to read: secretsManager (AWS Secrets Manager), systemManager (AWS SSM
	// Parameter Store), vault (HashiCorp Vault), azureKeyVault, gcpSecretsManager or
	// alicloudSecretsManager. secretManager is the deprecated spelling of secretsManager.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self in ['secretsManager', 'systemManager', 'vault', 'azureKeyVault', 'gcpSecretsManager', 'alicloudSecretsManager', 'secretManager', 'ibmcloudSecretsManager', 'akeyless']",messageExpression="'\"' + self + '\" is not a backend: use one of secretsManager, systemManager, vault, azureKeyVault, gcpSecretsManager, alicloudSecretsManager'",reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule="self != 'ibmcloudSecretsManager' && self != 'akeyless'",message="IBM Cloud Secrets Manager and Akeyless are not supported by Secretgate: use one of secretsManager, systemManager, vault, azureKeyVault, gcpSecretsManager, alicloudSecretsManager",reason=FieldValueForbidden
	Backend Backend `json:"backendType"`

	// The reads, each of which becomes one entry of the Secret; with path, an entry for each parameter.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	Data []DataEntry `json:"data,omitempty"`

	// Keys whose values are JSON objects: each member becomes an entry of the Secret. Where two make the
	// same entry, data wins over dataFromWithOptions, which wins over dataFrom.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=2048
	DataFrom []string `json:"dataFrom,omitempty"`

	// As dataFrom, with a version and an encoding for each key.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	DataFromWithOptions []DataFromEntry `json:"dataFromWithOptions,omitempty"`

	// AWS and Alibaba Cloud: the role to assume before reading. The namespace's annotation
	// iam.amazonaws.com/permitted limits it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	RoleARN string `json:"roleArn,omitempty"`

	// AWS: the region to read in; the syncer's AWS_REGION if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`

	// Vault: the mount of the Kubernetes auth method to log in at; DEFAULT_VAULT_MOUNT_POINT if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	VaultMountPoint string `json:"vaultMountPoint,omitempty"`

	// Vault: the role to log in as; DEFAULT_VAULT_ROLE if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	VaultRole string `json:"vaultRole,omitempty"`

	// Vault: the version of the KV secrets engine that keys are read from, 1 or 2; 2 if unset.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2
	KVVersion *int32 `json:"kvVersion,omitempty"`

	// Azure: the name of the Key Vault. Required for backendType azureKeyVault.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	KeyVaultName string `json:"keyVaultName,omitempty"`

	// GCP: the project that holds the secrets; DEFAULT_GCP_PROJECT if unset, else that of the credentials.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	ProjectID string `json:"projectId,omitempty"`

	// A Secret to merge with the values: labels, annotations, type, immutable, data and stringData. Values win over data, and
	// stringData over values. Its texts may hold code that makes them of the values: <%= data.NAME %> or ${data.NAME}.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Template *runtime.RawExtension `json:"template,omitempty"`

	// The INSTANCE_ID of the syncer that serves this object; if unset, syncers without an INSTANCE_ID do.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ControllerID string `json:"controllerId,omitempty"`

	// How often to read the backend, as a Go duration such as 5m; the syncer's --refresh-interval
	// if unset, never again after the first success if 0.
	// +optional
	// +kubebuilder:validation:Pattern=`^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$`
	// +kubebuilder:validation:MaxLength=64
	RefreshInterval string `json:"refreshInterval,omitempty"`

	// Stop reading and writing for this object; its Secret stays as it is.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// What becomes of the Secret when this object is deleted: Delete (if unset) or Retain.
	// +optional
	// +kubebuilder:validation:Enum=Delete;Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// Take over an existing Secret of this name that no controller owns. Only in namespaces with the
	// annotation secretgate.io/permit-adopt: "true".
	// +optional
	AdoptExisting bool `json:"adoptExisting,omitempty"`

	// IBM Cloud, which is not supported: known only so that the answer can name it.
	// +optional
	KeyByName *bool `json:"keyByName,omitempty"`

	// Deprecated: spec.template.type. The webhook moves it there and warns.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Type string `json:"type,omitempty"`

	// Deprecated: spec.data. The webhook moves it there and warns.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	Properties []DataEntry `json:"properties,omitempty"`
}

// DataEntry is one read and the entry of the Secret that it becomes.
//
// +kubebuilder:validation:XValidation:rule="has(self.key) != has(self.path)",message="exactly one of key and path is required"
// +kubebuilder:validation:XValidation:rule="has(self.path) || has(self.name)",message="name is required: the entry of the Secret that key becomes",reason=FieldValueRequired,fieldPath=".name"
type DataEntry struct {
	// The backend's name of the secret. Vault: the full logical path, such as secret/data/db.
	// Azure: name or name/version. SSM: name, name:version or name:label.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Key string `json:"key,omitempty"`

	// The name of the entry in the Secret. Required with key.
	// +optional
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// SSM: a parameter path; each parameter below it becomes an entry, named by its last segment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path,omitempty"`

	// SSM: read the whole tree below path instead of one level.
	// +optional
	Recursive bool `json:"recursive,omitempty"`

	// The value is JSON; use its member of this name, or the value at this path, as in a.b[0].c.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Property string `json:"property,omitempty"`

	// The value is base64 text; decode it.
	// +optional
	IsBinary bool `json:"isBinary,omitempty"`

	// GCP: the version to read, a number, latest or an alias; latest if unset.
	// +optional
	Version *intstr.IntOrString `json:"version,omitempty"`

	// AWS Secrets Manager and Alibaba Cloud: the staging label to read; AWSCURRENT or ACSCurrent if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	VersionStage string `json:"versionStage,omitempty"`

	// AWS Secrets Manager: the version to read; wins over versionStage.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	VersionID string `json:"versionId,omitempty"`

	// IBM Cloud, which is not supported: known only so that the answer can name it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SecretType string `json:"secretType,omitempty"`
}

// DataFromEntry is one read whose value, a JSON object, gives the Secret an entry per member.
type DataFromEntry struct {
	// The backend's name of the secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Key string `json:"key"`

	// The value is base64 text of a JSON object; decode it first.
	// +optional
	IsBinary bool `json:"isBinary,omitempty"`

	// AWS Secrets Manager and Alibaba Cloud: the staging label to read; AWSCURRENT or ACSCurrent if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	VersionStage string `json:"versionStage,omitempty"`

	// AWS Secrets Manager: the version to read; wins over versionStage.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	VersionID string `json:"versionId,omitempty"`
}

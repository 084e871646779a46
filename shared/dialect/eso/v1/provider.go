package v1

import (
	"encoding/json"
	"slices"
)

// Provider is a backend.
//
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Provider struct {
	// +optional
	AWS *AWSProvider `json:"aws,omitempty"`
	// +optional
	Vault *VaultProvider `json:"vault,omitempty"`
	// +optional
	AzureKV *AzureKVProvider `json:"azurekv,omitempty"`
	// +optional
	GCPSM *GCPSMProvider `json:"gcpsm,omitempty"`
	// Removed from External Secrets Operator in 2.0.
	// +optional
	Alibaba *AlibabaProvider `json:"alibaba,omitempty"`

	// Others are the names of providers that Secretgate does not serve.
	Others []string `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler. Of a provider that is not known it keeps the name.
func (p *Provider) UnmarshalJSON(text []byte) error {
	type known Provider
	if err := json.Unmarshal(text, (*known)(p)); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	p.Others = nil
	for name := range members {
		switch name {
		case "aws", "vault", "azurekv", "gcpsm", "alibaba":
		default:
			p.Others = append(p.Others, name)
		}
	}
	slices.Sort(p.Others)
	return nil
}

// AWSProvider is AWS Secrets Manager or the Parameter Store.
type AWSProvider struct {
	// SecretsManager or ParameterStore. CertificateManager is not served.
	// +kubebuilder:validation:Enum=SecretsManager;ParameterStore;CertificateManager
	Service string `json:"service"`

	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region"`

	// Who reads. Without it a ClusterSecretStore reads as the syncer; a SecretStore may not.
	// +optional
	Auth AWSAuth `json:"auth,omitzero"`

	// A role to assume.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`

	// Roles to assume before that, one by the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	AdditionalRoles []string `json:"additionalRoles,omitempty"`

	// Goes with assuming the role.
	// +optional
	// +kubebuilder:validation:MaxLength=1224
	ExternalID string `json:"externalID,omitempty"`

	// Tags of the role's session.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	SessionTags []AWSTag `json:"sessionTags,omitempty"`

	// Those tags that roles assumed further on have, too.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	TransitiveTagKeys []string `json:"transitiveTagKeys,omitempty"`

	// Tags that name the namespace and the store. Not served: see --aws-session-tags of the syncer.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SessionTagsPolicy string `json:"sessionTagsPolicy,omitempty"`

	// Not served.
	// +optional
	CustomSessionTags *Unserved `json:"customSessionTags,omitempty"`

	// Put before each key.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Prefix string `json:"prefix,omitempty"`

	// How PushSecrets are deleted. It has no meaning here.
	// +optional
	SecretsManager *Unserved `json:"secretsManager,omitempty"`
}

// AWSAuth is who reads: one of its members.
type AWSAuth struct {
	// An access key.
	// +optional
	SecretRef *AWSSecretRef `json:"secretRef,omitempty"`
	// A ServiceAccount whose annotation eks.amazonaws.com/role-arn names a role.
	// +optional
	JWT *AWSJWT `json:"jwt,omitempty"`
}

// AWSSecretRef is an access key.
type AWSSecretRef struct {
	// +optional
	AccessKeyID SecretKeySelector `json:"accessKeyIDSecretRef,omitzero"`
	// +optional
	SecretAccessKey SecretKeySelector `json:"secretAccessKeySecretRef,omitzero"`
	// +optional
	SessionToken *SecretKeySelector `json:"sessionTokenSecretRef,omitempty"`
}

// AWSJWT is a ServiceAccount that is a role.
type AWSJWT struct {
	// +optional
	ServiceAccountRef *ServiceAccountSelector `json:"serviceAccountRef,omitempty"`
}

// AWSTag is a tag.
type AWSTag struct {
	// +kubebuilder:validation:MaxLength=128
	Key string `json:"key"`
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value"`
}

// VaultProvider is HashiCorp's Vault.
type VaultProvider struct {
	// Its URL, such as https://vault.example.com:8200.
	// +kubebuilder:validation:MaxLength=2048
	Server string `json:"server"`

	// The mount of the key-value engine, such as secret. Without it, keys begin with it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path *string `json:"path,omitempty"`

	// The version of the engine: v1, or v2 (if unset).
	// +optional
	// +kubebuilder:validation:Enum="";v1;v2
	Version string `json:"version,omitempty"`

	// A namespace of Vault Enterprise.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace *string `json:"namespace,omitempty"`

	// Who reads. Without it a ClusterSecretStore may read as the syncer, by auth.kubernetes; a SecretStore may not.
	// +optional
	Auth *VaultAuth `json:"auth,omitempty"`

	// The only CAs to trust, as PEM in base64.
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`
	// +optional
	CAProvider *CAProvider `json:"caProvider,omitempty"`

	// A client certificate. Not served.
	// +optional
	TLS VaultTLS `json:"tls,omitzero"`

	// Of these X-Vault-Namespace is served.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Headers map[string]string `json:"headers,omitempty"`

	// Ignored: reads alone are made.
	// +optional
	ReadYourWrites bool `json:"readYourWrites,omitempty"`
	// Not served.
	// +optional
	ForwardInconsistent bool `json:"forwardInconsistent,omitempty"`
	// For PushSecrets. It has no meaning here.
	// +optional
	CheckAndSet *Unserved `json:"checkAndSet,omitempty"`
}

// VaultTLS is a client certificate.
type VaultTLS struct {
	// +optional
	CertSecretRef *Unserved `json:"certSecretRef,omitempty"`
	// +optional
	KeySecretRef *Unserved `json:"keySecretRef,omitempty"`
}

// VaultAuth is who reads: the first of its members that is set.
type VaultAuth struct {
	// The namespace of Vault to log in to; that of the store if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Namespace *string `json:"namespace,omitempty"`

	// A token.
	// +optional
	TokenSecretRef *SecretKeySelector `json:"tokenSecretRef,omitempty"`
	// +optional
	AppRole *VaultAppRole `json:"appRole,omitempty"`
	// +optional
	Kubernetes *VaultKubernetes `json:"kubernetes,omitempty"`
	// +optional
	JWT *VaultJWT `json:"jwt,omitempty"`

	// Not served.
	// +optional
	LDAP *Unserved `json:"ldap,omitempty"`
	// Not served.
	// +optional
	UserPass *Unserved `json:"userPass,omitempty"`
	// Not served.
	// +optional
	Cert *Unserved `json:"cert,omitempty"`
	// Not served.
	// +optional
	IAM *Unserved `json:"iam,omitempty"`
	// Not served.
	// +optional
	GCP *Unserved `json:"gcp,omitempty"`
}

// VaultAppRole is an AppRole.
type VaultAppRole struct {
	// The mount of the auth method; approle if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path,omitempty"`
	// The role id.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	RoleID string `json:"roleId,omitempty"`
	// Where the role id is, if not here.
	// +optional
	RoleRef *SecretKeySelector `json:"roleRef,omitempty"`
	// The secret id.
	SecretRef SecretKeySelector `json:"secretRef"`
}

// VaultKubernetes is a role for ServiceAccounts.
type VaultKubernetes struct {
	// The mount of the auth method; kubernetes if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"mountPath,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`
	// Whose token it is. Without audiences it is for vault, never for the API server.
	// +optional
	ServiceAccountRef *ServiceAccountSelector `json:"serviceAccountRef,omitempty"`
	// A token that is kept in a Secret; its key is token if unset.
	// +optional
	SecretRef *SecretKeySelector `json:"secretRef,omitempty"`
}

// VaultJWT is a role for tokens that Vault verifies itself.
type VaultJWT struct {
	// The mount of the auth method; jwt if unset.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`
	// +optional
	SecretRef *SecretKeySelector `json:"secretRef,omitempty"`
	// +optional
	KubernetesServiceAccountToken *VaultServiceAccountToken `json:"kubernetesServiceAccountToken,omitempty"`
}

// VaultServiceAccountToken is a token of a ServiceAccount.
type VaultServiceAccountToken struct {
	ServiceAccountRef ServiceAccountSelector `json:"serviceAccountRef"`
	// vault if unset.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Audiences *[]string `json:"audiences,omitempty"`
	// Ignored: it is 10 minutes.
	// +optional
	ExpirationSeconds *int64 `json:"expirationSeconds,omitempty"`
}

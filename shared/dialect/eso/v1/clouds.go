package v1

// AzureKVProvider is Azure Key Vault.
type AzureKVProvider struct {
	// The URL of the vault, such as https://name.vault.azure.net.
	// +kubebuilder:validation:MaxLength=2048
	VaultURL string `json:"vaultUrl"`

	// ServicePrincipal (if unset), ManagedIdentity or WorkloadIdentity.
	// +optional
	// +kubebuilder:validation:Enum="";ServicePrincipal;ManagedIdentity;WorkloadIdentity
	AuthType string `json:"authType,omitempty"`

	// The tenant of the identity.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TenantID string `json:"tenantId,omitempty"`

	// PublicCloud (if unset), or the cloud that the vault is in. It must be the syncer's.
	// +optional
	// +kubebuilder:validation:Enum="";PublicCloud;USGovernmentCloud;ChinaCloud;GermanCloud;AzureStackCloud
	EnvironmentType string `json:"environmentType,omitempty"`

	// +optional
	AuthSecretRef *AzureAuth `json:"authSecretRef,omitempty"`

	// Of WorkloadIdentity: whose token it is. Its annotations azure.workload.identity/client-id and tenant-id name the identity.
	// +optional
	ServiceAccountRef *ServiceAccountSelector `json:"serviceAccountRef,omitempty"`

	// Of ManagedIdentity: the client id of one that is assigned by users.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	IdentityID string `json:"identityId,omitempty"`

	// Ignored: Azure's current SDK is used.
	// +optional
	UseAzureSDK bool `json:"useAzureSDK,omitempty"`
	// Not served.
	// +optional
	CustomCloudConfig *Unserved `json:"customCloudConfig,omitempty"`
}

// AzureAuth is what a service principal proves itself by.
type AzureAuth struct {
	// +optional
	ClientID *SecretKeySelector `json:"clientId,omitempty"`
	// +optional
	TenantID *SecretKeySelector `json:"tenantId,omitempty"`
	// +optional
	ClientSecret *SecretKeySelector `json:"clientSecret,omitempty"`
	// +optional
	ClientCertificate *SecretKeySelector `json:"clientCertificate,omitempty"`
}

// GCPSMProvider is Google Secret Manager.
type GCPSMProvider struct {
	// The project; if unset that of the workload identity's cluster, else --default-gcp-project.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ProjectID string `json:"projectID,omitempty"`

	// A region, whose secrets are apart.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Location string `json:"location,omitempty"`

	// Who reads. Without it a ClusterSecretStore reads as the syncer; a SecretStore may not.
	// +optional
	Auth GCPAuth `json:"auth,omitzero"`

	// LatestOrFail, also if unset. LatestOrFetch is not served.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SecretVersionSelectionPolicy string `json:"secretVersionSelectionPolicy,omitempty"`
}

// GCPAuth is who reads: one of its members.
type GCPAuth struct {
	// +optional
	SecretRef *GCPSecretRef `json:"secretRef,omitempty"`
	// +optional
	WorkloadIdentity *GCPWorkloadIdentity `json:"workloadIdentity,omitempty"`
	// Not served.
	// +optional
	WorkloadIdentityFederation *Unserved `json:"workloadIdentityFederation,omitempty"`
}

// GCPSecretRef is the key of a service account of Google's.
type GCPSecretRef struct {
	// +optional
	SecretAccessKey SecretKeySelector `json:"secretAccessKeySecretRef,omitzero"`
}

// GCPWorkloadIdentity is a ServiceAccount of a cluster of Google's.
type GCPWorkloadIdentity struct {
	// Its annotation iam.gke.io/gcp-service-account, if there is one, names the service account of Google's to become.
	ServiceAccountRef ServiceAccountSelector `json:"serviceAccountRef"`
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ClusterLocation string `json:"clusterLocation,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ClusterName string `json:"clusterName,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClusterProjectID string `json:"clusterProjectID,omitempty"`
}

// AlibabaProvider is Alibaba Cloud's Key Management Service.
type AlibabaProvider struct {
	// +kubebuilder:validation:MaxLength=64
	RegionID string      `json:"regionID"`
	Auth     AlibabaAuth `json:"auth"`
}

// AlibabaAuth is who reads: one of its members.
type AlibabaAuth struct {
	// +optional
	SecretRef *AlibabaSecretRef `json:"secretRef,omitempty"`
	// A role for the syncer's own ServiceAccount. A SecretStore may not use it.
	// +optional
	RRSA *AlibabaRRSA `json:"rrsa,omitempty"`
}

// AlibabaSecretRef is an access key.
type AlibabaSecretRef struct {
	// +optional
	AccessKeyID SecretKeySelector `json:"accessKeyIDSecretRef,omitzero"`
	// +optional
	AccessKeySecret SecretKeySelector `json:"accessKeySecretSecretRef,omitzero"`
}

// AlibabaRRSA is a role for a ServiceAccount.
type AlibabaRRSA struct {
	// The cluster, as RAM knows it.
	// +kubebuilder:validation:MaxLength=2048
	OIDCProviderARN string `json:"oidcProviderArn"`
	// Ignored, as above: ALIBABA_CLOUD_OIDC_TOKEN_FILE.
	// +kubebuilder:validation:MaxLength=2048
	OIDCTokenFilePath string `json:"oidcTokenFilePath"`
	// +kubebuilder:validation:MaxLength=2048
	RoleARN string `json:"roleArn"`
	// Ignored, as above.
	// +kubebuilder:validation:MaxLength=253
	SessionName string `json:"sessionName"`
}

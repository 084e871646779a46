package v1beta1

// Kubernetes is a login by a token of a ServiceAccount, which Vault has the API server review.
type Kubernetes struct {
	// The role of Vault.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`

	// The ServiceAccount, of the namespace of the VaultStaticSecret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// What its token is for; vault if unset. That of the API server is refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Audiences []string `json:"audiences,omitempty"`

	// How long its token is valid. Secretgate's are of 10 minutes.
	// +optional
	// +kubebuilder:validation:Minimum=600
	TokenExpirationSeconds int64 `json:"tokenExpirationSeconds,omitempty"`
}

// JWT is a login by a token whose signature Vault verifies: one in a Secret, or one of a ServiceAccount.
type JWT struct {
	// The role of Vault.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`

	// The name of a Secret in the namespace of the VaultStaticSecret, whose key jwt has the token.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretRef string `json:"secretRef,omitempty"`

	// The ServiceAccount, of the namespace of the VaultStaticSecret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// As that of kubernetes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Audiences []string `json:"audiences,omitempty"`

	// As that of kubernetes.
	// +optional
	// +kubebuilder:validation:Minimum=600
	TokenExpirationSeconds int64 `json:"tokenExpirationSeconds,omitempty"`
}

// AppRole is a login by the ids of an AppRole.
type AppRole struct {
	// The id of the role.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	RoleID string `json:"roleId,omitempty"`

	// The name of a Secret in the namespace of the VaultStaticSecret, whose key id has the secret id.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretRef string `json:"secretRef,omitempty"`

	// A file of the operator's. Not served.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	SecretIDPath string `json:"secretIDPath,omitempty"`
}

// AWS is a login by an identity of AWS. Not served.
type AWS struct {
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	HeaderValue string `json:"headerValue,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	SessionName string `json:"sessionName,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	STSEndpoint string `json:"stsEndpoint,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	IAMEndpoint string `json:"iamEndpoint,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretRef string `json:"secretRef,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	IRSAServiceAccount string `json:"irsaServiceAccount,omitempty"`
}

// GCP is a login by an identity of Google Cloud. Not served.
type GCP struct {
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Role string `json:"role,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	WorkloadIdentityServiceAccount string `json:"workloadIdentityServiceAccount,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	ClusterName string `json:"clusterName,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	ProjectID string `json:"projectID,omitempty"`
}

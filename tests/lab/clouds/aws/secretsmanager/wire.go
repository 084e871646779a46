package secretsmanager

import "github.com/secretgate/secretgate/tests/lab/clouds/aws/api"

// The shapes of requests and answers. Requests decode without regard to case, so SecretID takes SecretId.

// Tag is a tag of a secret.
type Tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// newValue is what the three operations that write a value share.
type newValue struct {
	ClientRequestToken string
	SecretString       *string
	SecretBinary       []byte
}

func (n newValue) value() value { return value{text: n.SecretString, binary: n.SecretBinary} }

type createSecretInput struct {
	newValue
	Name              string
	Description       string
	KmsKeyID          string
	Tags              []Tag
	AddReplicaRegions []any
}

type putSecretValueInput struct {
	newValue
	SecretID      string
	VersionStages []string
}

type updateSecretInput struct {
	newValue
	SecretID    string
	Description *string
	KmsKeyID    *string
}

type getSecretValueInput struct {
	SecretID, VersionID, VersionStage string
}

type batchGetSecretValueInput struct {
	SecretIDList []string
	Filters      []any
	MaxResults   *int
	NextToken    string
}

type secretIDInput struct {
	SecretID string
}

type listSecretsInput struct {
	MaxResults             *int
	NextToken              string
	IncludePlannedDeletion bool
	Filters                []filter
	SortBy, SortOrder      string
}

type listSecretVersionIDsInput struct {
	SecretID          string
	IncludeDeprecated bool
	MaxResults        *int
	NextToken         string
}

type updateSecretVersionStageInput struct {
	SecretID, VersionStage, RemoveFromVersionID, MoveToVersionID string
}

type deleteSecretInput struct {
	SecretID                   string
	ForceDeleteWithoutRecovery bool
	RecoveryWindowInDays       *int
}

type secretOutput struct {
	ARN           string
	Name          string
	VersionID     string    `json:"VersionId,omitempty"`
	VersionStages []string  `json:",omitempty"`
	DeletionDate  api.Epoch `json:",omitzero"`
}

type secretValueOutput struct {
	ARN           string
	Name          string
	VersionID     string   `json:"VersionId"`
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   api.Epoch
}

type batchGetSecretValueOutput struct {
	SecretValues []secretValueOutput
	Errors       []batchError
}

type batchError struct {
	SecretID  string `json:"SecretId"`
	ErrorCode string
	Message   string
}

// description is a secret's metadata, in DescribeSecret and ListSecrets.
type description struct {
	ARN             string
	Name            string
	Description     string `json:",omitempty"`
	KmsKeyID        string `json:"KmsKeyId,omitempty"`
	Tags            []Tag  `json:",omitempty"`
	CreatedDate     api.Epoch
	LastChangedDate api.Epoch
	DeletedDate     api.Epoch           `json:",omitzero"`
	DescribedStages map[string][]string `json:"VersionIdsToStages,omitempty"`
	ListedStages    map[string][]string `json:"SecretVersionsToStages,omitempty"`
}

type listSecretsOutput struct {
	SecretList []description
	NextToken  string `json:",omitempty"`
}

type listSecretVersionIDsOutput struct {
	ARN       string
	Name      string
	Versions  []listedVersion
	NextToken string `json:",omitempty"`
}

type listedVersion struct {
	VersionID     string   `json:"VersionId"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   api.Epoch
}

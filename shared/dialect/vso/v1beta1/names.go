package v1beta1

// Finalizer on a VaultStaticSecret keeps it until Vault Secrets Operator has cleaned up. An owner reference does that now. Its name is as
// users print their objects.
const Finalizer = "vaultstaticsecret.secrets.hashicorp.com/finalizer"

// The strategies by which headers and params of a VaultAuth and its VaultAuthGlobal are merged.
const (
	MergeUnion   = "union"
	MergeReplace = "replace"
	MergeNone    = "none"
)

// The methods of logins.
const (
	MethodKubernetes = "kubernetes"
	MethodJWT        = "jwt"
	MethodAppRole    = "appRole"
	MethodAWS        = "aws"
	MethodGCP        = "gcp"
)

// The types of secrets.
const (
	TypeKV1 = "kv-v1"
	TypeKV2 = "kv-v2"
)

// DefaultName is that of the objects that are meant where none is named.
const DefaultName = "default"

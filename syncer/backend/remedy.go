package backend

import (
	"strings"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Remedy says what to do.
func (e *Error) Remedy() string {
	if e.remedy != "" {
		return e.remedy
	}
	if other := regionOf(e.Source); other != "" && (e.Kind == driver.NotFound || e.Kind == driver.Denied || e.Kind == driver.Invalid) {
		return "the key is an ARN of another region: set spec.region to " + other
	}
	switch e.Kind {
	case driver.NotFound:
		return e.notFoundRemedy()
	case driver.Denied:
		return e.deniedRemedy()
	case driver.Invalid:
		return "correct the key and its options in the object"
	case driver.Unauthenticated:
		return e.credentialRemedy()
	case driver.Throttled:
		return "it is tried again later: raise refreshInterval, or the backend's quota, if this goes on"
	case driver.Unavailable:
		return "it is tried again: check the backend's health, and the network and proxy on the way, if this goes on"
	default:
		return "it is tried again: look into the backend's own logs if this goes on"
	}
}

// regionOf is that of a key which is an ARN, where the source reads another region; else empty.
func regionOf(s plan.Source) string {
	parts := strings.Split(s.Key, ":") // arn:partition:service:region:account:resource
	if s.Region == "" || len(parts) < 6 || parts[0] != "arn" || parts[3] == s.Region {
		return ""
	}
	return driver.Word(parts[3])
}

func (e *Error) notFoundRemedy() string {
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager:
		return "check the key, the region, and the version or staging label"
	case apiv1.BackendAWSParameterStore:
		return "check the name, the region, and the version or label after the colon"
	case apiv1.BackendVault:
		return "check the path: with kvVersion 2 it is <mount>/data/<name>, and <mount>/<name> with kvVersion 1"
	case apiv1.BackendAzureKeyVault:
		return "check keyVaultName, the secret's name, and the version after the slash"
	case apiv1.BackendGCPSecretManager:
		return "check the key, projectId, and that the version exists and is enabled"
	case apiv1.BackendAlicloudKMS:
		return "check the key, the region of ALICLOUD_ENDPOINT, and the version stage"
	default:
		return "check the key and its version"
	}
}

func (e *Error) deniedRemedy() string {
	who := identity(e.Source.Scope)
	if who == "" {
		who = "the syncer's own identity"
	}
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore:
		if strings.Contains(e.Message, "sts:AssumeRoleWithWebIdentity") {
			return "let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token"
		}
		if strings.Contains(e.Message, "sts:AssumeRole") {
			return "let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		}
		if e.Source.Path && ofKMS(e.Message) { // AWS does not say of which parameter it speaks
			return "allow kms:Decrypt on the key of each parameter below the path to " + who + ", and see that the keys are enabled"
		}
		return "allow " + e.actionsOfAWS() + ", and kms:Decrypt on its key, to " + who
	case apiv1.BackendVault:
		if strings.HasPrefix(e.Message, "no login") {
			return "create the role, or let it accept the syncer's ServiceAccount (bound_service_account_names and _namespaces)"
		}
		return "give " + who + " a policy with the capability read on the path"
	case apiv1.BackendAzureKeyVault:
		if strings.Contains(e.Message, "disabled secret") {
			return "enable the secret, or name a version that is enabled"
		}
		return "give " + who + " the role Key Vault Secrets User on the vault, or secrets/get in its access policy; " +
			"where it says that the address is not authorized, let it through the vault's firewall"
	case apiv1.BackendGCPSecretManager:
		return e.deniedByGoogle(who)
	case apiv1.BackendAlicloudKMS:
		if strings.HasPrefix(e.Message, "no session: AuthenticationFail") {
			return "let the trust policy of the role in ALIBABA_CLOUD_ROLE_ARN accept the provider, audience and subject of the syncer's " +
				"service-account token"
		}
		if strings.HasPrefix(e.Message, "no session") {
			return "let the syncer's RAM user or role assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		}
		return "allow kms:GetSecretValue on the secret, and kms:Decrypt on its key, to " + who
	default:
		return "allow " + who + " to read it"
	}
}

func (e *Error) credentialRemedy() string {
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore:
		return "give the syncer AWS credentials: a role for its service account (web identity or pod identity), an instance role, " +
			"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case apiv1.BackendVault:
		return "check that Vault's Kubernetes auth method is at this mount and accepts the syncer's service-account token (VAULT_JWT_PATH)"
	case apiv1.BackendAzureKeyVault:
		return "give the syncer Azure credentials: workload identity (AZURE_FEDERATED_TOKEN_FILE), a managed identity, " +
			"or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
	case apiv1.BackendGCPSecretManager:
		return "give the syncer Google credentials: workload identity for its service account, " +
			"or a key file that GOOGLE_APPLICATION_CREDENTIALS names, whose key exists"
	case apiv1.BackendAlicloudKMS:
		if strings.HasPrefix(e.Message, "no session: AuthenticationFail") {
			return "check that ALIBABA_CLOUD_OIDC_PROVIDER_ARN is the syncer's cluster, whose tokens RAM verifies, and the audience of the token"
		}
		return "check ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET and the clock of the syncer's node"
	default:
		return "check the credentials that the syncer is given for this backend"
	}
}

// deniedByGoogle tells what is denied for want of a role from what else Google calls so.
func (e *Error) deniedByGoogle(who string) string {
	switch {
	case strings.HasPrefix(e.Message, "no credentials"):
		return "let the syncer's service account act as the one of Google: give it the role roles/iam.workloadIdentityUser on that"
	case strings.Contains(e.Message, "has not been used in project"), strings.Contains(e.Message, "it is disabled"):
		return "enable the API secretmanager.googleapis.com in the project"
	case strings.Contains(e.Message, "authentication scopes"):
		return "give the syncer's nodes the scope cloud-platform, or the syncer workload identity"
	case strings.Contains(strings.ToLower(e.Message), "cryptokey"):
		return "enable the key, and give Secret Manager's service agent the role roles/cloudkms.cryptoKeyEncrypterDecrypter on it"
	}
	return "give " + who + " the role roles/secretmanager.secretAccessor on the secret"
}

// ofKMS reports whether a denial of AWS's is one of the key that encrypts a value, not of the value.
func ofKMS(message string) bool {
	return strings.Contains(message, "kms:Decrypt") || strings.HasPrefix(message, "InvalidKeyId") || strings.HasPrefix(message, "KMS") ||
		strings.HasPrefix(message, "DecryptionFailure")
}

// actionsOfAWS are those that the read needs, beside its key's.
func (e *Error) actionsOfAWS() string {
	batch := e.Source.Read == plan.Read{}
	switch {
	case e.Source.Backend == apiv1.BackendAWSParameterStore && e.Source.Path:
		return "ssm:GetParametersByPath on the path"
	case e.Source.Backend == apiv1.BackendAWSParameterStore && batch:
		return "ssm:GetParameters on each parameter"
	case e.Source.Backend == apiv1.BackendAWSParameterStore:
		return "ssm:GetParameter on the parameter"
	case batch:
		return "secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret"
	}
	return "secretsmanager:GetSecretValue on the secret"
}

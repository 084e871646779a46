package awserror

import (
	"cmp"
	"errors"
	"net"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// arn is the form of arn:partition:service:region:account:resource.
var arn = regexp.MustCompile(`\Aarn:[^:]*:[^:]*:([a-z0-9-]+):[^:]*:`)

// host is the form of the hosts of AWS's own services in a region, in each of its partitions.
var host = regexp.MustCompile(`\A(?:secretsmanager|ssm|sts)(?:-fips)?\.[a-z0-9-]+\.amazonaws\.(?:com|com\.cn|eu)\z`)

// Hint is what to do about an error, where that is the same for all services of AWS; empty: the service's driver may know.
func Hint(err error, of plan.Source) string {
	if hint := sessionHint(err, of); hint != "" {
		return hint
	}
	api, answered := errors.AsType[smithy.APIError](err)
	kind, region := Classify(err), otherRegion(of)
	switch {
	case noRegion(err) != "":
		return "check the region ({location}, or AWS_REGION for webhook and syncer), and the DNS of the syncer's node"
	case answered && markedForDeletion(api):
		return "restore the secret while its recovery window lasts, or name another"
	case region != "" && (kind == driver.NotFound || kind == driver.Denied || kind == driver.Invalid):
		return "the key is an ARN of another region: set {location} to " + region
	case kind == driver.Unauthenticated && of.Credential.OfCluster():
		return "" // the usual remedy names the credential
	case kind == driver.Unauthenticated:
		return "give the syncer AWS credentials: a role for its service account (web identity or pod identity), an instance role, " +
			"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	}
	return ""
}

// sessionHint is Hint for credentials, and for roles that may not be assumed.
func sessionHint(err error, of plan.Source) string {
	code, operation := "", ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	if call, ok := errors.AsType[*smithy.OperationError](err); ok && call.ServiceID == sts.ServiceID {
		operation = call.OperationName
	}
	ofAccount := of.Credential.Kind == plan.AccountCredential
	switch denied := Classify(err) == driver.Denied; {
	case of.Credential.Kind == plan.SecretCredential && RefusesKey(err):
		return "check the access key in Secret " + of.Credential.Namespace + "/" + of.Credential.Name +
			": its id, its secret and, if it is temporary, its session token; where this region alone refuses it, enable it for the account, " +
			"or check {location}"
	case !of.Credential.OfCluster() && (code == "UnrecognizedClientException" || code == "InvalidClientTokenId"):
		return "check the AWS credentials of the syncer; where this region alone refuses them, enable it for the account, or check {location}"
	case code == "RegionDisabledException":
		return "let the account's administrator activate STS in the region"
	case ofAccount && operation == "AssumeRoleWithWebIdentity" && (denied || code == "InvalidIdentityToken"):
		return trust(err, of.Credential)
	case denied && operation == "AssumeRoleWithWebIdentity":
		return "let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token"
	case denied && operation == "AssumeRole":
		return assumeHint(err, of)
	}
	return ""
}

// trust is what to do where the token of a ServiceAccount is not accepted.
func trust(err error, account plan.Credential) string {
	role := "the role"
	if failed, ok := errors.AsType[*CredentialsError](err); ok && failed.Role != "" {
		role = failed.Role
	}
	return "let IAM have an OpenID Connect provider for the cluster's issuer and the audience " +
		strings.Join(strings.Split(cmp.Or(string(account.Audiences), DefaultAudience), "\n"), ", ") +
		", and let the trust policy of " + role + " accept that audience and the subject system:serviceaccount:" +
		account.Namespace + ":" + account.Name
}

// assumeHint is what to do about a role that may not be assumed.
func assumeHint(err error, of plan.Source) string {
	failed, ok := errors.AsType[*CredentialsError](err)
	if ok && failed.Role != "" {
		return chainHint(failed, of)
	}
	text := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		text = api.ErrorMessage()
	}
	switch tenant := of.Tenant != (plan.Tenant{}); {
	case tenant && strings.Contains(text, "sts:TagSession"):
		return "let the syncer's identity tag the session, as its --aws-session-tags demands: " +
			"sts:TagSession beside sts:AssumeRole in the role's trust policy, and in the identity's own"
	case tenant:
		return "let the syncer's identity assume the role and tag the session with " + tagged(of.Tenant) +
			": sts:AssumeRole and sts:TagSession in the role's trust policy, and in the identity's own"
	case of.Login != (plan.Login{}):
		return "let the syncer's identity assume the role: " + actions(of) + " in the role's trust policy" + conditions(of) + ", and in its own"
	}
	return "let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
}

// chainHint is assumeHint where there are several roles, or a credential of the cluster's: it names both ends.
func chainHint(failed *CredentialsError, of plan.Source) string {
	does, demands := "sts:AssumeRole", ""
	if chain := of.Login.Chain.Texts(); failed.Role == of.Role || of.Role == "" && len(chain) > 0 && failed.Role == chain[len(chain)-1] {
		does, demands = actions(of), conditions(of)
	}
	return "let " + failed.By + " assume " + failed.Role + ": " + does + " in the trust policy of the latter" + demands +
		", and in the policy of the former"
}

// actions are those that assuming a Store's role takes.
func actions(of plan.Source) string {
	if of.Login.Tags != "" || of.Tenant != (plan.Tenant{}) {
		return "sts:AssumeRole and sts:TagSession"
	}
	return "sts:AssumeRole"
}

// conditions is what else a Store's role must accept.
func conditions(of plan.Source) string {
	var all []string
	if of.Login.ExternalID != "" {
		all = append(all, "the store's external id")
	}
	if of.Login.Tags != "" {
		all = append(all, "its session tags")
	}
	if of.Tenant != (plan.Tenant{}) {
		all = append(all, tagged(of.Tenant))
	}
	if len(all) == 0 {
		return ""
	}
	return ", which must accept " + strings.Join(all, " and ")
}

// Allow is the hint to give the identity the permissions that a read needs: actions, each with what it is on.
func Allow(actions string, of plan.Source) string {
	hint := "allow " + actions + ", and kms:Decrypt on its key, to " + driver.TermIdentity
	if of.Tenant != (plan.Tenant{}) {
		hint += " with session tag " + tagged(of.Tenant)
	}
	return hint
}

// tagged is how a tenant's session is tagged.
func tagged(t plan.Tenant) string {
	text := TagNamespace + "=" + t.Namespace
	if t.Name != "" {
		text += " " + TagName + "=" + t.Name
	}
	return text
}

// DeniesKey reports whether a denial is one of the KMS key that encrypts a value, not of the value. KMS's own codes say so. Where it
// denies the caller, AWS passes that on as an AccessDeniedException like any other: only the text names the action or, as Parameter
// Store words it (https://github.com/external-secrets/kubernetes-external-secrets/issues/627), the service.
func DeniesKey(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || Classify(err) != driver.Denied {
		return false
	}
	switch api.ErrorCode() {
	case "DecryptionFailure", "InvalidKeyId", "KMSAccessDeniedException":
		return true
	case "AccessDeniedException":
		return strings.Contains(api.ErrorMessage(), "kms:Decrypt") || strings.Contains(api.ErrorMessage(), "Service: AWSKMS")
	}
	return false
}

// otherRegion is that of a key which is an ARN, where the source reads another region; else empty.
func otherRegion(s plan.Source) string {
	of := arn.FindStringSubmatch(s.Key)
	if of == nil || s.Location == "" || of[1] == s.Location {
		return ""
	}
	return of[1]
}

// noRegion is the host of AWS's that does not exist, as the one of a region that does not; empty: it is not that.
func noRegion(err error) string {
	unknown, ok := errors.AsType[*net.DNSError](err)
	if !ok || !unknown.IsNotFound || !host.MatchString(unknown.Name) {
		return ""
	}
	return unknown.Name
}

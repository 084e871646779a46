package gcpsecretmanager

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, of plan.Source) string {
	if item, ok := errors.AsType[*driver.ItemError](err); ok && d.kind(item) == driver.NotFound {
		return "enable a version of it or add one, or search for others, by their labels or by what their names begin with"
	}
	switch d.Classify(err) {
	case driver.NotFound:
		return "check the key, {container}, and that the version exists and is enabled"
	case driver.Denied:
		return denialHint(err, of)
	case driver.Unauthenticated:
		return loginHint(of.Store)
	default:
		return ""
	}
}

// loginHint is for credentials that Google does not accept; empty: the usual remedy.
func loginHint(s plan.Store) string {
	switch s.Credential.Kind {
	case plan.SecretCredential:
		return "check that the key exists at Google, and is not disabled: it is " + driver.Proof(s.Credential)
	case plan.AccountCredential:
		return "check that the project, the location and the name of the cluster in the store are those of this cluster, " +
			"and that it has workload identity enabled; and that the service account exists, if the store has one"
	}
	return "give the syncer Google credentials: workload identity for its service account, " +
		"or a key file that GOOGLE_APPLICATION_CREDENTIALS names, whose key exists"
}

// denialHint recognizes denials that come before any role is considered by Google's reason for them: google.api.ErrorReason.
func denialHint(err error, of plan.Source) string {
	if _, noToken := errors.AsType[*login.Error](err); noToken {
		if s := of.Store; s.Credential.Kind == plan.AccountCredential {
			return fmt.Sprintf("let %s act as %s: give serviceAccount:%s[%s/%s] the role roles/iam.workloadIdentityUser on that",
				driver.Proof(s.Credential), driver.Word(s.Role), driver.Word(string(s.Credential.Audiences)),
				driver.Word(s.Credential.Namespace), driver.Word(s.Credential.Name))
		}
		return "let the syncer's service account act as the one of Google: give it the role roles/iam.workloadIdentityUser on that"
	}
	answer := answered(err)
	switch reason(answer) {
	case "SERVICE_DISABLED":
		return "enable the API secretmanager.googleapis.com in the project"
	case "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "give the syncer's nodes the scope cloud-platform, or the syncer workload identity"
	case "USER_PROJECT_DENIED":
		return "give " + driver.TermIdentity + " the role roles/serviceusage.serviceUsageConsumer in the project that pays " +
			"(quota_project_id in the credentials, or GOOGLE_CLOUD_QUOTA_PROJECT)"
	}
	if deniesKey(answer) {
		return "enable the key, and give Secret Manager's service agent the role roles/cloudkms.cryptoKeyEncrypterDecrypter on it"
	}
	if of.Path {
		return "give " + driver.TermIdentity + " the roles roles/secretmanager.viewer and roles/secretmanager.secretAccessor on the project"
	}
	return "give " + driver.TermIdentity + " the role roles/secretmanager.secretAccessor on the secret"
}

// reason is Google's for an error, of its own table; empty: it gives none.
func reason(answer *status.Status) string {
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "googleapis.com" {
			return info.GetReason()
		}
	}
	return ""
}

// deniesKey reports whether a denial is one of the KMS key that encrypts the secret (CMEK). The state of the key is a precondition.
// That Secret Manager may not use it is a denial like any other, which differs only in the text, by the key's name. No secret's
// name has a slash.
func deniesKey(answer *status.Status) bool {
	return answer.Code() == codes.FailedPrecondition || strings.Contains(answer.Message(), "/cryptoKeys/")
}

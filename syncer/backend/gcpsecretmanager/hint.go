package gcpsecretmanager

import (
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, _ plan.Source) string {
	switch d.Classify(err) {
	case driver.NotFound:
		return "check the key, {container}, and that the version exists and is enabled"
	case driver.Denied:
		return denialHint(err)
	case driver.Unauthenticated:
		return "give the syncer Google credentials: workload identity for its service account, " +
			"or a key file that GOOGLE_APPLICATION_CREDENTIALS names, whose key exists"
	default:
		return ""
	}
}

// denialHint recognizes denials that come before any role is considered by Google's reason for them: google.api.ErrorReason.
func denialHint(err error) string {
	if _, noToken := errors.AsType[*login.Error](err); noToken {
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

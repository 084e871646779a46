package alicloudkms

import (
	"cmp"
	"errors"
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, of plan.Source) string {
	if of.Credential.OfCluster() || of.Location != "" {
		if hint := d.storeHint(err, of); hint != "" {
			return hint
		}
	}
	failed, noSession := errors.AsType[*sessionError](err)
	switch kind := d.Classify(err); {
	case kind == driver.NotFound:
		return "check the key, the region of ALICLOUD_ENDPOINT, and the version stage"
	case kind == driver.Denied && noSession && failed.byToken:
		return "let the trust policy of the role in ALIBABA_CLOUD_ROLE_ARN accept the provider, audience and subject of the syncer's " +
			"service-account token"
	case kind == driver.Denied && noSession:
		return "let the syncer's RAM user or role assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
	case kind == driver.Denied:
		return "allow kms:GetSecretValue on the secret, and kms:Decrypt on its key, to " + driver.TermIdentity
	case kind == driver.Unauthenticated && noSession && failed.byToken:
		return "check that ALIBABA_CLOUD_OIDC_PROVIDER_ARN is the syncer's cluster, whose tokens RAM verifies, and the audience of the token"
	case kind == driver.Unauthenticated:
		return "check ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET and the clock of the syncer's node"
	}
	return ""
}

// storeHint is Hint where a Store says where to read, or as whom; empty: the others' fits.
func (d *Driver) storeHint(err error, of plan.Source) string {
	failed, noSession := errors.AsType[*sessionError](err)
	account := of.Credential.Kind == plan.AccountCredential
	audiences := strings.Join(cmp.Or(of.Credential.Audiences, defaultAudience).Texts(), ", ")
	subject := "system:serviceaccount:" + of.Credential.Namespace + ":" + of.Credential.Name
	switch kind := d.Classify(err); {
	case kind == driver.NotFound:
		return "check the key, the region, and the version or its stage"
	case kind == driver.Denied && noSession && account:
		return "let the trust policy of " + failed.role + " accept the provider " + of.Mount + ", the audience " + audiences +
			" and the subject " + subject
	case kind == driver.Denied && noSession && failed.role != "":
		return "let " + failed.by + " assume " + failed.role +
			": in the trust policy of the latter, and with sts:AssumeRole in the policy of the former's RAM user"
	case kind == driver.Unauthenticated && account:
		return "check that " + of.Mount + " is the cluster, whose tokens RAM verifies, and that the audience " + audiences +
			" is a client id of it"
	case kind == driver.Unauthenticated && of.Credential.Kind == plan.SecretCredential:
		return "check the access key in Secret " + of.Credential.Namespace + "/" + of.Credential.Name + ", and the clock of the syncer's node"
	}
	return ""
}

package alicloudkms

import (
	"errors"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, _ plan.Source) string {
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

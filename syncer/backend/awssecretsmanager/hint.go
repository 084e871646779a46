package awssecretsmanager

import (
	"cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Hint implements driver.Driver.
func (d *Driver) Hint(err error, of plan.Source) string {
	return cmp.Or(awserror.Hint(err, of), hint(err, of))
}

func hint(err error, of plan.Source) string {
	switch kind := awserror.Classify(err); {
	case kind == driver.NotFound:
		return "check the key, the region, and the version or staging label"
	case kind == driver.Denied && of.Read == plan.Read{}:
		return awserror.Allow("secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret", of)
	case kind == driver.Denied:
		return awserror.Allow("secretsmanager:GetSecretValue on the secret", of)
	}
	return ""
}

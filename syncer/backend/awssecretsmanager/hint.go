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
	case kind == driver.Denied && of.Path && awserror.DeniesKey(err):
		return "allow kms:Decrypt on the key of each secret that is found to " + driver.TermIdentity + ", and see that the keys are enabled"
	case kind == driver.Denied && of.Path:
		return awserror.Allow("secretsmanager:ListSecrets and secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each "+
			"secret that is found", of)
	case kind == driver.NotFound:
		return "check the key, the region, and the version or staging label"
	case kind == driver.Denied && of.Read == plan.Read{}:
		return awserror.Allow("secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret", of)
	case kind == driver.Denied:
		return awserror.Allow("secretsmanager:GetSecretValue on the secret", of)
	}
	return ""
}

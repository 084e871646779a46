package awsparameterstore

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
		return "check the name, the region, and the version or label after the colon"
	case of.Path && awserror.DeniesKey(err): // AWS does not say of which parameter it speaks
		return "allow kms:Decrypt on the key of each parameter below the path to " + driver.TermIdentity + ", and see that the keys are enabled"
	case kind == driver.Denied && of.Path && of.Tags != "":
		return awserror.Allow("ssm:DescribeParameters on *, ssm:GetParameters on each parameter that is found", of)
	case kind == driver.Denied && of.Path:
		return awserror.Allow("ssm:GetParametersByPath on the path", of)
	case kind == driver.Denied && of.Read == plan.Read{}:
		return awserror.Allow("ssm:GetParameters on each parameter", of)
	case kind == driver.Denied:
		return awserror.Allow("ssm:GetParameter on the parameter", of)
	}
	return ""
}

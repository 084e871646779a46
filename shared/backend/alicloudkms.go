package backend

import (
	"cmp"
	"regexp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// AlicloudKMS is Alibaba Cloud's.
const AlicloudKMS plan.Backend = "alicloudSecretsManager"

var alicloudKMS = Backend{
	Name: AlicloudKMS,
	Key:  plan.PlainText, // sent as a query parameter, escaped
	Store: map[plan.Aspect]plan.Rule{
		plan.Role: alicloudRole, plan.Location: region, plan.Account: plan.ObjectName,
	},
	Given: map[plan.Aspect]plan.Rule{plan.Mount: alicloudProvider},
	Nouns: map[plan.Aspect]string{plan.Location: "region", plan.Mount: "provider"},
	Limits: []Limit{
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Demand: names.AnnotationRequireRole},
		{Aspect: plan.Location, Annotation: names.AnnotationPermittedRegion, Chosen: true},
		account,
	},
	Pins: []Pin{VersionStage},
	Read: func(r plan.Read) plan.Read {
		read := bare(r)
		if r.VersionID != "" {
			read.VersionID = r.VersionID
		} else {
			read.VersionStage = cmp.Or(r.VersionStage, "ACSCurrent")
		}
		return read
	},
}

var (
	alicloudRolePattern = regexp.MustCompile(`\Aacs:ram::[^:/]+:role/[^:/]+\z`)
	alicloudRole        = plan.Both(plan.PlainText,
		plan.Matches(alicloudRolePattern, "must be the ARN of a RAM role, as in acs:ram::1234567890123456:role/name"))

	alicloudProviderPattern = regexp.MustCompile(`\Aacs:ram::[^:/]+:oidc-provider/[^:/]+\z`)
	alicloudProvider        = plan.Both(plan.PlainText, plan.Matches(alicloudProviderPattern,
		"must be the ARN of a provider of RAM, as in acs:ram::1234567890123456:oidc-provider/name"))
)

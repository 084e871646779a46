package backend

import (
	"cmp"
	"regexp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// GCPSecretManager is Google Cloud's.
const GCPSecretManager plan.Backend = "gcpSecretsManager"

var gcpSecretManager = Backend{
	Name: GCPSecretManager,
	Key:  plan.Identifier,
	Store: map[plan.Aspect]plan.Rule{
		plan.Container: project, plan.Location: region, plan.Role: plan.PlainText, plan.Account: plan.ObjectName,
	},
	Nouns: map[plan.Aspect]string{plan.Container: "project", plan.Location: "region"},
	Limits: []Limit{
		{Aspect: plan.Container, Annotation: names.AnnotationPermittedProject},
		{Aspect: plan.Location, Annotation: names.AnnotationPermittedRegion, Chosen: true},
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Chosen: true},
		account,
	},
	Finds: true,
	Pins:  []Pin{Version},
	Read: func(r plan.Read) plan.Read {
		read := bare(r)
		read.Version = cmp.Or(r.Version, "latest")
		return read
	},
}

var (
	projectPattern = regexp.MustCompile(`\A[0-9a-z]([0-9a-z.:-]*[0-9a-z])?\z`)
	project        = plan.Matches(projectPattern, "must be a project id or number: lower-case letters, digits, dashes, dots and colons")
)

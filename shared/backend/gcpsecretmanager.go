package backend

import (
	"cmp"
	"regexp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// GCPSecretManager is Google Cloud's.
const GCPSecretManager plan.Backend = "gcpSecretsManager"

// GCPWorkloadIdentity is the method of a login by a token of a ServiceAccount, which a Store names: Mount is the identity provider of its
// cluster, the credential's audience the workload identity pool, and Role the service account of Google's to act as; empty: the
// ServiceAccount itself reads.
const GCPWorkloadIdentity = "WorkloadIdentity"

var gcpSecretManager = Backend{
	Name: GCPSecretManager,
	Key:  secretID,
	Store: map[plan.Aspect]plan.Rule{
		plan.Container: project, plan.Location: region, plan.Role: serviceAccount, plan.Account: plan.ObjectName,
	},
	Given: map[plan.Aspect]plan.Rule{plan.Mount: provider},
	Nouns: map[plan.Aspect]string{plan.Container: "project", plan.Location: "region", plan.Mount: "provider"},
	Limits: []Limit{
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Chosen: true},
		{Aspect: plan.Container, Annotation: names.AnnotationPermittedProject},
		{Aspect: plan.Location, Annotation: names.AnnotationPermittedRegion, Chosen: true},
		account,
	},
	Finds: true,
	Pins:  []Pin{Version},
	Read: func(r plan.Read) plan.Read {
		read := tagged(r)
		if !r.Path {
			read.Version = cmp.Or(r.Version, "latest")
		}
		return read
	},
}

var (
	projectPattern = regexp.MustCompile(`\A[0-9a-z]([0-9a-z.:-]*[0-9a-z])?\z`)
	project        = plan.Matches(projectPattern, "must be a project id or number: lower-case letters, digits, dashes, dots and colons")

	serviceAccountPattern = regexp.MustCompile(`\A[0-9a-z-]+@[0-9a-z.-]+\.gserviceaccount\.com\z`)
	serviceAccount        = plan.Matches(serviceAccountPattern,
		"must be the e-mail of a service account, as in name@project.iam.gserviceaccount.com")

	providerPattern = regexp.MustCompile(`\Ahttps://[0-9a-z.-]+(/[0-9A-Za-z.:_-]+)*\z`)
	provider        = plan.Matches(providerPattern,
		"must be the URL of a cluster, as in https://container.googleapis.com/v1/projects/P/locations/L/clusters/C")
)

// secretID is empty where all names are meant.
func secretID(value string) string {
	if value == "" {
		return ""
	}
	return plan.Identifier(value)
}

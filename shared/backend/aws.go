package backend

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// What both backends of AWS have in common.

var awsNouns = map[plan.Aspect]string{plan.Location: "region"}

var awsLimits = []Limit{
	{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Demand: names.AnnotationRequireRole},
	{Aspect: plan.Location, Annotation: names.AnnotationPermittedRegion},
	account,
}

var (
	regionPattern = regexp.MustCompile(`\A[0-9a-z]([0-9a-z-]*[0-9a-z])?\z`)
	// A path may hold any printable character of ASCII, colons too (IAM API reference, CreateRole).
	awsRolePattern = regexp.MustCompile(`\Aarn:[0-9a-z-]+:iam::\d{12}:role/(?:[[:graph:]]+/)?[\w+=,.@-]{1,64}\z`)

	region = plan.Matches(regionPattern, "must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name")
	// awsRole is for roles of AWS. What has another form can never be assumed, though KES's CRD takes it.
	awsRole = plan.Both(plan.PlainText,
		plan.Matches(awsRolePattern, "must be the ARN of a role, as in arn:aws:iam::123456789012:role/name"))
)

// arnKey refuses a key that is the ARN of what the object's region or backend does not have: AWS would say that it is not there.
func (b *Backend) arnKey(to *plan.Builder, at *field.Path, s plan.Source) {
	parts := strings.SplitN(s.Key, ":", 6) // arn:partition:service:region:account:resource
	if b.arnService == "" || len(parts) < 6 || parts[0] != "arn" {
		return
	}
	words := to.Plan.Words
	if parts[2] != b.arnService {
		to.Fail(field.Invalid(at, s.Key, fmt.Sprintf("is an ARN of %s: %s %s reads those of %s",
			parts[2], words.Terms[plan.TermBackend], b.Name, b.arnService)))
		return
	}
	ours, theirs := s.Location, parts[3]
	if ours == "" || theirs == ours {
		return
	}
	problem := fmt.Sprintf("is an ARN of region %s, but this object reads in %s", theirs, ours)
	place := to.Plan.Places[s.Store][plan.Location]
	if place.Field == "" || place.Default {
		problem += ", the installation's"
	}
	if place.Field != "" {
		problem += fmt.Sprintf(": set %s: %s", place.Field[strings.LastIndexByte(place.Field, '.')+1:], theirs)
	}
	to.Fail(field.Invalid(at, s.Key, problem))
}

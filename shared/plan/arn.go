package plan

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

var (
	// A path may hold any printable character of ASCII, colons too (IAM API reference, CreateRole).
	awsRolePattern      = regexp.MustCompile(`\Aarn:[0-9a-z-]+:iam::\d{12}:role/(?:[[:graph:]]+/)?[\w+=,.@-]{1,64}\z`)
	alicloudRolePattern = regexp.MustCompile(`\Aacs:ram::[^:/]+:role/[^:/]+\z`)
)

// awsRole is for roles of AWS. What has another form can never be assumed, though KES's CRD takes it.
func awsRole(value string) string {
	return role(value, awsRolePattern, "must be the ARN of a role, as in arn:aws:iam::123456789012:role/name")
}

func alicloudRole(value string) string {
	return role(value, alicloudRolePattern, "must be the ARN of a RAM role, as in acs:ram::1234567890123456:role/name")
}

func role(value string, pattern *regexp.Regexp, problem string) string {
	if plain := plainText(value); plain != "" {
		return plain
	}
	return unless(pattern, value, problem)
}

// arnServices are the services in the ARNs that backends of AWS take as keys.
var arnServices = map[apiv1.Backend]string{
	apiv1.BackendAWSSecretsManager: "secretsmanager",
	apiv1.BackendAWSParameterStore: "ssm",
}

// arnKey refuses a key that is the ARN of what the object's region or backend does not have: AWS would say that it is not there.
func (b *builder) arnKey(at *field.Path, key string) {
	service, parts := arnServices[b.plan.Scope.Backend], strings.SplitN(key, ":", 6) // arn:partition:service:region:account:resource
	if service == "" || len(parts) < 6 || parts[0] != "arn" {
		return
	}
	if parts[2] != service {
		b.fail(field.Invalid(at, key, fmt.Sprintf("is an ARN of %s: backendType %s reads those of %s", parts[2], b.plan.Scope.Backend, service)))
		return
	}
	ours := b.plan.Scope.Region
	if ours == "" || parts[3] == ours {
		return
	}
	whose := ours
	if b.in.spec.Region == "" {
		whose += ", the installation's"
	}
	theirs := parts[3]
	b.fail(field.Invalid(at, key, fmt.Sprintf("is an ARN of region %s, but this object reads in %s: set region: %s", theirs, whose, theirs)))
}

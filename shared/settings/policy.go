package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// Policy is what both services must agree on, or the syncer would refuse what the webhook let pass.
type Policy struct {
	Settings policy.Settings
	Defaults plan.Defaults

	matching string
}

// Bind adds the policy settings to a section.
func (p *Policy) Bind(s *Section) {
	s.String(&p.Settings.RoleAnnotation, "role-permitted-annotation", apiv1.AnnotationPermittedRole,
		"namespace annotation that limits roleArn and vaultRole", "ROLE_PERMITTED_ANNOTATION")
	s.String(&p.Settings.KeyNameAnnotation, "naming-permitted-annotation", apiv1.AnnotationPermittedKeyName,
		"namespace annotation that limits every key and path read", "NAMING_PERMITTED_ANNOTATION")
	s.Switch(&p.Settings.Enforce, "enforce-namespace-annotations",
		"deny objects in namespaces without these annotations; the variable counts as on whatever its value", "ENFORCE_NAMESPACE_ANNOTATIONS")
	s.String(&p.matching, "policy-matching", "whole",
		"whole: patterns match whole values; legacy: anywhere in them, and an empty annotation permits everything, as in KES", "POLICY_MATCHING")
	s.String(&p.Defaults.Region, "aws-region", "",
		"AWS region of objects that name none", "AWS_REGION", "AWS_DEFAULT_REGION")
	s.String(&p.Defaults.VaultMount, "default-vault-mount-point", "",
		"mount of Vault's Kubernetes auth method for objects that name none", "DEFAULT_VAULT_MOUNT_POINT")
	s.String(&p.Defaults.VaultRole, "default-vault-role", "",
		"Vault role of objects that name none", "DEFAULT_VAULT_ROLE")
	s.String(&p.Defaults.Project, "default-gcp-project", "",
		"GCP project of objects that name none; empty: the credentials' own, which permitted-project never permits", "DEFAULT_GCP_PROJECT")
	s.Duration(&p.Defaults.MinRefreshInterval, "min-refresh-interval", 10*time.Second, time.Second,
		"least refresh interval that an object may ask for")
}

// BindControllerIDs adds what only the webhook and its check ask: the syncers know their own id.
func (p *Policy) BindControllerIDs(s *Section) {
	s.String(&p.Settings.ControllerIDs, "controller-ids", "",
		"INSTANCE_IDs of all syncers, comma-separated, an empty one for a syncer without (\",team-a\"): objects of others earn a warning",
		"CONTROLLER_IDS")
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (p *Policy) Finish() error {
	var problems []error
	switch p.matching {
	case "whole":
	case "legacy":
		p.Settings.Legacy = true
	default:
		problems = append(problems, fmt.Errorf("--policy-matching is %q: must be whole or legacy", p.matching))
	}
	problems = append(problems,
		annotation("--role-permitted-annotation (ROLE_PERMITTED_ANNOTATION)", p.Settings.RoleAnnotation),
		annotation("--naming-permitted-annotation (NAMING_PERMITTED_ANNOTATION)", p.Settings.KeyNameAnnotation),
		CheckField("--aws-region (AWS_REGION, AWS_DEFAULT_REGION)", "region", p.Defaults.Region),
		CheckField("--default-vault-mount-point (DEFAULT_VAULT_MOUNT_POINT)", "vaultMountPoint", p.Defaults.VaultMount),
		CheckField("--default-vault-role (DEFAULT_VAULT_ROLE)", "vaultRole", p.Defaults.VaultRole),
		CheckField("--default-gcp-project (DEFAULT_GCP_PROJECT)", "projectId", p.Defaults.Project))
	if p.Defaults.MinRefreshInterval < 0 {
		problems = append(problems, fmt.Errorf("--min-refresh-interval is %s: must not be negative", p.Defaults.MinRefreshInterval))
	}
	return errors.Join(problems...)
}

// CheckField refuses a value that stands in for a field of objects, and that no object could be read with.
func CheckField(setting, field, value string) error {
	if problem := plan.Unusable(field, value); problem != "" {
		return fmt.Errorf("%s is %q: %s", setting, value, problem)
	}
	return nil
}

// annotation refuses a name that no annotation can have: what nothing can limit would be permitted to all. An empty one is the
// documented annotation.
func annotation(setting, name string) error {
	if name == "" {
		return nil
	}
	if problems := validation.IsQualifiedName(strings.ToLower(name)); len(problems) > 0 { // the API server's rule for annotations
		return fmt.Errorf("%s is %q: must be the name of an annotation: %s", setting, name, strings.Join(problems, "; "))
	}
	return nil
}

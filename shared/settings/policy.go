package settings

import (
	"fmt"
	"time"

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

// Finish checks the settings once flags are parsed.
func (p *Policy) Finish() error {
	switch p.matching {
	case "whole":
	case "legacy":
		p.Settings.Legacy = true
	default:
		return fmt.Errorf("--policy-matching is %q: must be whole or legacy", p.matching)
	}
	return nil
}

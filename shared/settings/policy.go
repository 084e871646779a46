package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
)

// Policy is what both services must agree on, or the syncer would refuse what the webhook let pass.
type Policy struct {
	Settings policy.Settings
	Defaults backend.Defaults
	// MinRefreshInterval is the least interval between refreshes; shorter ones are raised to it.
	MinRefreshInterval time.Duration

	matching, vaultServers string
}

// Bind adds the policy settings to a section.
func (p *Policy) Bind(s *Section) {
	s.String(&p.Settings.RoleAnnotation, "role-permitted-annotation", names.AnnotationPermittedRole,
		"namespace annotation that limits the roles that objects read as", "ROLE_PERMITTED_ANNOTATION")
	s.String(&p.Settings.KeyNameAnnotation, "naming-permitted-annotation", names.AnnotationPermittedKeyName,
		"namespace annotation that limits every key and path read", "NAMING_PERMITTED_ANNOTATION")
	s.Switch(&p.Settings.Enforce, "enforce-namespace-annotations",
		"deny objects in namespaces without these annotations; any value of the variable turns it on", "ENFORCE_NAMESPACE_ANNOTATIONS")
	s.String(&p.matching, "policy-matching", "whole",
		"whole: patterns match whole values; legacy: patterns match anywhere in a value, and "+
			"an empty annotation permits everything, as in KES", "POLICY_MATCHING")
	s.String(&p.vaultServers, "vault-servers", "",
		"URLs of the Vaults that objects may name, comma-separated: each receives the credentials that objects refer to; "+
			"empty: the webhook permits all, and the syncer none but its own, which belongs on the list where objects name it", "VAULT_SERVERS")
	p.Defaults.Bind(s)
	s.Duration(&p.MinRefreshInterval, "min-refresh-interval", 10*time.Second, time.Second,
		"shortest refresh interval that an object may set")
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
	p.Settings.VaultServers = List(p.vaultServers)
	problems = append(problems,
		annotation("--role-permitted-annotation (ROLE_PERMITTED_ANNOTATION)", p.Settings.RoleAnnotation),
		annotation("--naming-permitted-annotation (NAMING_PERMITTED_ANNOTATION)", p.Settings.KeyNameAnnotation),
		p.Defaults.Finish(), backend.CheckServers("--vault-servers (VAULT_SERVERS)", p.Settings.VaultServers))
	if p.MinRefreshInterval < 0 {
		problems = append(problems, fmt.Errorf("--min-refresh-interval is %s: must not be negative", p.MinRefreshInterval))
	}
	return errors.Join(problems...)
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

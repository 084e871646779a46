package backend

import (
	"errors"
	"fmt"

	"github.com/secretgate/secretgate/shared/plan"
)

// Defaults are the installation's values for what objects may omit. Policy judges the effective values, so both services must be
// given the same.
type Defaults struct {
	Region     string // AWS region
	VaultMount string // mount of Vault's Kubernetes auth method
	VaultRole  string
	Project    string // GCP project; empty: the credential's own
}

// flags adds text settings: see settings.Section.
type flags interface {
	String(p *string, name, fallback, usage string, env ...string)
}

// Bind adds the settings to a section.
func (d *Defaults) Bind(s flags) {
	s.String(&d.Region, "aws-region", "",
		"AWS region of objects without one", "AWS_REGION", "AWS_DEFAULT_REGION")
	s.String(&d.VaultMount, "default-vault-mount-point", "",
		"mount of Vault's Kubernetes auth method for objects without one", "DEFAULT_VAULT_MOUNT_POINT")
	s.String(&d.VaultRole, "default-vault-role", "",
		"Vault role of objects without one", "DEFAULT_VAULT_ROLE")
	s.String(&d.Project, "default-gcp-project", "",
		"GCP project of objects without one; empty: that of the credentials, which permitted-project never permits", "DEFAULT_GCP_PROJECT")
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (d *Defaults) Finish() error {
	return errors.Join(
		awsSecretsManager.Setting("--aws-region (AWS_REGION, AWS_DEFAULT_REGION)", plan.Location, d.Region),
		vault.Setting("--default-vault-mount-point (DEFAULT_VAULT_MOUNT_POINT)", plan.Mount, d.VaultMount),
		vault.Setting("--default-vault-role (DEFAULT_VAULT_ROLE)", plan.Role, d.VaultRole),
		gcpSecretManager.Setting("--default-gcp-project (DEFAULT_GCP_PROJECT)", plan.Container, d.Project))
}

// Of is what the installation says of a backend, for objects that do not.
func (d *Defaults) Of(name plan.Backend) plan.Store {
	s := plan.Store{Backend: name}
	switch name {
	case AWSSecretsManager, AWSParameterStore:
		s.Location = d.Region
	case Vault:
		s.Mount, s.Role = d.VaultMount, d.VaultRole
	case GCPSecretManager:
		s.Container = d.Project
	}
	return s
}

// Setting refuses a setting that no object could be read with, since it stands in for an aspect of its Store.
func (b *Backend) Setting(name string, a plan.Aspect, value string) error {
	if problem := b.Unusable(a, value); problem != "" {
		return fmt.Errorf("%s is %q: %s", name, value, problem)
	}
	return nil
}

// CheckServers refuses addresses of Vault that no object can name, and so all objects that mean one of them.
func CheckServers(setting string, listed []string) error {
	var problems []error
	for _, address := range listed {
		problems = append(problems, vault.Setting(setting, plan.Address, address))
	}
	return errors.Join(problems...)
}

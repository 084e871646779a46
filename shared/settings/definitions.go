package settings

import (
	"errors"
	"fmt"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// Definitions is what both services must agree on about SecretDefinitions: where all of them are read, and as whom. The flags
// are secrets-manager's, and so is what wins: an environment variable over its flag.
type Definitions struct {
	// AppRolePath is the mount of Vault's AppRole auth method.
	AppRolePath string

	lookup                         func(string) (string, bool)
	backend, engine, authMethod    string
	kubernetesPath, kubernetesRole string
	keyVault                       string
}

// The values of --vault.auth-method.
const (
	authAppRole    = "approle"
	authKubernetes = "kubernetes"
)

// Bind adds the settings to a section.
func (d *Definitions) Bind(s *Section) {
	d.lookup = s.lookup
	s.String(&d.backend, "backend", "vault", "backend of all SecretDefinitions: vault or azure-kv")
	s.String(&d.engine, "vault.engine", "kv2", "version of Vault's key-value engine: kv1 or kv2")
	s.String(&d.authMethod, "vault.auth-method", authAppRole, "how to log in to Vault: approle or kubernetes")
	s.String(&d.AppRolePath, "vault.approle-path", "approle", "mount of Vault's AppRole auth method")
	s.String(&d.kubernetesPath, "vault.kubernetes-path", "kubernetes", "mount of Vault's Kubernetes auth method")
	s.String(&d.kubernetesRole, "vault.kubernetes-role", "", "Vault role to log in as, with auth method kubernetes")
	s.String(&d.keyVault, "azure-kv.name", "", "name of the Azure Key Vault (env AZURE_KV_NAME, which wins)")
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (d *Definitions) Finish() (plan.Definitions, error) {
	Overrule(d.lookup, &d.keyVault, "AZURE_KV_NAME")
	var where plan.Definitions
	var problems []error
	switch d.backend {
	case "vault":
		where.Scope.Backend = apiv1.BackendVault
		problems = append(problems, d.vault(&where))
	case "azure-kv":
		where.Scope.Backend, where.Scope.KeyVault = apiv1.BackendAzureKeyVault, d.keyVault
		problems = append(problems, CheckField("--azure-kv.name (AZURE_KV_NAME)", "keyVaultName", d.keyVault))
	default:
		problems = append(problems, fmt.Errorf("--backend is %q: must be vault or azure-kv", d.backend))
	}
	return where, errors.Join(problems...)
}

func (d *Definitions) vault(where *plan.Definitions) error {
	var problems []error
	switch d.engine {
	case "kv1":
		where.KVVersion = 1
	case "kv2":
		where.KVVersion = 2
	default:
		problems = append(problems, fmt.Errorf("--vault.engine is %q: must be kv1 or kv2", d.engine))
	}
	switch d.authMethod {
	case authAppRole:
		where.Scope.Identity.VaultMount = d.AppRolePath
		problems = append(problems, CheckField("--vault.approle-path", "vaultMountPoint", d.AppRolePath))
	case authKubernetes:
		where.Scope.Identity = plan.Identity{VaultMount: d.kubernetesPath, VaultRole: d.kubernetesRole}
		problems = append(problems, CheckField("--vault.kubernetes-path", "vaultMountPoint", d.kubernetesPath),
			CheckField("--vault.kubernetes-role", "vaultRole", d.kubernetesRole))
		if d.kubernetesRole == "" { // the syncer would take an AppRole, which policy has not judged
			problems = append(problems, errors.New("--vault.auth-method=kubernetes needs --vault.kubernetes-role"))
		}
	default:
		problems = append(problems, fmt.Errorf("--vault.auth-method is %q: must be approle or kubernetes", d.authMethod))
	}
	return errors.Join(problems...)
}

// Overrule replaces a setting by that of an environment variable, where it is set and not empty.
func Overrule(lookup func(string) (string, bool), p *string, variable string) {
	if text, _ := lookup(variable); text != "" {
		*p = text
	}
}

package tuenti

import (
	"errors"
	"fmt"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

// where is what the flags say of where all SecretDefinitions are read, and as whom. They are secrets-manager's, and so is what
// wins: an environment variable over its flag.
type where struct {
	section                        *settings.Section
	backend, engine, authMethod    string
	appRolePath                    string
	kubernetesPath, kubernetesRole string
	keyVault                       string
}

// The values of --vault.auth-method.
const (
	authAppRole    = "approle"
	authKubernetes = "kubernetes"
)

func (w *where) bind(s *settings.Section) {
	w.section = s
	s.String(&w.backend, "backend", "vault", "backend of all SecretDefinitions: vault or azure-kv")
	s.String(&w.engine, "vault.engine", "kv2", "version of Vault's key-value engine: kv1 or kv2")
	s.String(&w.authMethod, "vault.auth-method", authAppRole, "how to log in to Vault: approle or kubernetes")
	s.String(&w.appRolePath, "vault.approle-path", "approle", "mount of Vault's AppRole auth method")
	s.String(&w.kubernetesPath, "vault.kubernetes-path", "kubernetes", "mount of Vault's Kubernetes auth method")
	s.String(&w.kubernetesRole, "vault.kubernetes-role", "", "Vault role to log in as, with auth method kubernetes")
	s.String(&w.keyVault, "azure-kv.name", "", "name of the Azure Key Vault (env AZURE_KV_NAME, which wins)")
}

// finish checks the settings once flags are parsed. The error lists all that is wrong.
func (w *where) finish() (Where, error) {
	w.section.Overrule(&w.keyVault, "AZURE_KV_NAME")
	var found Where
	switch w.backend {
	case "vault":
		return w.vault()
	case "azure-kv":
		azure, _ := backend.Of(backend.AzureKeyVault)
		found.Store = plan.Store{Backend: azure.Name, Container: w.keyVault}
		return found, azure.Setting("--azure-kv.name (AZURE_KV_NAME)", plan.Container, w.keyVault)
	default:
		return found, fmt.Errorf("--backend is %q: must be vault or azure-kv", w.backend)
	}
}

func (w *where) vault() (found Where, err error) {
	var problems []error
	vault, _ := backend.Of(backend.Vault)
	found.Store.Backend = vault.Name
	switch w.engine {
	case "kv1":
		found.EngineVersion = 1
	case "kv2":
		found.EngineVersion = 2
	default:
		problems = append(problems, fmt.Errorf("--vault.engine is %q: must be kv1 or kv2", w.engine))
	}
	switch w.authMethod {
	case authAppRole:
		found.Store.Mount = w.appRolePath
		problems = append(problems, vault.Setting("--vault.approle-path", plan.Mount, w.appRolePath))
	case authKubernetes:
		found.Store.Mount, found.Store.Role = w.kubernetesPath, w.kubernetesRole
		problems = append(problems, vault.Setting("--vault.kubernetes-path", plan.Mount, w.kubernetesPath),
			vault.Setting("--vault.kubernetes-role", plan.Role, w.kubernetesRole))
		if w.kubernetesRole == "" { // the syncer would take an AppRole, which policy has not judged
			problems = append(problems, errors.New("--vault.auth-method=kubernetes needs --vault.kubernetes-role"))
		}
	default:
		problems = append(problems, fmt.Errorf("--vault.auth-method is %q: must be approle or kubernetes", w.authMethod))
	}
	return found, errors.Join(problems...)
}

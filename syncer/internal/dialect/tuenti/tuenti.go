// Package tuenti is what the syncer has of secrets-manager's dialect: its flags, its metrics, the renewal of its one
// Vault token, and how Secrets and objects are taken over from it.
package tuenti

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	backends "github.com/secretgate/secretgate/shared/backend"
	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/controller"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
)

// Name of the dialect.
const Name = tuenti.Name

// Extension is the syncer's configuration for SecretDefinitions. The flags and variables are secrets-manager's, with its defaults
// and meanings; a variable wins over its flag there.
type Extension struct {
	section                     *settings.Section
	controller                  string
	interval, timeout           time.Duration // of refreshes, and of one read
	vault                       hashivault.Installed
	azure                       entra.Credentials
	polling                     time.Duration // of the token
	metricsAddress              string
	maxTokenTTL, renewIncrement int // seconds
	debug                       bool
	leaderElection              bool // replicas share the objects: none of them leads

	store  plan.Store // where all is read
	counts *tokens    // of Vault; nil where the backend is another
	driver *hashivault.Driver
}

// Bind implements dialect.Extension.
func (e *Extension) Bind(s *settings.Section) {
	e.section = s
	pace, fallback := new(tuenti.Installation).Pace()
	s.Duration(&e.interval, pace, fallback, time.Second, "how often the backend is read")
	s.Duration(&e.timeout, "config.backend-timeout", 5*time.Second, time.Second,
		"how long one read of the backend may take, login included")
	s.String(&e.vault.Address, "vault.url", "https://127.0.0.1:8200", "URL of Vault (env VAULT_ADDR, which wins)")
	s.String(&e.vault.RoleID, "vault.role-id", "", "AppRole to log in as (env VAULT_ROLE_ID, which wins)")
	s.String(&e.vault.SecretID, "vault.secret-id", "",
		"the AppRole's secret id; flags are visible in the process list, so prefer the variable (env VAULT_SECRET_ID, which wins)")
	s.Int(&e.maxTokenTTL, "vault.max-token-ttl", 300,
		"seconds before it expires at which a token is renewed; at most half of its TTL")
	s.Duration(&e.polling, "vault.token-polling-period", 15*time.Second, time.Second,
		"how often the token is checked, even while nothing is read")
	s.Int(&e.renewIncrement, "vault.renew-ttl-increment", 600, "seconds by which a renewal extends the token")
	s.String(&e.azure.TenantID, "azure-kv.tenant-id", "", "tenant of the service principal (env AZURE_TENANT_ID, which wins)")
	s.String(&e.azure.ClientID, "azure-kv.client-id", "", "service principal to log in as (env AZURE_CLIENT_ID, which wins)")
	s.String(&e.azure.ClientSecret, "azure-kv.client-secret", "",
		"its secret; flags are visible in the process list, so prefer the variable (env AZURE_CLIENT_SECRET, which wins)")
	s.String(&e.azure.ManagedClientID, "azure-kv.managed-client-id", "",
		"managed identity to log in as (env AZURE_MANAGED_CLIENT_ID, which wins)")
	s.String(&e.azure.ManagedResourceID, "azure-kv.managed-resource-id", "",
		"managed identity to log in as, by its resource (env AZURE_MANAGED_RESOURCE_ID, which wins)")
	s.String(&e.controller, "controller-name", v1alpha1.Kind, "name of the controller, in logs and metrics")
	s.String(&e.metricsAddress, "metrics-addr", "", "address of /metrics; empty: that of --metrics-bind-address")
	s.Bool(&e.debug, "enable-debug-log", false, "the same as --log-level=debug")
	s.Bool(&e.leaderElection, "enable-leader-election", false, "accepted and ignored: replicas share the objects")
}

// Finish implements dialect.Extension.
func (e *Extension) Finish(installation shared.Installation, common dialect.Common) error {
	installed, ok := installation.(*tuenti.Installation)
	if !ok {
		return fmt.Errorf("%T is none of %s", installation, Name)
	}
	for variable, setting := range map[string]*string{
		"VAULT_ADDR": &e.vault.Address, "VAULT_ROLE_ID": &e.vault.RoleID, "VAULT_SECRET_ID": &e.vault.SecretID,
		"AZURE_TENANT_ID": &e.azure.TenantID, "AZURE_CLIENT_ID": &e.azure.ClientID, "AZURE_CLIENT_SECRET": &e.azure.ClientSecret,
		"AZURE_MANAGED_CLIENT_ID": &e.azure.ManagedClientID, "AZURE_MANAGED_RESOURCE_ID": &e.azure.ManagedResourceID,
	} {
		e.section.Overrule(setting, variable)
	}
	problems := []error{e.check(), e.narrow(installed, common.WatchedNamespaces), e.credentials(installed.Where.Store)}
	if e.metricsAddress != "" {
		*common.MetricsBindAddress = e.metricsAddress
	}
	if e.debug {
		common.Debug()
	}
	e.install(installed, common)
	return errors.Join(problems...)
}

// narrow leaves of the namespaces to serve those that the syncer watches.
func (e *Extension) narrow(installed *tuenti.Installation, watched []string) error {
	if len(installed.Watched) == 0 || len(watched) == 0 {
		return nil
	}
	installed.Watched = slices.DeleteFunc(installed.Watched, func(name string) bool { return !slices.Contains(watched, name) })
	if len(installed.Watched) == 0 {
		return errors.New("--watch-namespaces names none of --watched-namespaces, which are all that the syncer watches")
	}
	return nil
}

// install gives the drivers what they read SecretDefinitions with. Where others log in to the same server by the same role, there is
// one Store for both, so that a path which both name is read once.
func (e *Extension) install(installed *tuenti.Installation, common dialect.Common) {
	store := &installed.Where.Store
	apart := false
	switch store.Backend {
	case backends.Vault:
		if apart = common.Alone || store.Role == "" || e.vault.Address != common.Vault.Address; apart {
			e.vault.AppRoleMount, e.vault.RefreshInterval = installed.AppRolePath(), e.interval
			e.vault.RenewThreshold = time.Duration(e.maxTokenTTL) * time.Second
			e.vault.RenewIncrement = time.Duration(e.renewIncrement) * time.Second
			e.vault.Timeout, e.vault.Failed = e.timeout, e.failed
			common.Vault.Installed = map[string]hashivault.Installed{Name: e.vault}
		} else {
			common.Vault.Failed = e.failed
		}
		e.counts = newTokens(e.address(), fmt.Sprintf("kv%d", installed.Where.EngineVersion), time.Duration(e.maxTokenTTL)*time.Second)
	case backends.AzureKeyVault:
		if apart = e.azure != (entra.Credentials{}); apart {
			common.Azure.Installed = map[string]azurekeyvault.Installed{Name: {Credentials: e.azure, Timeout: e.timeout}}
		}
	}
	if apart {
		store.Credential = plan.Credential{Kind: plan.InstalledCredential, Name: Name}
		common.Timeouts[*store] = e.timeout
	}
	e.store = *store
}

// address is Vault's, without the password that it may hold; empty where it is no URL.
func (e *Extension) address() string {
	address, err := url.Parse(e.vault.Address)
	if err != nil {
		return ""
	}
	return address.Redacted()
}

// failed counts a login or a renewal that failed.
func (e *Extension) failed(operation string, err error) {
	e.counts.Failed(operation, e.driver.Classify(err).String())
}

func (e *Extension) check() error {
	var problems []error
	for _, duration := range []struct {
		flag  string
		value time.Duration
	}{
		{"reconcile-period", e.interval}, {"config.backend-timeout", e.timeout}, {"vault.token-polling-period", e.polling},
	} {
		if duration.value <= 0 {
			problems = append(problems, fmt.Errorf("--%s is %s: must be more than 0", duration.flag, duration.value))
		}
	}
	if e.maxTokenTTL < 0 || e.renewIncrement < 0 {
		problems = append(problems, errors.New("--vault.max-token-ttl and --vault.renew-ttl-increment must not be negative"))
	}
	if e.controller == "" || e.controller == "externalsecret" {
		problems = append(problems, fmt.Errorf("--controller-name is %q: must be a name of its own", e.controller))
	}
	return errors.Join(append(problems, settings.CheckURL("vault.url", e.vault.Address))...)
}

// credentials finds out early that nothing could ever be read.
func (e *Extension) credentials(store plan.Store) error {
	switch {
	case store.Backend == backends.AzureKeyVault && store.Container == "":
		return errors.New("--backend=azure-kv needs --azure-kv.name or AZURE_KV_NAME")
	// Of Azure's credentials the environment may offer some that have no flag.
	case store.Backend == backends.Vault && store.Role == "" && e.vault.RoleID == "":
		return errors.New("--secret-definitions needs a login to Vault: VAULT_ROLE_ID and VAULT_SECRET_ID (or --vault.role-id), " +
			"or --vault.auth-method=kubernetes and --vault.kubernetes-role")
	}
	return nil
}

// Sync implements dialect.Extension.
func (e *Extension) Sync(shared.Kind) dialect.Sync {
	return dialect.Sync{
		Name: e.controller, Interval: e.interval, View: view{},
		NewTakeover: func(mgr manager.Manager, kinds []shared.Kind) controller.Takeover {
			return &takeover{kinds: kinds, client: mgr.GetClient(), live: mgr.GetAPIReader(), writer: &apply.Writer{Client: mgr.GetClient()}}
		},
	}
}

// Metrics implements dialect.Extension.
func (e *Extension) Metrics(*backend.Metrics) []prometheus.Collector {
	if e.counts == nil {
		return nil
	}
	return []prometheus.Collector{e.counts}
}

// Start implements dialect.Extension. It starts the renewal of the Vault token.
func (e *Extension) Start(mgr manager.Manager, running dialect.Running) error {
	if e.counts == nil {
		return nil
	}
	e.driver, _ = running.Drivers[backends.Vault].(*hashivault.Driver) // as the list of drivers has it
	renewer := &tokenRenewer{vault: e.driver, store: e.store, period: e.polling, timeout: e.timeout, metrics: e.counts, log: running.Log}
	return mgr.Add(manager.RunnableFunc(renewer.Run))
}

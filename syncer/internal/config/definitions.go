package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// Definitions is what the syncer is told about SecretDefinitions. The flags and variables are secrets-manager's, with its defaults
// and meanings; a variable wins over its flag there.
type Definitions struct {
	Enabled         bool
	Where           plan.Definitions
	Controller      string
	RefreshInterval time.Duration
	BackendTimeout  time.Duration
	Watched         []string // namespaces; empty: all that the syncer watches
	Excluded        []string // namespaces
	Vault           hashivault.Config
	Azure           azurekeyvault.Config
	TokenPolling    time.Duration

	shared                      settings.Definitions
	debug                       bool
	leaderElection              bool // replicas share the objects: none of them leads
	metricsAddress              string
	watched, excluded           string
	maxTokenTTL, renewIncrement int // seconds
}

func (c *Config) bindDefinitions(s *settings.Section) *settings.Section {
	d := &c.Definitions
	s.Bool(&d.Enabled, "secret-definitions", false,
		"serve SecretDefinitions (secrets-manager.tuenti.io/v1alpha1), too; the other flags of this group are secrets-manager's, for these alone",
		"SECRET_DEFINITIONS")
	d.shared.Bind(s)
	s.Duration(&d.RefreshInterval, "reconcile-period", 5*time.Second, time.Second, "how often the backend is read")
	s.Duration(&d.BackendTimeout, "config.backend-timeout", 5*time.Second, time.Second,
		"how long one read of the backend may take, login included")
	s.String(&d.watched, "watch-namespaces", "", "namespaces to serve, comma-separated, of those that the syncer watches; empty: all of them")
	s.String(&d.excluded, "exclude-namespaces", "", "namespaces not to serve, comma-separated; wins over --watch-namespaces")
	s.String(&d.Vault.Address, "vault.url", "https://127.0.0.1:8200", "URL of Vault (env VAULT_ADDR, which wins)")
	s.String(&d.Vault.RoleID, "vault.role-id", "", "AppRole to log in as (env VAULT_ROLE_ID, which wins)")
	s.String(&d.Vault.SecretID, "vault.secret-id", "",
		"the AppRole's secret id; flags can be read in the process list: better use the variable (env VAULT_SECRET_ID, which wins)")
	s.Int(&d.maxTokenTTL, "vault.max-token-ttl", 300,
		"seconds before its end at which a token is renewed; more than half of its life counts as half")
	s.Duration(&d.TokenPolling, "vault.token-polling-period", 15*time.Second, time.Second,
		"how often the token is looked after, though nothing is read")
	s.Int(&d.renewIncrement, "vault.renew-ttl-increment", 600, "seconds that a renewal asks for")
	a := &d.Azure.Credentials
	s.String(&a.TenantID, "azure-kv.tenant-id", "", "tenant of the service principal (env AZURE_TENANT_ID, which wins)")
	s.String(&a.ClientID, "azure-kv.client-id", "", "service principal to log in as (env AZURE_CLIENT_ID, which wins)")
	s.String(&a.ClientSecret, "azure-kv.client-secret", "",
		"its secret; flags can be read in the process list: better use the variable (env AZURE_CLIENT_SECRET, which wins)")
	s.String(&a.ManagedClientID, "azure-kv.managed-client-id", "", "managed identity to log in as (env AZURE_MANAGED_CLIENT_ID, which wins)")
	s.String(&a.ManagedResourceID, "azure-kv.managed-resource-id", "",
		"managed identity to log in as, by its resource (env AZURE_MANAGED_RESOURCE_ID, which wins)")
	s.String(&d.Controller, "controller-name", "SecretDefinition", "name of the controller, in logs and metrics")
	s.String(&d.metricsAddress, "metrics-addr", "", "address of /metrics; empty: that of --metrics-bind-address")
	s.Bool(&d.debug, "enable-debug-log", false, "log more, as --log-level=debug")
	s.Bool(&d.leaderElection, "enable-leader-election", false, "accepted, and not needed: replicas share the objects")
	return s
}

// definitions completes what is told about them, where they are served.
func (c *Config) definitions(lookup func(string) (string, bool)) error {
	d := &c.Definitions
	if !d.Enabled {
		*d = Definitions{}
		return nil
	}
	where, err := d.shared.Finish()
	problems := []error{err}
	d.Where = where
	a := &d.Azure.Credentials
	for variable, setting := range map[string]*string{
		"VAULT_ADDR": &d.Vault.Address, "VAULT_ROLE_ID": &d.Vault.RoleID, "VAULT_SECRET_ID": &d.Vault.SecretID,
		"AZURE_TENANT_ID": &a.TenantID, "AZURE_CLIENT_ID": &a.ClientID, "AZURE_CLIENT_SECRET": &a.ClientSecret,
		"AZURE_MANAGED_CLIENT_ID": &a.ManagedClientID, "AZURE_MANAGED_RESOURCE_ID": &a.ManagedResourceID,
	} {
		settings.Overrule(lookup, setting, variable)
	}
	d.Watched, d.Excluded = names(d.watched), names(d.excluded)
	if len(d.Watched) > 0 && len(c.WatchedNamespaces) > 0 {
		d.Watched = slices.DeleteFunc(d.Watched, func(name string) bool { return !slices.Contains(c.WatchedNamespaces, name) })
		if len(d.Watched) == 0 {
			problems = append(problems, errors.New("--watch-namespaces names none of --watched-namespaces, which are all that the syncer watches"))
		}
	}
	if d.metricsAddress != "" {
		c.MetricsBindAddress = d.metricsAddress
	}
	c.backendOfDefinitions()
	return errors.Join(append(problems, d.check(), d.credentials())...)
}

// backendOfDefinitions gives their drivers what holds for all drivers.
func (c *Config) backendOfDefinitions() {
	d := &c.Definitions
	d.Vault.EngineFlag = "--vault.engine"
	d.Vault.Namespace, d.Vault.JWTPath, d.Vault.CACert = c.Vault.Namespace, c.Vault.JWTPath, c.Vault.CACert
	d.Vault.AppRoleMount, d.Vault.RefreshInterval = d.shared.AppRolePath, d.RefreshInterval
	d.Vault.RenewThreshold = time.Duration(d.maxTokenTTL) * time.Second
	d.Vault.RenewIncrement = time.Duration(d.renewIncrement) * time.Second
	d.Vault.ExtraCACerts, d.Vault.Timeout = c.extraCACerts, d.BackendTimeout
	credentials := d.Azure.Credentials
	d.Azure = c.Azure
	d.Azure.Credentials, d.Azure.Timeout = credentials, d.BackendTimeout
}

func (d *Definitions) check() error {
	var problems []error
	for _, duration := range []struct {
		flag  string
		value time.Duration
	}{
		{"reconcile-period", d.RefreshInterval}, {"config.backend-timeout", d.BackendTimeout}, {"vault.token-polling-period", d.TokenPolling},
	} {
		if duration.value <= 0 {
			problems = append(problems, fmt.Errorf("--%s is %s: must be more than 0", duration.flag, duration.value))
		}
	}
	if d.maxTokenTTL < 0 || d.renewIncrement < 0 {
		problems = append(problems, errors.New("--vault.max-token-ttl and --vault.renew-ttl-increment must not be negative"))
	}
	if d.Controller == "" || d.Controller == "externalsecret" {
		problems = append(problems, fmt.Errorf("--controller-name is %q: must be a name of its own", d.Controller))
	}
	return errors.Join(append(problems, isURL("vault.url", d.Vault.Address))...)
}

// credentials finds out early that nothing could ever be read.
func (d *Definitions) credentials() error {
	switch scope := d.Where.Scope; {
	case scope.Backend == apiv1.BackendAzureKeyVault && scope.KeyVault == "":
		return errors.New("--backend=azure-kv needs --azure-kv.name or AZURE_KV_NAME")
	// Of Azure's credentials the environment may offer some that have no flag.
	case scope.Backend == apiv1.BackendVault && scope.Identity.VaultRole == "" && d.Vault.RoleID == "":
		return errors.New("--secret-definitions needs a login to Vault: VAULT_ROLE_ID and VAULT_SECRET_ID (or --vault.role-id), " +
			"or --vault.auth-method=kubernetes and --vault.kubernetes-role")
	}
	return nil
}

// Ring tells syncers apart that serve other SecretDefinitions, beside those that watch other namespaces: they share no work.
func (d *Definitions) Ring() []string {
	if !d.Enabled {
		return nil
	}
	ring := []string{"/secret-definitions"} // no namespace's name
	for _, namespace := range d.Watched {
		ring = append(ring, "/watched/"+namespace)
	}
	for _, namespace := range d.Excluded {
		ring = append(ring, "/excluded/"+namespace)
	}
	return ring
}

// names takes a comma-separated list apart, in quotes or not, as secrets-manager does.
func names(list string) []string {
	var all []string
	for name := range strings.SplitSeq(strings.Trim(strings.TrimSpace(list), `"`), ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

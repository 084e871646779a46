// Package config is the syncer's configuration by flags and environment. The environment variables are
// KES's, with KES's meanings.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	extension "github.com/secretgate/secretgate/syncer/internal/dialect"
)

// Config is the syncer's whole configuration.
type Config struct {
	Kubeconfig             string
	WatchedNamespaces      []string // empty: all
	Workers                int
	RefreshInterval        time.Duration
	DisablePolling         bool
	StatusHeartbeat        time.Duration
	WatchSecrets           bool
	BackendTimeout         time.Duration
	AWS                    awssession.Config
	SecretsManagerEndpoint string
	ParameterStoreEndpoint string
	Vault                  hashivault.Config
	Azure                  azurekeyvault.Config
	GCP                    gcpsecretmanager.Config
	Alicloud               alicloudkms.Config
	Shard                  Shard
	Dialects               dialect.Choice
	Extensions             map[string]extension.Extension // of the dialects, by name
	Timeouts               map[plan.Store]time.Duration   // of reads, where they are not BackendTimeout
	Tenancies              map[plan.Backend]plan.Tenancy  // of the backends that learn on whose behalf they are read
	MetricsBindAddress     string
	HealthProbeBindAddress string
	Pprof                  settings.Pprof
	Policy                 settings.Policy
	Handler                slog.Handler

	log               settings.Log
	watchedNamespaces string
	extraCACerts      string
	sessionTags       string
	localstack        bool
	localstackSM      string
	localstackSSM     string
	localstackSTS     string
}

// Bind names the settings, in the groups that --help shows. lookup finds environment variables.
func (c *Config) Bind(lookup func(string) (string, bool)) []*settings.Section {
	work := c.bindSync(settings.NewSection("sync", lookup))
	return slices.Concat([]*settings.Section{
		work,
		c.bindBackend(settings.NewSection("backend", lookup)),
		c.bindAWS(settings.NewSection("AWS", lookup), lookup),
		c.bindVault(settings.NewSection("vault", lookup)),
		c.bindAzure(settings.NewSection("azure", lookup)),
		c.bindGCP(settings.NewSection("google", lookup)),
		c.bindAlicloud(settings.NewSection("alibaba cloud", lookup)),
	}, c.bindDialects(work, lookup), []*settings.Section{
		c.bindShard(settings.NewSection("replica", lookup)),
		c.bindPolicy(settings.NewSection("policy", lookup)),
		c.bindObservation(settings.NewSection("observation", lookup), lookup),
	})
}

// bindDialects adds the choice of dialects to a section, and returns one for each.
func (c *Config) bindDialects(work *settings.Section, lookup func(string) (string, bool)) []*settings.Section {
	sections := c.Dialects.Bind(work, lookup)
	for i, name := range c.Dialects.Names() {
		if e := c.Extensions[name]; e != nil {
			e.Bind(sections[i])
		}
	}
	return sections
}

func (c *Config) bindSync(s *settings.Section) *settings.Section {
	s.String(&c.Kubeconfig, "kubeconfig", "", "file that says how to reach the cluster; in a pod the service account does")
	s.String(&c.watchedNamespaces, "watched-namespaces", "", "serve these namespaces only, comma-separated; empty: all", "WATCHED_NAMESPACES")
	s.Int(&c.Workers, "workers", 16, "objects synced at a time; one namespace's are three quarters of them at most")
	settings.BindRefresh(s, &c.RefreshInterval, &c.DisablePolling)
	s.Duration(&c.StatusHeartbeat, "status-heartbeat", 10*time.Minute, time.Second,
		"how old an unchanged status may become before it is written with new times; 0: no limit")
	s.Bool(&c.WatchSecrets, "watch-secrets", true, "repair Secrets that others change; needs the rights to list and watch Secrets")
	return s
}

func (c *Config) bindBackend(s *settings.Section) *settings.Section {
	s.Duration(&c.BackendTimeout, "backend-timeout", 10*time.Second, time.Second, "how long one read of a backend may take, login included")
	s.String(&c.extraCACerts, "extra-ca-certs", "",
		"PEM file of CAs to trust for backends, beside the system's (SSL_CERT_FILE)", "NODE_EXTRA_CA_CERTS")
	return s
}

func (c *Config) bindVault(s *settings.Section) *settings.Section {
	s.String(&c.Vault.Address, "vault-addr", "http://127.0.0.1:8200", "URL of Vault", "VAULT_ADDR")
	s.String(&c.Vault.Namespace, "vault-namespace", "", "namespace of Vault Enterprise to work in", "VAULT_NAMESPACE")
	s.String(&c.Vault.JWTPath, "vault-jwt-path", "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"file of the service-account token to log in with, read anew at each login", "VAULT_JWT_PATH")
	s.String(&c.Vault.RoleID, "vault-role-id", "",
		"AppRole to log in as where neither the object nor --default-vault-role names a Vault role", "VAULT_ROLE_ID")
	s.String(&c.Vault.AppRoleMount, "vault-approle-mount", "approle", "mount of the AppRole auth method")
	s.Duration(&c.Vault.RenewThreshold, "vault-token-renew-threshold", 0, time.Second,
		"how long before it expires a Vault token is renewed; 0: three refresh intervals, but at most a third of its TTL",
		"VAULT_TOKEN_RENEW_THRESHOLD")
	s.String(&c.Vault.CACert, "vault-cacert", "", "PEM file of the only CAs to trust for Vault", "VAULT_CACERT")
	return s
}

func (c *Config) bindPolicy(s *settings.Section) *settings.Section {
	c.Policy.Bind(s)
	return s
}

func (c *Config) bindObservation(s *settings.Section, lookup func(string) (string, bool)) *settings.Section {
	address := ":3001"
	if port, _ := lookup("METRICS_PORT"); port != "" {
		address = ":" + port
	}
	s.String(&c.MetricsBindAddress, "metrics-bind-address", address, "address of /metrics; 0 turns it off (env METRICS_PORT, a port)")
	s.String(&c.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 turns them off")
	c.Pprof.Bind(s)
	c.log.Bind(s)
	return s
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (c *Config) Finish(sections []*settings.Section, lookup func(string) (string, bool)) error {
	var problems []error
	for _, section := range sections {
		problems = append(problems, section.Err())
	}
	problems = append(problems, c.Policy.Finish(), c.sync(), c.Shard.check(), c.checkAWS(), c.checkAzure())
	c.backends(lookup)
	problems = append(problems, c.dialects())
	handler, err := c.log.Handler(os.Stderr)
	c.Handler = handler
	problems = append(problems, err,
		settings.CheckAddress("metrics-bind-address", c.MetricsBindAddress),
		settings.CheckAddress("health-probe-bind-address", c.HealthProbeBindAddress),
		c.Pprof.Check(map[string]string{
			"metrics-bind-address": c.MetricsBindAddress, "health-probe-bind-address": c.HealthProbeBindAddress,
		}))
	c.MetricsBindAddress = cmp.Or(c.MetricsBindAddress, "0") // nothing is controller-runtime's word for its own default, :8080
	for _, endpoint := range []struct{ flag, url string }{
		{"aws-sm-endpoint", c.SecretsManagerEndpoint}, {"aws-ssm-endpoint", c.ParameterStoreEndpoint},
		{"aws-sts-endpoint", c.AWS.STSEndpoint}, {"vault-addr", c.Vault.Address},
	} {
		problems = append(problems, settings.CheckURL(endpoint.flag, endpoint.url))
	}
	return errors.Join(problems...)
}

func (c *Config) sync() error {
	var problems []error
	c.WatchedNamespaces = settings.List(c.watchedNamespaces)
	if c.Workers < 1 {
		problems = append(problems, fmt.Errorf("--workers is %d: must be at least 1", c.Workers))
	}
	if c.RefreshInterval <= 0 {
		problems = append(problems, fmt.Errorf("--refresh-interval is %s: must be more than 0; --disable-polling turns refreshes off",
			c.RefreshInterval))
	}
	if c.BackendTimeout <= 0 {
		problems = append(problems, fmt.Errorf("--backend-timeout is %s: must be more than 0", c.BackendTimeout))
	}
	if c.StatusHeartbeat < 0 {
		problems = append(problems, fmt.Errorf("--status-heartbeat is %s: must not be negative", c.StatusHeartbeat))
	}
	problems = append(problems, settings.CheckFile("kubeconfig", c.Kubeconfig))
	return errors.Join(problems...)
}

// dialects completes the settings of the chosen dialects.
func (c *Config) dialects() error {
	problems := []error{c.Dialects.Finish(c.Policy)}
	c.Timeouts = map[plan.Store]time.Duration{}
	common := extension.Common{
		WatchedNamespaces: c.WatchedNamespaces, MetricsBindAddress: &c.MetricsBindAddress, Debug: c.log.Debug,
		Vault: &c.Vault, Azure: &c.Azure, Timeouts: c.Timeouts,
	}
	chosen := c.Dialects.Chosen()
	common.Alone = len(chosen) == 1
	for name, installation := range chosen {
		if e := c.Extensions[name]; e != nil {
			problems = append(problems, e.Finish(installation, common))
		}
	}
	return errors.Join(problems...)
}

// backends completes the drivers' settings. AppRole's secret comes only from the environment:
// flags are visible in the process list.
func (c *Config) backends(lookup func(string) (string, bool)) {
	c.finishAWS()
	c.AWS.ExtraCACerts, c.Vault.ExtraCACerts = c.extraCACerts, c.extraCACerts
	c.AWS.Timeout, c.Vault.Timeout = c.BackendTimeout, c.BackendTimeout
	c.Vault.RefreshInterval = c.RefreshInterval
	c.Vault.SecretID, _ = lookup("VAULT_SECRET_ID")
	c.Vault.Servers = c.Policy.Settings.VaultServers
	c.azure()
	c.gcp()
	c.alicloud(lookup)
}

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// secretsManagers are the defaults of secrets-manager, beside an AppRole, which has none.
func secretsManagers() Definitions {
	return Definitions{
		Enabled: true, Controller: "SecretDefinition",
		Where: plan.Definitions{
			Scope: plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: "approle"}}, KVVersion: 2,
		},
		RefreshInterval: 5 * time.Second, BackendTimeout: 5 * time.Second, TokenPolling: 15 * time.Second,
		Vault: hashivault.Config{
			Address: "https://127.0.0.1:8200", RoleID: "role", JWTPath: "/var/run/secrets/kubernetes.io/serviceaccount/token",
			AppRoleMount: "approle", RenewThreshold: 5 * time.Minute, RenewIncrement: 10 * time.Minute,
			RefreshInterval: 5 * time.Second, Timeout: 5 * time.Second, EngineFlag: "--vault.engine",
		},
		Azure: azurekeyvault.Config{Environment: "AzureCloud", Timeout: 5 * time.Second},
	}
}

func TestFlagsOfSecretsManager(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want func(*Config, *Definitions)
	}{
		{"its defaults", nil, []string{"--vault.role-id=role"}, func(*Config, *Definitions) {}},
		{"each flag of Vault", nil, []string{
			"--vault.url=http://vault:8200", "--vault.role-id=r", "--vault.secret-id=s", "--vault.engine=kv1", "--vault.approle-path=apps", "--vault.max-token-ttl=60",
			"--vault.token-polling-period=1m", "--vault.renew-ttl-increment=120", "--reconcile-period=1m", "--config.backend-timeout=2s",
		}, func(_ *Config, d *Definitions) {
			d.Where.Scope.Identity.VaultMount, d.Where.KVVersion = "apps", 1
			d.RefreshInterval, d.BackendTimeout, d.TokenPolling = time.Minute, 2*time.Second, time.Minute
			d.Vault = hashivault.Config{Address: "http://vault:8200", RoleID: "r", SecretID: "s", JWTPath: d.Vault.JWTPath, AppRoleMount: "apps",
				RenewThreshold: time.Minute, RenewIncrement: 2 * time.Minute, RefreshInterval: time.Minute, Timeout: 2 * time.Second, EngineFlag: "--vault.engine"}
			d.Azure.Timeout = 2 * time.Second
		}},
		{"a login by service account", nil, []string{"--vault.auth-method=kubernetes", "--vault.kubernetes-path=prod", "--vault.kubernetes-role=reader"},
			func(_ *Config, d *Definitions) {
				d.Where.Scope.Identity, d.Vault.RoleID = plan.Identity{VaultMount: "prod", VaultRole: "reader"}, ""
			}},
		{"its variables win over its flags", map[string]string{"VAULT_ADDR": "https://vault", "VAULT_ROLE_ID": "r", "VAULT_SECRET_ID": "s"},
			[]string{"--vault.url=http://x", "--vault.role-id=x", "--vault.secret-id=x"}, func(_ *Config, d *Definitions) {
				d.Vault.Address, d.Vault.RoleID, d.Vault.SecretID = "https://vault", "r", "s"
			}},
		{"each flag of Azure", nil, []string{"--backend=azure-kv", "--azure-kv.name=kv", "--azure-kv.tenant-id=t", "--azure-kv.client-id=c", "--azure-kv.client-secret=s",
			"--azure-kv.managed-client-id=m", "--azure-kv.managed-resource-id=r"}, func(_ *Config, d *Definitions) {
			d.Where, d.Vault.RoleID = plan.Definitions{Scope: plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "kv"}}, ""
			d.Azure.Credentials = entra.Credentials{TenantID: "t", ClientID: "c", ClientSecret: "s", ManagedClientID: "m", ManagedResourceID: "r"}
		}},
		{"each variable of Azure", map[string]string{"AZURE_KV_NAME": "kv", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s",
			"AZURE_MANAGED_CLIENT_ID": "m", "AZURE_MANAGED_RESOURCE_ID": "r"}, []string{"--backend=azure-kv", "--azure-kv.name=x", "--azure-kv.client-id=x"},
			func(_ *Config, d *Definitions) {
				d.Where, d.Vault.RoleID = plan.Definitions{Scope: plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "kv"}}, ""
				d.Azure.Credentials = entra.Credentials{TenantID: "t", ClientID: "c", ClientSecret: "s", ManagedClientID: "m", ManagedResourceID: "r"}
			}},
		{"what holds for every backend", map[string]string{"VAULT_NAMESPACE": "team", "VAULT_JWT_PATH": "/token", "VAULT_CACERT": "/vault.pem", "NODE_EXTRA_CA_CERTS": "/ca.pem",
			"AZURE_ENVIRONMENT": "AzureChinaCloud", "AZURE_AUTHORITY_HOST": "https://login", "AZURE_KEY_VAULT_DNS_SUFFIX": "vault.example"},
			[]string{"--vault.role-id=role"}, func(_ *Config, d *Definitions) {
				d.Vault.Namespace, d.Vault.JWTPath, d.Vault.CACert, d.Vault.ExtraCACerts = "team", "/token", "/vault.pem", "/ca.pem"
				d.Azure = azurekeyvault.Config{Environment: "AzureChinaCloud", AuthorityHost: "https://login", DNSSuffix: "vault.example",
					ExtraCACerts: "/ca.pem", Timeout: 5 * time.Second}
			}},
		{"namespaces, in quotes or not", nil, []string{"--vault.role-id=role", `--watch-namespaces="a, b"`, "--exclude-namespaces=b,,c,"}, func(_ *Config, d *Definitions) {
			d.Watched, d.Excluded = []string{"a", "b"}, []string{"b", "c"}
		}},
		{"of those that the syncer watches", map[string]string{"WATCHED_NAMESPACES": "b,c"}, []string{"--vault.role-id=role", "--watch-namespaces=a,b"},
			func(_ *Config, d *Definitions) { d.Watched = []string{"b"} }},
		{"names and addresses", nil, []string{"--vault.role-id=role", "--controller-name=prod", "--metrics-addr=:8080", "--enable-leader-election", "--enable-debug-log"},
			func(c *Config, d *Definitions) { d.Controller, c.MetricsBindAddress = "prod", ":8080" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := finish(t, tc.env, append(tc.args, "--secret-definitions")...)
			if err != nil {
				t.Fatal(err)
			}
			whole, want := defaults(), secretsManagers()
			tc.want(whole, &want)
			if diff := cmp.Diff(want, got.Definitions, cmpopts.IgnoreUnexported(Definitions{}), cmpopts.IgnoreFields(hashivault.Config{}, "Now", "Failed")); diff != "" {
				t.Error(diff)
			}
			if whole.MetricsBindAddress != got.MetricsBindAddress {
				t.Errorf("metrics are at %s", got.MetricsBindAddress)
			}
		})
	}
}

func TestDebugLogs(t *testing.T) {
	for _, args := range [][]string{nil, {"--enable-debug-log"}} {
		c, err := finish(t, nil, append(args, "--secret-definitions", "--vault.role-id=role")...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Handler.Enabled(t.Context(), -4); got != (args != nil) {
			t.Errorf("with %v debugging is logged: %t", args, got)
		}
	}
}

func TestWithoutTheSwitchFlagsOfSecretsManagerMeanNothing(t *testing.T) {
	got, err := finish(t, nil, "--backend=nonsense", "--metrics-addr=:1", "--reconcile-period=-1s")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Definitions{}, got.Definitions, cmpopts.IgnoreUnexported(Definitions{}), cmpopts.IgnoreFields(hashivault.Config{}, "Now", "Failed")); diff != "" {
		t.Error(diff)
	}
	if got.MetricsBindAddress != ":3001" {
		t.Errorf("metrics are at %s", got.MetricsBindAddress)
	}
}

func TestProblemsOfDefinitions(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want []string // a line each
	}{
		{"no login", nil, nil, []string{"--secret-definitions needs a login to Vault: VAULT_ROLE_ID and VAULT_SECRET_ID (or --vault.role-id), " +
			"or --vault.auth-method=kubernetes and --vault.kubernetes-role"}},
		{"a service account without a role, though there is an AppRole", map[string]string{"VAULT_ROLE_ID": "r"}, []string{"--vault.auth-method=kubernetes"},
			[]string{"--vault.auth-method=kubernetes needs --vault.kubernetes-role"}},
		{"a name that is taken", nil, []string{"--vault.role-id=role", "--controller-name=externalsecret"},
			[]string{`--controller-name is "externalsecret": must be a name of its own`}},
		{"a renewal for less than nothing", nil, []string{"--vault.role-id=role", "--vault.renew-ttl-increment=-1"},
			[]string{"--vault.max-token-ttl and --vault.renew-ttl-increment must not be negative"}},
		{"a Key Vault without a name", nil, []string{"--backend=azure-kv"}, []string{"--backend=azure-kv needs --azure-kv.name or AZURE_KV_NAME"}},
		{"all of them at once", map[string]string{"WATCHED_NAMESPACES": "a"}, []string{
			"--backend=aws", "--reconcile-period=0s", "--config.backend-timeout=0s", "--vault.token-polling-period=0s", "--vault.max-token-ttl=-1",
			"--controller-name=", "--vault.url=planted", "--watch-namespaces=b",
		}, []string{
			`--backend is "aws": must be vault or azure-kv`,
			`--watch-namespaces names none of --watched-namespaces, which are all that the syncer watches`,
			`--reconcile-period is 0s: must be more than 0`,
			`--config.backend-timeout is 0s: must be more than 0`,
			`--vault.token-polling-period is 0s: must be more than 0`,
			`--vault.max-token-ttl and --vault.renew-ttl-increment must not be negative`,
			`--controller-name is "": must be a name of its own`,
			`--vault.url must be a URL such as https://host:port`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := finish(t, tc.env, append(tc.args, "--secret-definitions")...)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if diff := cmp.Diff(tc.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSyncersOfOtherDefinitionsShareNoWork(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"one that serves none", nil, nil},
		{"one that serves all", []string{"--secret-definitions"}, []string{"/secret-definitions"}},
		{"one that serves those of some namespaces", []string{"--secret-definitions", "--watch-namespaces=a"}, []string{"/secret-definitions", "/watched/a"}},
		{"one that serves those of all namespaces but some", []string{"--secret-definitions", "--exclude-namespaces=a"}, []string{"/secret-definitions", "/excluded/a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := finish(t, map[string]string{"VAULT_ROLE_ID": "r"}, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.Definitions.Ring()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

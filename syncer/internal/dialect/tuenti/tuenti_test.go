package tuenti

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	backends "github.com/secretgate/secretgate/shared/backend"
	shared "github.com/secretgate/secretgate/shared/dialect"
	dialects "github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault/entra"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
	"github.com/secretgate/secretgate/syncer/internal/config"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

// finish reads a command line as the syncer does.
func finish(t *testing.T, env map[string]string, args ...string) (*Extension, *config.Config, error) {
	t.Helper()
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	e := &Extension{}
	c := &config.Config{
		Dialects:   shared.Choice{All: dialects.Dialects(), Service: shared.Syncer, Default: "kes"},
		Extensions: map[string]dialect.Extension{Name: e},
	}
	sections := c.Bind(lookup)
	flags := flag.NewFlagSet("syncer", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, section := range sections {
		section.Flags.VisitAll(func(f *flag.Flag) { flags.Var(f.Value, f.Name, f.Usage) })
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := c.Finish(sections, lookup)
	return e, c, err
}

// told is what the flags lead to.
type told struct {
	Store             plan.Store
	EngineVersion     int32
	Watched, Excluded []string
	Controller        string
	Interval, Timeout time.Duration // the latter of reads of the Store; 0: that of all others
	Polling           time.Duration
	MetricsAddress    string
	Vault             hashivault.Installed
	Azure             azurekeyvault.Installed
}

// installed is the login that is SecretDefinitions' own.
var installed = plan.Credential{Kind: plan.InstalledCredential, Name: Name}

// secretsManagers are the defaults of secrets-manager, beside an AppRole, which has none.
func secretsManagers() told {
	return told{
		Store: plan.Store{Backend: backends.Vault, Mount: "approle", Credential: installed}, EngineVersion: 2, Controller: "SecretDefinition",
		Interval: 5 * time.Second, Timeout: 5 * time.Second, Polling: 15 * time.Second, MetricsAddress: ":3001",
		Vault: hashivault.Installed{
			Address: "https://127.0.0.1:8200", RoleID: "role", AppRoleMount: "approle", RenewThreshold: 5 * time.Minute,
			RenewIncrement: 10 * time.Minute, RefreshInterval: 5 * time.Second, Timeout: 5 * time.Second,
		},
	}
}

func TestFlagsOfSecretsManager(t *testing.T) {
	azure := entra.Credentials{TenantID: "t", ClientID: "c", ClientSecret: "s", ManagedClientID: "m", ManagedResourceID: "r"}
	keyVault := func(d *told) {
		d.Store, d.EngineVersion = plan.Store{Backend: backends.AzureKeyVault, Container: "kv", Credential: installed}, 0
		d.Vault, d.Azure = hashivault.Installed{}, azurekeyvault.Installed{Credentials: azure, Timeout: 5 * time.Second}
	}
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want func(*told)
	}{
		{"its defaults", nil, []string{"--vault.role-id=role"}, func(*told) {}},
		{"each flag of Vault", nil, []string{
			"--vault.url=http://vault:8200", "--vault.role-id=r", "--vault.secret-id=s", "--vault.engine=kv1", "--vault.approle-path=apps", "--vault.max-token-ttl=60",
			"--vault.token-polling-period=1m", "--vault.renew-ttl-increment=120", "--reconcile-period=1m", "--config.backend-timeout=2s",
		}, func(d *told) {
			d.Store.Mount, d.EngineVersion = "apps", 1
			d.Interval, d.Timeout, d.Polling = time.Minute, 2*time.Second, time.Minute
			d.Vault = hashivault.Installed{Address: "http://vault:8200", RoleID: "r", SecretID: "s", AppRoleMount: "apps",
				RenewThreshold: time.Minute, RenewIncrement: 2 * time.Minute, RefreshInterval: time.Minute, Timeout: 2 * time.Second}
		}},
		{"a login by service account", nil, []string{"--vault.auth-method=kubernetes", "--vault.kubernetes-path=prod", "--vault.kubernetes-role=reader"},
			func(d *told) { d.Store.Mount, d.Store.Role, d.Vault.RoleID = "prod", "reader", "" }},
		{"one that others have, too", map[string]string{"VAULT_ADDR": "https://vault"},
			[]string{"--vault.auth-method=kubernetes", "--vault.kubernetes-path=prod", "--vault.kubernetes-role=reader", "--dialects=kes"}, func(d *told) {
				d.Store, d.Vault, d.Timeout = plan.Store{Backend: backends.Vault, Mount: "prod", Role: "reader"}, hashivault.Installed{}, 0
			}},
		{"its variables win over its flags", map[string]string{"VAULT_ADDR": "https://vault", "VAULT_ROLE_ID": "r", "VAULT_SECRET_ID": "s"},
			[]string{"--vault.url=http://x", "--vault.role-id=x", "--vault.secret-id=x"}, func(d *told) {
				d.Vault.Address, d.Vault.RoleID, d.Vault.SecretID = "https://vault", "r", "s"
			}},
		{"each flag of Azure", nil, []string{"--backend=azure-kv", "--azure-kv.name=kv", "--azure-kv.tenant-id=t", "--azure-kv.client-id=c", "--azure-kv.client-secret=s",
			"--azure-kv.managed-client-id=m", "--azure-kv.managed-resource-id=r"}, keyVault},
		{"each variable of Azure", map[string]string{"AZURE_KV_NAME": "kv", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s",
			"AZURE_MANAGED_CLIENT_ID": "m", "AZURE_MANAGED_RESOURCE_ID": "r"}, []string{"--backend=azure-kv", "--azure-kv.name=x", "--azure-kv.client-id=x"}, keyVault},
		{"a Key Vault by what the environment offers", nil, []string{"--backend=azure-kv", "--azure-kv.name=kv"}, func(d *told) {
			keyVault(d)
			d.Store.Credential, d.Azure, d.Timeout = plan.Credential{}, azurekeyvault.Installed{}, 0
		}},
		{"namespaces, in quotes or not", nil, []string{"--vault.role-id=role", `--watch-namespaces="a, b"`, "--exclude-namespaces=b,,c,"}, func(d *told) {
			d.Watched, d.Excluded = []string{"a", "b"}, []string{"b", "c"}
		}},
		{"of those that the syncer watches", map[string]string{"WATCHED_NAMESPACES": "b,c"}, []string{"--vault.role-id=role", "--watch-namespaces=a,b"},
			func(d *told) { d.Watched = []string{"b"} }},
		{"names and addresses", nil, []string{"--vault.role-id=role", "--controller-name=prod", "--metrics-addr=:8080", "--enable-leader-election", "--enable-debug-log"},
			func(d *told) { d.Controller, d.MetricsAddress = "prod", ":8080" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"--dialects="}, append(tc.args, "--secret-definitions")...)
			e, c, err := finish(t, tc.env, args...)
			if err != nil {
				t.Fatal(err)
			}
			of, _ := c.Dialects.Chosen()[Name].(*tuenti.Installation)
			sync := e.Sync(nil)
			got := told{
				Store: of.Where.Store, EngineVersion: of.Where.EngineVersion, Watched: of.Watched, Excluded: of.Excluded, Controller: sync.Name,
				Interval: sync.Interval, Timeout: c.Timeouts[of.Where.Store], Polling: e.polling, MetricsAddress: c.MetricsBindAddress,
				Vault: c.Vault.Installed[Name], Azure: c.Azure.Installed[Name],
			}
			want := secretsManagers()
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(hashivault.Installed{}, "Failed")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDebugLogs(t *testing.T) {
	for _, args := range [][]string{nil, {"--enable-debug-log"}} {
		_, c, err := finish(t, nil, append(args, "--secret-definitions", "--vault.role-id=role")...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Handler.Enabled(t.Context(), -4); got != (args != nil) {
			t.Errorf("with %v debugging is logged: %t", args, got)
		}
	}
}

func TestWithoutTheDialectFlagsOfSecretsManagerMeanNothing(t *testing.T) {
	_, c, err := finish(t, nil, "--backend=nonsense", "--metrics-addr=:1", "--reconcile-period=-1s")
	if err != nil {
		t.Fatal(err)
	}
	if c.MetricsBindAddress != ":3001" || len(c.Vault.Installed) > 0 {
		t.Errorf("metrics are at %s, and there are logins %v", c.MetricsBindAddress, c.Vault.Installed)
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
			`--reconcile-period is 0s: must be more than 0`,
			`--config.backend-timeout is 0s: must be more than 0`,
			`--vault.token-polling-period is 0s: must be more than 0`,
			`--vault.max-token-ttl and --vault.renew-ttl-increment must not be negative`,
			`--controller-name is "": must be a name of its own`,
			`--vault.url must be a URL such as https://host:port`,
			`--watch-namespaces names none of --watched-namespaces, which are all that the syncer watches`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := finish(t, tc.env, append(tc.args, "--secret-definitions")...)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if diff := cmp.Diff(tc.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
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
		{"one that serves none", nil, []string{"/kes", "/kes/instance/"}},
		{"one that serves all", []string{"--secret-definitions"}, []string{"/kes", "/kes/instance/", "/tuenti"}},
		{"one that serves those of some namespaces", []string{"--secret-definitions", "--watch-namespaces=a"},
			[]string{"/kes", "/kes/instance/", "/tuenti", "/tuenti/watched/a"}},
		{"one that serves those of all namespaces but some", []string{"--secret-definitions", "--exclude-namespaces=a"},
			[]string{"/kes", "/kes/instance/", "/tuenti", "/tuenti/excluded/a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, c, err := finish(t, map[string]string{"VAULT_ROLE_ID": "r"}, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.Dialects.Ring()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Nothing listens at that address.
func TestMetricsOfAFailedLogin(t *testing.T) {
	e, c, err := finish(t, nil, "--secret-definitions", "--vault.url=http://user:planted@127.0.0.1:1", "--vault.role-id=role", "--vault.approle-path=apps",
		"--vault.engine=kv1", "--vault.max-token-ttl=60", "--config.backend-timeout=3s")
	if err != nil {
		t.Fatal(err)
	}
	if e.driver, err = hashivault.New(c.Vault); err != nil {
		t.Fatal(err)
	}
	if _, err := e.driver.EnsureToken(t.Context(), e.store); err == nil {
		t.Fatal("there is a token without a server")
	}
	const server = "{vault_address=http://user:xxxxx@127.0.0.1:1,vault_cluster_id=,vault_cluster_name=,vault_engine=kv1,vault_version=}" // without the password
	want := map[string]float64{
		"secrets_manager_vault_max_token_ttl" + server: 60, "secrets_manager_vault_token_ttl" + server: 0,
		"secrets_manager_vault_token_renewal_errors_total{error=unavailable," + strings.Trim(strings.Replace(server, "vault_version", "vault_operation=login,vault_version", 1), "{}") + "}": 1,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, e.counts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

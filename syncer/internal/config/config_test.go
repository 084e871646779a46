package config

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

func finish(t *testing.T, env map[string]string, args ...string) (*Config, error) {
	t.Helper()
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	c := &Config{Dialects: dialect.Choice{All: all.Dialects(), Service: dialect.Syncer, Default: "kes"}}
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
	return c, err
}

// defaults are what counts where nothing is set.
func defaults() *Config {
	return &Config{
		Workers: 16, RefreshInterval: 5 * time.Minute, StatusHeartbeat: 10 * time.Minute, WatchSecrets: true, BackendTimeout: 10 * time.Second,
		MetricsBindAddress: ":3001", HealthProbeBindAddress: ":8081",
		AWS: awssession.Config{STSEndpointType: "regional", Timeout: 10 * time.Second},
		Vault: hashivault.Config{
			Address: "http://127.0.0.1:8200", JWTPath: "/var/run/secrets/kubernetes.io/serviceaccount/token", AppRoleMount: "approle",
			RefreshInterval: 5 * time.Minute, Timeout: 10 * time.Second,
		},
		Azure:    azurekeyvault.Config{Environment: "AzureCloud", Timeout: 10 * time.Second},
		GCP:      gcpsecretmanager.Config{Timeout: 10 * time.Second},
		Alicloud: alicloudkms.Config{STSEndpoint: "sts.aliyuncs.com", Timeout: 10 * time.Second},
		Policy: settings.Policy{
			Settings:           policy.Settings{RoleAnnotation: "iam.amazonaws.com/permitted", KeyNameAnnotation: "externalsecrets.kubernetes-client.io/permitted-key-name"},
			MinRefreshInterval: 10 * time.Second,
		},
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want func(*Config)
	}{
		{"nothing set", nil, nil, func(*Config) {}},
		{"KES's environment", map[string]string{
			"AWS_REGION": "eu-west-1", "AWS_INTERMEDIATE_ROLE_ARN": "arn:aws:iam::123456789012:role/i", "AWS_SM_ENDPOINT": "https://sm", "AWS_SSM_ENDPOINT": "https://ssm", "AWS_STS_ENDPOINT": "https://sts",
			"AWS_STS_ENDPOINT_TYPE": "legacy", "VAULT_ADDR": "https://vault", "VAULT_NAMESPACE": "team", "VAULT_TOKEN_RENEW_THRESHOLD": "60",
			"DEFAULT_VAULT_MOUNT_POINT": "k8s", "DEFAULT_VAULT_ROLE": "reader", "NODE_EXTRA_CA_CERTS": "/ca.pem",
			"POLLER_INTERVAL_MILLISECONDS": "15000", "WATCHED_NAMESPACES": "a, b,", "INSTANCE_ID": "blue", "METRICS_PORT": "9102",
			"ROLE_PERMITTED_ANNOTATION": "x/role", "NAMING_PERMITTED_ANNOTATION": "x/key",
			"VAULT_JWT_PATH": "/token", "VAULT_ROLE_ID": "id", "VAULT_SECRET_ID": "secret", "VAULT_CACERT": "/vault.pem",
			"AZURE_ENVIRONMENT": "AzureChinaCloud", "AZURE_AUTHORITY_HOST": "https://login", "AZURE_KEY_VAULT_DNS_SUFFIX": "vault.example",
			"ALICLOUD_ACCESS_KEY_ID": "id", "ALICLOUD_ACCESS_KEY_SECRET": "secret", "ALICLOUD_ENDPOINT": "kms.eu-central-1.aliyuncs.com",
			"ALICLOUD_STS_ENDPOINT": "sts.eu-central-1.aliyuncs.com", "ALICLOUD_REGION": "eu-central-1",
			"ALIBABA_CLOUD_ROLE_ARN": "role", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "provider", "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "token",
		}, nil, func(c *Config) {
			c.AWS = awssession.Config{Region: "eu-west-1", IntermediateRoleARN: "arn:aws:iam::123456789012:role/i", STSEndpoint: "https://sts", STSEndpointType: "legacy",
				ExtraCACerts: "/ca.pem", Timeout: 10 * time.Second}
			c.SecretsManagerEndpoint, c.ParameterStoreEndpoint = "https://sm", "https://ssm"
			c.Vault = hashivault.Config{Address: "https://vault", Namespace: "team", RenewThreshold: time.Minute, JWTPath: "/token", RoleID: "id", SecretID: "secret",
				AppRoleMount: "approle", CACert: "/vault.pem", ExtraCACerts: "/ca.pem", RefreshInterval: 15 * time.Second, Timeout: 10 * time.Second}
			c.Azure = azurekeyvault.Config{Environment: "AzureChinaCloud", AuthorityHost: "https://login", DNSSuffix: "vault.example",
				ExtraCACerts: "/ca.pem", Timeout: 10 * time.Second}
			c.GCP.ExtraCACerts = "/ca.pem"
			c.Alicloud = alicloudkms.Config{AccessKeyID: "id", AccessKeySecret: "secret", Endpoint: "kms.eu-central-1.aliyuncs.com",
				OIDC:        alicloudkms.OIDC{RoleARN: "role", ProviderARN: "provider", TokenFile: "token"},
				STSEndpoint: "sts.eu-central-1.aliyuncs.com", Region: "eu-central-1", ExtraCACerts: "/ca.pem", Timeout: 10 * time.Second}
			c.RefreshInterval, c.WatchedNamespaces, c.MetricsBindAddress = 15*time.Second, []string{"a", "b"}, ":9102"
			c.Policy.Defaults.Region, c.Policy.Defaults.VaultMount, c.Policy.Defaults.VaultRole = "eu-west-1", "k8s", "reader"
			c.Policy.Settings.RoleAnnotation, c.Policy.Settings.KeyNameAnnotation = "x/role", "x/key"
		}},
		{"KES's switches are on by being set, whatever they say", map[string]string{"DISABLE_POLLING": "false", "ENFORCE_NAMESPACE_ANNOTATIONS": "", "LOCALSTACK": "0"}, nil, func(c *Config) {
			c.DisablePolling, c.Policy.Settings.Enforce = true, true
			c.SecretsManagerEndpoint, c.ParameterStoreEndpoint, c.AWS.STSEndpoint = "http://localhost:4566", "http://localhost:4566", "http://localhost:4566"
			c.Policy.Defaults.Region, c.AWS.Region = "us-west-2", "us-west-2"
		}},
		{"LocalStack elsewhere", map[string]string{"LOCALSTACK": "1", "LOCALSTACK_SM_URL": "http://sm:1", "LOCALSTACK_SSM_URL": "http://ssm:3", "LOCALSTACK_STS_URL": "http://sts:2"}, nil, func(c *Config) {
			c.SecretsManagerEndpoint, c.ParameterStoreEndpoint, c.AWS.STSEndpoint = "http://sm:1", "http://ssm:3", "http://sts:2"
			c.Policy.Defaults.Region, c.AWS.Region = "us-west-2", "us-west-2"
		}},
		{"LocalStack's addresses mean nothing without LOCALSTACK", map[string]string{"LOCALSTACK_SM_URL": "http://sm:1", "LOCALSTACK_SSM_URL": "http://ssm:3", "LOCALSTACK_STS_URL": "http://sts:2"}, nil, func(*Config) {}},
		{"an empty LOCALSTACK is off, as in KES", map[string]string{"LOCALSTACK": ""}, nil, func(*Config) {}},
		{"an endpoint of one's own wins over LocalStack", map[string]string{"LOCALSTACK": "1", "AWS_SM_ENDPOINT": "http://own", "AWS_SSM_ENDPOINT": "http://own-too"}, nil, func(c *Config) {
			c.SecretsManagerEndpoint, c.ParameterStoreEndpoint, c.AWS.STSEndpoint = "http://own", "http://own-too", "http://localhost:4566"
			c.Policy.Defaults.Region, c.AWS.Region = "us-west-2", "us-west-2"
		}},
		{"AWS_DEFAULT_REGION is the second choice", map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}, nil, func(c *Config) {
			c.Policy.Defaults.Region, c.AWS.Region = "eu-west-2", "eu-west-2"
		}},
		{"AWS_REGION is the first", map[string]string{"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-1"}, nil, func(c *Config) {
			c.Policy.Defaults.Region, c.AWS.Region = "eu-west-1", "eu-west-1"
		}},
		{"legacy matching", map[string]string{"POLICY_MATCHING": "legacy"}, nil, func(c *Config) { c.Policy.Settings.Legacy = true }},
		{"AWS's backends learn of the namespace, if told to", map[string]string{"AWS_SESSION_TAGS": "namespace"}, nil, func(c *Config) {
			c.Tenancies = map[plan.Backend]plan.Tenancy{"secretsManager": plan.NamespaceTenancy, "systemManager": plan.NamespaceTenancy}
		}},
		{"and of the object", nil, []string{"--aws-session-tags=namespace, name"}, func(c *Config) {
			c.Tenancies = map[plan.Backend]plan.Tenancy{"secretsManager": plan.ObjectTenancy, "systemManager": plan.ObjectTenancy}
		}},
		{"replicas meet in the pod's namespace", map[string]string{"POD_NAMESPACE": "secretgate"}, []string{"--replica-name=blue-1"}, func(c *Config) {
			c.Shard = Shard{LeaseNamespace: "secretgate", ReplicaName: "blue-1"}
		}},
		{"durations in Go's form", map[string]string{"POLLER_INTERVAL_MILLISECONDS": "1m30s"}, nil, func(c *Config) {
			c.RefreshInterval, c.Vault.RefreshInterval = 90*time.Second, 90*time.Second
		}},
		{"flags win over the environment", map[string]string{"POLLER_INTERVAL_MILLISECONDS": "15000", "METRICS_PORT": "9102", "INSTANCE_ID": "blue", "LOCALSTACK": "1"},
			[]string{"--refresh-interval=30s", "--metrics-bind-address=0", "--instance-id=", "--localstack=false"}, func(c *Config) {
				c.RefreshInterval, c.Vault.RefreshInterval, c.MetricsBindAddress = 30*time.Second, 30*time.Second, "0"
			}},
		{"no address of metrics serves none", nil, []string{"--metrics-bind-address="}, func(c *Config) { c.MetricsBindAddress = "0" }},
		{"a variable that is empty is as good as none", map[string]string{"VAULT_ADDR": "", "METRICS_PORT": "", "POLLER_INTERVAL_MILLISECONDS": ""}, nil, func(*Config) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := finish(t, tc.env, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			want := defaults()
			tc.want(want)
			ignored := []cmp.Option{cmpopts.IgnoreUnexported(Config{}, settings.Policy{}), cmpopts.IgnoreFields(Config{}, "Handler", "Dialects", "Timeouts"), cmpopts.IgnoreFields(hashivault.Config{}, "Now")}
			if diff := cmp.Diff(want, got, ignored...); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		args []string
		want []string // a line each
	}{
		{"all of them at once", map[string]string{"POLLER_INTERVAL_MILLISECONDS": "often", "POLICY_MATCHING": "both", "LOG_LEVEL": "loud", "VAULT_ADDR": "vault:8200", "AZURE_ENVIRONMENT": "Mars"},
			[]string{"--workers=0", "--backend-timeout=0s", "--status-heartbeat=-1s", "--health-probe-bind-address=8081"}, []string{
				`environment variable POLLER_INTERVAL_MILLISECONDS is "often": must be a duration such as 30s, or a number of milliseconds`,
				`--policy-matching is "both": must be whole or legacy`,
				`--workers is 0: must be at least 1`,
				`--refresh-interval is 0s: must be more than 0; --disable-polling turns refreshes off`,
				`--backend-timeout is 0s: must be more than 0`,
				`--status-heartbeat is -1s: must not be negative`,
				`AZURE_ENVIRONMENT "Mars" is none of Azure's clouds: give AzureCloud, AzureChinaCloud, AzureUSGovernment or AzureGermanCloud`,
				`--log-level is "loud": must be trace, debug, info, warn, error, fatal or silent`,
				`--health-probe-bind-address is "8081": must be host:port, :port, or 0 for none`,
				`--vault-addr must be a URL such as https://host:port`,
			}},
		{"defaults that no object could be read with", map[string]string{"AWS_REGION": "US WEST", "DEFAULT_VAULT_MOUNT_POINT": "it%2Fk", "AWS_INTERMEDIATE_ROLE_ARN": "hop"}, nil, []string{
			`--aws-region (AWS_REGION, AWS_DEFAULT_REGION) is "US WEST": must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name`,
			`--default-vault-mount-point (DEFAULT_VAULT_MOUNT_POINT) is "it%2Fk": must not contain %, ?, # or \, which a URL's path gives another meaning: write it/k`,
			`--aws-intermediate-role-arn (AWS_INTERMEDIATE_ROLE_ARN) is "hop": must be the ARN of a role, as in arn:aws:iam::123456789012:role/name`,
		}},
		{"an interval of nothing", map[string]string{"POLLER_INTERVAL_MILLISECONDS": "0"}, nil,
			[]string{`--refresh-interval is 0s: must be more than 0; --disable-polling turns refreshes off`}},
		{"a metrics port that is none", map[string]string{"METRICS_PORT": "metrics"}, nil,
			[]string{`--metrics-bind-address is ":metrics": must be host:port, :port, or 0 for none`}},
		{"a metrics port beyond the last", map[string]string{"METRICS_PORT": "65536"}, nil,
			[]string{`--metrics-bind-address is ":65536": must be host:port, :port, or 0 for none`}},
		{"profiles on the port of metrics", map[string]string{"PPROF_BIND_ADDRESS": "127.0.0.1:3001"}, nil, []string{
			`--pprof-bind-address is "127.0.0.1:3001": that is the port of --metrics-bind-address, which others may reach: ` +
				`give one of its own, such as 127.0.0.1:6060`,
		}},
		{"a session tag that there is not", nil, []string{"--aws-session-tags=name"}, []string{
			`--aws-session-tags (AWS_SESSION_TAGS) is "name": must be namespace, or namespace,name, or nothing for no tags`,
		}},
		{"a replica's name that cannot be a Lease's", nil, []string{"--replica-name=Ada's Mac"}, []string{
			`--replica-name is "Ada's Mac": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ` +
				`and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is ` +
				`'[a-z0-9]([-a-z0-9]*[a-z0-9])?')`}},
		{"a kubeconfig that does not exist", nil, []string{"--kubeconfig=nowhere"}, []string{"--kubeconfig: stat nowhere: no such file or directory"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := finish(t, tc.env, tc.args...)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if diff := cmp.Diff(tc.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An address may hold a password.
func TestAnEndpointThatIsNoURLIsNotQuoted(t *testing.T) {
	_, err := finish(t, map[string]string{"VAULT_ADDR": "user:planted@vault", "AWS_SM_ENDPOINT": "ftp://u:planted@sm", "AWS_SSM_ENDPOINT": "planted", "AWS_STS_ENDPOINT": "planted"})
	if err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("%v", err)
	}
}

func TestAKubeconfigThatExists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := finish(t, nil, "--kubeconfig="+file); err != nil {
		t.Error(err)
	}
}

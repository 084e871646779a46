package app

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	dialects "github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/syncer/internal/config"
)

// execute runs the command line without a cluster, which ends it before it syncs anything.
func execute(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	p := Program{Dialects: dialects.Dialects(), Version: "v1.2.3", Args: args, Stdout: &out, Stderr: &said,
		Lookup: func(name string) (string, bool) { value, ok := env[name]; return value, ok }}
	code = p.Run(t.Context())
	return code, out.String(), said.String()
}

func TestExitCodes(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(broken, []byte("no kubeconfig"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name           string
		env            map[string]string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"the version", nil, []string{"--version"}, 0, "v1.2.3\n", ""},
		{"a flag that does not exist", nil, []string{"--no-such-flag"}, 2, "", "syncer: unknown flag: --no-such-flag\n"},
		{"a flag of secrets-manager, with its one dash", nil, []string{"-secret-definitions", "-vault.role-id=r", "-vault.engine=kv3"}, 2, "",
			"syncer: --vault.engine is \"kv3\": must be kv1 or kv2\n"},
		{"a flag without its value", nil, []string{"--workers"}, 2, "", "syncer: flag needs an argument: --workers\n"},
		{"an argument", nil, []string{"serve"}, 2, "", `syncer: unknown command "serve" for "syncer"` + "\n"},
		{"several settings that are wrong", map[string]string{"POLICY_MATCHING": "x"}, []string{"--workers=-1"}, 2, "",
			"syncer: --policy-matching is \"x\": must be whole or legacy\nsyncer: --workers is -1: must be at least 1\n"},
		{"limits of restarts that are none", nil, []string{"restart", "--restarts-per-minute=0", "--restart-quiet-period=-1s"}, 2, "",
			"syncer: --restart-quiet-period is -1s: must not be negative\n" +
				"syncer: --restarts-per-minute is 0: must be at least 1; to restart nothing, do not run this\n"},
		{"restarts that know no backend", nil, []string{"restart", "--vault-addr=x"}, 2, "", "syncer: unknown flag: --vault-addr\n"},
		{"an endpoint of Google that is none", nil, []string{"--gcp-endpoint=http://planted"}, 2, "",
			"syncer: --gcp-endpoint must be host, host:port or https://host:port: it is spoken to over TLS\n"},
		{"an endpoint of Alibaba Cloud that is none", map[string]string{"ALICLOUD_ENDPOINT": "https://u:planted@kms"}, nil, 2, "",
			"syncer: ALICLOUD_ENDPOINT is no endpoint: give a host such as kms.eu-central-1.aliyuncs.com, or a URL of one\n"},
		{"a CA of Vault's that cannot be read", map[string]string{"VAULT_CACERT": "/nowhere/ca.pem"}, nil, 2, "",
			"syncer: the CA bundle cannot be read: open /nowhere/ca.pem: no such file or directory\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := execute(t, tc.env, tc.args...)
			if code != tc.code || stdout != tc.stdout || stderr != tc.stderr {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
	t.Run("a CA file that cannot be read is a mistake in the configuration", func(t *testing.T) {
		code, _, stderr := execute(t, map[string]string{"NODE_EXTRA_CA_CERTS": "/nowhere/ca.pem"})
		if code != 2 || !strings.Contains(stderr, "/nowhere/ca.pem") {
			t.Errorf("exit code %d, %q", code, stderr)
		}
	})
	for _, command := range [][]string{nil, {"restart"}} {
		t.Run(fmt.Sprint("a kubeconfig that cannot be read is a failure", command), func(t *testing.T) {
			code, _, stderr := execute(t, nil, append(command, "--kubeconfig="+broken, "--log-level=silent")...)
			if code != 1 || !strings.HasPrefix(stderr, "syncer: ") {
				t.Errorf("exit code %d, %q", code, stderr)
			}
		})
	}
}

func TestHelpIsComplete(t *testing.T) {
	code, help, _ := execute(t, nil, "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	var missing []string
	none := func(string) (string, bool) { return "", false }
	for _, section := range new(config.Config).Bind(none) {
		if !strings.Contains(help, section.Title+" flags:") && !strings.Contains(strings.ToLower(help), section.Title+" flags:") {
			missing = append(missing, "group "+section.Title)
		}
		section.Flags.VisitAll(func(f *flag.Flag) {
			if !regexp.MustCompile(`--` + regexp.QuoteMeta(f.Name) + `\b`).MatchString(help) {
				missing = append(missing, f.Name)
			}
		})
	}
	for _, word := range []string{
		"--help", "--version", "Exit codes: 0 clean stop, 1 failure, 2 bad usage or configuration",
		// KES's variables for the backends there are.
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_INTERMEDIATE_ROLE_ARN", "AWS_SM_ENDPOINT", "AWS_STS_ENDPOINT", "AWS_STS_ENDPOINT_TYPE",
		"LOCALSTACK", "LOCALSTACK_SM_URL", "LOCALSTACK_STS_URL", "VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_TOKEN_RENEW_THRESHOLD",
		"DEFAULT_VAULT_MOUNT_POINT", "DEFAULT_VAULT_ROLE", "NODE_EXTRA_CA_CERTS", "POLLER_INTERVAL_MILLISECONDS", "DISABLE_POLLING",
		"WATCHED_NAMESPACES", "INSTANCE_ID", "ROLE_PERMITTED_ANNOTATION", "NAMING_PERMITTED_ANNOTATION", "ENFORCE_NAMESPACE_ANNOTATIONS",
		// secrets-manager's.
		"VAULT_ROLE_ID", "VAULT_SECRET_ID", "AZURE_KV_NAME", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
		"AZURE_MANAGED_CLIENT_ID", "AZURE_MANAGED_RESOURCE_ID", "SECRET_DEFINITIONS",
		"METRICS_PORT", "POD_NAMESPACE", "LOG_LEVEL", "LOG_MESSAGE_KEY", "USE_HUMAN_READABLE_LOG_LEVELS", "LOG_BASE_PID_KEY", "LOG_BASE_HOSTNAME_KEY",
	} {
		if !strings.Contains(help, word) {
			missing = append(missing, word)
		}
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("missing: %v\n%s", missing, help)
	}
}

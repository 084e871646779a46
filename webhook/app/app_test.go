package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

func run(t *testing.T, environment map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Program{
		Version: "v1.2.3", Dialects: all.Dialects(), Args: args, Stdout: &out, Stderr: &errs,
		Lookup: func(name string) (string, bool) { value, set := environment[name]; return value, set },
	}.Run(t.Context())
	return code, out.String(), errs.String()
}

const unusableDefaults = `webhook: --aws-region (AWS_REGION, AWS_DEFAULT_REGION) is "US WEST": must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name
webhook: --default-vault-mount-point (DEFAULT_VAULT_MOUNT_POINT) is "it%2Fk": must not contain %, ?, # or \, which a URL's path gives another meaning: write it/k
`

func TestBadUsageIsExplainedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		args        []string
		environment map[string]string
		want        string
	}{
		"no command":           {want: "webhook: no command given: webhook serve starts the webhook, webhook --help lists the commands\n"},
		"a mistyped command":   {args: []string{"chekc", "a.yaml"}, want: "webhook: unknown command \"chekc\": did you mean check?\n"},
		"files alone":          {args: []string{"manifests/"}, want: "webhook: unknown command \"manifests/\": webhook --help lists the commands, webhook check FILE judges manifests\n"},
		"a mistyped flag":      {args: []string{"serve", "--prt=1"}, want: "webhook: unknown flag: --prt; did you mean --port?\n"},
		"a flag of no kind":    {args: []string{"check", "--colour", "a.yaml"}, want: "webhook: unknown flag: --colour\n"},
		"an argument too much": {args: []string{"serve", "x"}, want: "webhook: unknown command \"x\" for \"webhook serve\"\n"},
		"several wrong settings": {
			args:        []string{"serve", "--tls=magic", "--port=0", "--namespace=A B", "--webhook-configuration=", "--metrics-bind-address=x", "--log-level=loud"},
			environment: map[string]string{"POLICY_MATCHING": "some"},
			want: `webhook: --log-level is "loud": must be trace, debug, info, warn, error, fatal or silent
webhook: --policy-matching is "some": must be whole or legacy
webhook: --port is 0: must be 1 to 65535
webhook: --namespace is "A B": must be the name of a namespace
webhook: --webhook-configuration is empty: must name the webhook configurations
webhook: --tls is "magic": must be self-signed, cert-manager or files
webhook: --metrics-bind-address is "x": must be host:port, :port, or 0 for none
`,
		},
		"defaults that no object could be read with": {
			args:        []string{"serve"},
			environment: map[string]string{"AWS_REGION": "US WEST", "DEFAULT_VAULT_MOUNT_POINT": "it%2Fk"},
			want:        unusableDefaults,
		},
		"check refuses them, too": {
			args:        []string{"check", "app_test.go"},
			environment: map[string]string{"AWS_REGION": "US WEST", "DEFAULT_VAULT_MOUNT_POINT": "it%2Fk"},
			want:        unusableDefaults,
		},
		"a dialect that is none": {
			args: []string{"serve", "--dialects=kse"},
			want: "webhook: --dialects names \"kse\": must be of kes, tuenti, eso, vso, sealed; did you mean kes?\n",
		},
		"a setting of a dialect that is handled": {
			args: []string{"serve", "--secret-definitions", "--backend=floppy"},
			want: "webhook: --backend is \"floppy\": must be vault or azure-kv\n",
		},
		"names that no certificate can have": {
			args: []string{"serve", "--tls-names=ok.example, 127.0.0.1,not ok"},
			want: "webhook: --tls-names has \"not ok\": must be DNS names and IP addresses\n",
		},
		"names of callers without a CA": {
			args: []string{"serve", "--client-names=apiserver"},
			want: "webhook: --client-names needs --client-ca, which signs what has these names\n",
		},
		"a CA of callers that is none": {
			args: []string{"serve", "--client-ca=app_test.go"},
			want: "webhook: --client-ca: app_test.go holds no certificate in PEM\n",
		},
		"a CA of callers that is not there": {
			args: []string{"serve", "--client-ca=none.crt"},
			want: "webhook: --client-ca: open none.crt: no such file or directory\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, c.environment, c.args...)
			if code != command.ExitUsage || stdout != "" {
				t.Errorf("exit code %d, output %q", code, stdout)
			}
			if diff := cmp.Diff(c.want, stderr); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKubeconfigMustExist(t *testing.T) {
	kubeconfig := t.TempDir() + "/none"
	if code, _, stderr := run(t, nil, "serve", "--kubeconfig="+kubeconfig); code != command.ExitUsage || !strings.Contains(stderr, "--kubeconfig") {
		t.Errorf("a kubeconfig that does not exist: exit code %d: %s", code, stderr)
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"--version", "version"} {
		if code, stdout, _ := run(t, nil, arg); code != command.ExitClean || stdout != "v1.2.3\n" {
			t.Errorf("%s: exit code %d, output %q", arg, code, stdout)
		}
	}
}

func TestHelpShowsSettingsInGroups(t *testing.T) {
	code, stdout, _ := run(t, map[string]string{"AWS_REGION": "eu-west-1"}, "serve", "--help")
	if code != command.ExitClean {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"Server flags:", "Certificate flags:", "Policy flags:", "Dialects flags:", "Observation flags:", `(default "eu-west-1")`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("--help lacks %q", want)
		}
	}
}

func TestAClusterThatDoesNotAnswerIsAFailure(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	// Nothing listens on the discard port.
	if err := os.WriteFile(kubeconfig, []byte(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
		"contexts": [{"name": "c", "context": {"cluster": "c"}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := run(t, nil, "serve", "--kubeconfig="+kubeconfig, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	if code != command.ExitFailure || !strings.Contains(stderr, "webhook: watch namespaces: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

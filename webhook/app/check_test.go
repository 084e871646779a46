package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/webhook/internal/command"
)

const (
	core = `apiVersion: v1
kind: Namespace
metadata:
  name: core
  annotations:
    externalsecrets.kubernetes-client.io/permitted-key-name: /dev/core/.*
`
	old = `apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata:
  name: hello-service
  namespace: core
secretDescriptor: # from 2019
  backendType: secretManager
  properties:
    - key: /dev/core/password
      name: password
`
)

// folder writes files into a working directory of the test's own.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckJudgesManifests(t *testing.T) {
	folder(t, map[string]string{
		"namespaces/core.yaml": core,
		"old.yaml":             old,
		"denied.yaml":          strings.Replace(old, "/dev/core/password", "/prod/password", 1),
		"broken.yaml":          "kind: ExternalSecret\napiVersion: [kubernetes-client.io/v1\n",
		"definition.yaml": "apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\n" +
			"metadata: {name: db, namespace: core}\nspec: {}\n",
		"sealed.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  namespace: core\n" +
			"  annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\n" +
			"spec:\n  encryptedData:\n    number: 7\n    password: cGFzc3dvcmQ=\n",
		"other.yaml": "kind: ConfigMap\napiVersion: v1\n",
	})
	for name, c := range map[string]struct {
		args        []string
		environment map[string]string
		code        int
		stdout      string // starts with
		stderr      string
	}{
		"what is permitted, with warnings": {
			args:   []string{"--namespaces=namespaces", "old.yaml"},
			stdout: "old.yaml:6:1: warning: core/hello-service: secretDescriptor: is deprecated: use spec\n",
			stderr: "webhook: 1 ExternalSecret in 1 file: 0 errors, 3 warnings\n",
		},
		"what is denied": {
			args: []string{"--namespaces=namespaces", "denied.yaml"}, code: command.ExitFailure,
			stdout: "denied.yaml:6:1: warning:",
			stderr: "webhook: 1 ExternalSecret in 1 file: 1 error, 3 warnings\n",
		},
		"by the settings of the installation": {
			args: []string{"--namespaces=namespaces", "old.yaml"}, code: command.ExitFailure,
			environment: map[string]string{"NAMING_PERMITTED_ANNOTATION": "other.example/annotation", "ENFORCE_NAMESPACE_ANNOTATIONS": "1"},
			stdout:      "old.yaml:5:14: error: core/hello-service: metadata.namespace: Forbidden: Missing required annotation other.example/annotation",
			stderr:      "webhook: 1 ExternalSecret in 1 file: 1 error, 4 warnings\n",
		},
		"an object that no syncer serves": {
			args: []string{"--namespaces=namespaces", "--controller-ids=team-a,team-b", "old.yaml"},
			stdout: "old.yaml:6:1: warning: core/hello-service: secretDescriptor: is deprecated: use spec\n" +
				`old.yaml:6:1: warning: core/hello-service: spec.controllerId: is not set, which no syncer serves`,
			stderr: "webhook: 1 ExternalSecret in 1 file: 0 errors, 4 warnings\n",
		},
		"a namespace that is not known": {
			args: []string{"old.yaml"}, code: command.ExitFailure,
			stdout: "old.yaml:6:1: warning: core/hello-service: secretDescriptor: is deprecated: use spec\n",
			stderr: "webhook: 1 ExternalSecret in 1 file: 1 error, 3 warnings\n",
		},
		"what cannot be read": {
			args: []string{"broken.yaml", "other.yaml"}, code: command.ExitUsage,
			stdout: "broken.yaml:2:1: error: this is not YAML: ",
			stderr: "webhook: 0 ExternalSecrets in 2 files: 1 error, 0 warnings; 1 other object skipped; 1 document could not be read\n",
		},
		"an object of a dialect that is not chosen": {
			args:   []string{"--dialects=kes", "definition.yaml"},
			stderr: "webhook: 0 ExternalSecrets in 1 file: 0 errors, 0 warnings; 1 other object skipped\n",
		},
		"of one that is": {
			args: []string{"--unknown-namespace=allow", "definition.yaml"}, code: command.ExitFailure,
			stdout: "definition.yaml:4:1: error: core/db: spec.name: Required value: the name of the Secret\n",
			stderr: "webhook: 0 ExternalSecrets and 1 SecretDefinition in 1 file: 2 errors, 0 warnings\n",
		},
		"a SealedSecret, before it is in any cluster": {
			args: []string{"--unknown-namespace=allow", "sealed.yaml"}, code: command.ExitFailure,
			stdout: "sealed.yaml:9:13: error: core/db: spec.encryptedData[number]: Invalid value: must be a text of base64: ",
			stderr: "webhook: 0 ExternalSecrets and 1 SealedSecret in 1 file: 2 errors, 0 warnings\n",
		},
		"a SealedSecret and a certificate that is none": {
			args: []string{"--sealed-cert=other.yaml", "sealed.yaml"}, code: command.ExitUsage,
			stderr: "webhook: --sealed-cert: other.yaml has no PEM certificate: name a file that kubeseal --fetch-cert printed\n",
		},
		"CRDs that are of no use": {
			args: []string{"--crds=other.yaml", "old.yaml"}, code: command.ExitUsage,
			stderr: "webhook: --crds: other.yaml holds no CustomResourceDefinition of " +
				"ExternalSecret.kubernetes-client.io, SecretDefinition.secrets-manager.tuenti.io, " +
				"ExternalSecret.external-secrets.io, VaultStaticSecret.secrets.hashicorp.com, SealedSecret.bitnami.com, " +
				"SecretStore.external-secrets.io, ClusterSecretStore.external-secrets.io, VaultAuth.secrets.hashicorp.com, " +
				"VaultConnection.secrets.hashicorp.com, VaultAuthGlobal.secrets.hashicorp.com, SecretTransformation.secrets.hashicorp.com\n",
		},
		"what is not there": {
			args: []string{"none.yaml", "neither"}, code: command.ExitUsage,
			stderr: "webhook: stat none.yaml: no such file or directory\nwebhook: stat neither: no such file or directory\n",
		},
		"bad usage": {
			args: []string{"--output=xml", "--unknown-namespace=maybe", "--policy-matching=some", "--kubeconfig=none"}, code: command.ExitUsage,
			stderr: `webhook: --policy-matching is "some": must be whole or legacy
webhook: --kubeconfig: stat none: no such file or directory
webhook: nothing to check: name files, folders, or - for stdin
webhook: --output is "xml": must be text, json, sarif or github
webhook: --unknown-namespace is "maybe": must be deny, warn or allow
`,
		},
		"an annotation without a value": {
			args: []string{"--namespace-annotation=a", "-"}, code: command.ExitUsage,
			stderr: "webhook: invalid argument \"a\" for \"--namespace-annotation\" flag: must be key=value\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, c.environment, append([]string{"check"}, c.args...)...)
			if code != c.code {
				t.Errorf("exit code %d instead of %d", code, c.code)
			}
			if !strings.HasPrefix(stdout, c.stdout) || c.stdout == "" && stdout != "" {
				t.Errorf("stdout is\n%s", stdout)
			}
			if diff := cmp.Diff(c.stderr, stderr); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckFixesFilesAndStdin(t *testing.T) {
	folder(t, map[string]string{"old.yaml": old, "namespaces.yaml": core})
	fixed := strings.NewReplacer("secretDescriptor", "spec", "secretManager", "secretsManager", "properties", "data").Replace(old)
	t.Run("a file", func(t *testing.T) {
		code, stdout, stderr := run(t, nil, "check", "--fix", "--namespaces=namespaces.yaml", "old.yaml")
		want := `old.yaml:6:1: fixed: core/hello-service: spec: was secretDescriptor
old.yaml:7:16: fixed: core/hello-service: spec.backendType: was secretManager
old.yaml:8:3: fixed: core/hello-service: spec.data: was secretDescriptor.properties
`
		if code != command.ExitClean || stderr != "webhook: 1 ExternalSecret in 1 file: 0 errors, 0 warnings, 3 fixed\n" {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		if diff := cmp.Diff(want, stdout); diff != "" {
			t.Errorf("stdout (-want +got):\n%s", diff)
		}
		if text, err := os.ReadFile("old.yaml"); string(text) != fixed {
			t.Errorf("%v, the file is now\n%s", err, text)
		}
	})
	t.Run("stdin", func(t *testing.T) {
		stdin(t, old)
		code, stdout, stderr := run(t, nil, "check", "--fix", "--unknown-namespace=allow", "-")
		if diff := cmp.Diff(fixed, stdout); diff != "" || code != command.ExitClean {
			t.Errorf("exit code %d, stdout (-want +got):\n%s", code, diff)
		}
		if !strings.HasPrefix(stderr, "stdin:6:1: fixed: ") {
			t.Errorf("stderr is\n%s", stderr)
		}
	})
}

// stdin makes a file of a text what the process reads.
func stdin(t *testing.T, text string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = file
	t.Cleanup(func() {
		os.Stdin = before
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

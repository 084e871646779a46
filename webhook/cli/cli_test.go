package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/webhook/cli/shape"
	"github.com/secretgate/secretgate/webhook/internal/command"
)

var update = flag.Bool("update", false, "write the golden files anew, and what README.md shows of them")

// run runs the program as kubectl's plugin, where no cluster is known.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	var out, errs bytes.Buffer
	code = Program{
		Path: "/usr/local/bin/kubectl-secretgate", Version: "v1.2.3", Dialects: all.Dialects(), Args: args,
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Lookup: func(string) (string, bool) { return "", false },
		Now: func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) },
	}.Run(t.Context())
	return code, out.String(), errs.String()
}

func TestAnswersOfFiles(t *testing.T) {
	for name, args := range map[string][]string{
		"why.text":      {"why", "-f", "testdata/core.yaml", "core/db"},
		"why.json":      {"why", "--filename=testdata/core.yaml", "externalsecret/core/db", "--output=json"},
		"why.yaml":      {"why", "-f", "testdata/core.yaml", "es/all", "-o", "yaml"},
		"who-can.text":  {"who-can", "/dev/core/db", "-f", "testdata/core.yaml"},
		"who-can.json":  {"who-can", "/dev/core/db", "-f", "testdata/core.yaml", "-o", "json"},
		"who-role.text": {"who-can", "/dev/core/db", "-f", "testdata/core.yaml", "--denied", "--backend=secretsManager", "--role=arn:aws:iam::123456789012:role/web"},
		"coloured.text": {"who-can", "/dev/core/db", "-f", "testdata/core.yaml", "--color=always"},
		"help.text":     {"--help"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, args...)
			if code != command.ExitClean || stderr != "" {
				t.Fatalf("got exit code %d and %q, want %d and nothing", code, stderr, command.ExitClean)
			}
			dialecttest.Golden(t, *update, filepath.Join("testdata", name), stdout)
		})
	}
}

func TestCheckIsTheWebhooks(t *testing.T) {
	code, stdout, stderr := run(t, "check", "testdata/core.yaml")
	dialecttest.Golden(t, *update, filepath.Join("testdata", "check.text"), stdout)
	if want := "secretgate: 2 ExternalSecrets in 1 file: 1 error, 0 warnings\n"; code != command.ExitFailure || stderr != want {
		t.Errorf("got exit code %d and %q, want %d and %q", code, stderr, command.ExitFailure, want)
	}
}

func TestBadUsageIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		want string // without the program's name
	}{
		"no command":                     {nil, command.ExitUsage, "no command given: kubectl secretgate --help lists the commands"},
		"a mistyped command":             {[]string{"wyh", "db"}, command.ExitUsage, `unknown command "wyh": did you mean why?`},
		"a mistyped command with a flag": {[]string{"refesh", "db", "-n", "core"}, command.ExitUsage, `unknown command "refesh": did you mean refresh?`},
		"a mistyped flag":                {[]string{"why", "db", "--namspace=core"}, command.ExitUsage, "unknown flag: --namspace; did you mean --namespace?"},
		"a shell that is none":           {[]string{"completion", "zhs"}, command.ExitUsage, `unknown command "zhs": did you mean zsh?`},
		"two mistakes at once": {[]string{"why", "db", "-o", "xml", "--color=red"}, command.ExitUsage,
			"--output is \"xml\": must be text, json or yaml\nsecretgate: --color is \"red\": must be auto, always or never"},
		"a kind that is mistyped": {[]string{"why", "externalsecert/core/db", "-f", "testdata/core.yaml"}, command.ExitUsage,
			`"externalsecert" is no kind of objects that read secrets; did you mean externalsecret?`},
		"no name": {[]string{"why", "core/", "-f", "testdata/core.yaml"}, command.ExitUsage,
			`"core/" is no name of an object: write NAME, KIND/NAME, NAMESPACE/NAME or KIND/NAMESPACE/NAME`},
		"an object that the files do not hold": {[]string{"why", "core/bd", "-f", "testdata/core.yaml"}, command.ExitFailure,
			`the files hold no object "core/bd"; did you mean db?`},
		"a file that is not there": {[]string{"why", "db", "-f", "none.yaml"}, command.ExitUsage, "stat none.yaml: no such file or directory"},
		"a setting that is none": {[]string{"why", "db", "-f", "testdata/core.yaml", "--policy-matching=some"}, command.ExitUsage,
			`--policy-matching is "some": must be whole or legacy`},
		"a backend that is mistyped": {[]string{"who-can", "k", "--backend=secretManager"}, command.ExitUsage,
			`--backend is "secretManager": must be one of secretsManager, systemManager, vault, azureKeyVault, gcpSecretsManager, ` +
				`alicloudSecretsManager; did you mean secretsManager?`},
		"a key that no backend has": {[]string{"who-can", "auth/token/lookup-self", "--backend=vault"}, command.ExitUsage,
			`"auth/token/lookup-self" can never be a key of vault: it must not start with auth/, where Vault keeps what belongs to the syncer: ` +
				`write secret/data/name`},
		"no object": {[]string{"why", "-f", "testdata/core.yaml"}, command.ExitUsage,
			"0 arguments are given: name an object, as in kubectl secretgate why [KIND/]NAME [flags]"},
		"nothing to refresh": {[]string{"refresh"}, command.ExitUsage,
			"nothing to refresh: name objects, or write --all, --all-namespaces or --selector"},
		"names beside all": {[]string{"refresh", "db", "--all"}, command.ExitUsage,
			"names of objects do not go with --all, --all-namespaces and --selector"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, c.args...)
			if want := "secretgate: " + c.want + "\n"; code != c.code || stdout != "" || stderr != want {
				t.Errorf("got exit code %d, %q and\n%s\nwant exit code %d, nothing and\n%s", code, stdout, stderr, c.code, want)
			}
		})
	}
}

func TestAClusterThatIsNotKnown(t *testing.T) {
	for _, args := range [][]string{{"why", "db"}, {"who-can", "k"}, {"tree", "db"}, {"refresh", "db"}} {
		code, stdout, stderr := run(t, args...)
		if code == command.ExitClean || stdout != "" || !strings.HasPrefix(stderr, "secretgate: ") {
			t.Errorf("%v: got exit code %d, %q and %q, want a failure that is explained", args, code, stdout, stderr)
		}
	}
}

func TestName(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/local/bin/kubectl-secretgate": "kubectl secretgate", "kubectl-secretgate.exe": "kubectl secretgate",
		"./secretgate": "secretgate", "secretgate.EXE": "secretgate",
	} {
		if got := Name(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestVersionAndCompletion(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string // in the output
	}{
		"the version":             {[]string{"version"}, "v1.2.3\n"},
		"the version by a flag":   {[]string{"--version"}, "v1.2.3\n"},
		"what kubectl runs":       {[]string{"completion", "kubectl"}, "#!/bin/sh\nexec kubectl secretgate __complete \"$@\"\n"},
		"for bash":                {[]string{"completion", "bash"}, "complete"},
		"for zsh":                 {[]string{"completion", "zsh"}, "#compdef kubectl-secretgate"},
		"for fish":                {[]string{"completion", "fish"}, "complete -c kubectl-secretgate"},
		"for PowerShell":          {[]string{"completion", "powershell"}, "Register-ArgumentCompleter"},
		"formats are completed":   {[]string{"__complete", "why", "-o", ""}, "json\n"},
		"commands are completed":  {[]string{"__complete", "wh"}, "who-can\t"},
		"kinds without a cluster": {[]string{"__complete", "why", "ext"}, "externalsecret/\n"},
		"one object is enough":    {[]string{"__complete", "why", "db", ""}, ":4\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, _ := run(t, c.args...)
			if code != command.ExitClean || !strings.Contains(stdout, c.want) {
				t.Errorf("got exit code %d and %q, want %q in it", code, stdout, c.want)
			}
		})
	}
}

// The shape is documented: programs depend on it.
func TestJSONHasTheShape(t *testing.T) {
	_, stdout, _ := run(t, "why", "-f", "testdata/core.yaml", "core/db", "-o", "json")
	var got shape.Why
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := shape.Object{APIVersion: "kubernetes-client.io/v1", Kind: "ExternalSecret", Namespace: "core", Name: "db"}
	if diff := cmp.Diff(want, got.Object); diff != "" || got.Verdict != shape.Denied || len(got.Sources) != 2 {
		t.Errorf("got %+v (-want +got):\n%s", got, diff)
	}
}

var shown = regexp.MustCompile("(?s)<!-- (\\S+) -->\n```console\n(\\$ [^\n]*\n)(.*?)```\n")

// README.md shows what the golden files hold.
func TestREADMEShowsTheGoldenFiles(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	text := shown.ReplaceAllStringFunc(string(page), func(block string) string {
		blocks++
		parts := shown.FindStringSubmatch(block)
		want, err := os.ReadFile(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), parts[3]); diff != "" && !*update {
			t.Errorf("README.md differs from %s (-want +got; -update writes it anew):\n%s", parts[1], diff)
		}
		return fmt.Sprintf("<!-- %s -->\n```console\n%s%s```\n", parts[1], parts[2], want)
	})
	if blocks < 5 {
		t.Errorf("got %d blocks, want one for each command", blocks)
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

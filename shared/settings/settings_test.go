package settings_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/settings"
)

// section starts a group that sees these environment variables only.
func section(env map[string]string) *settings.Section {
	s := settings.NewSection("Test", func(name string) (string, bool) {
		text, set := env[name]
		return text, set
	})
	s.Flags.SetOutput(io.Discard)
	return s
}

// all holds one setting of each kind.
type all struct {
	Text     string
	Number   int
	Interval time.Duration
	Switch   bool
	Bool     bool
}

func (a *all) bind(s *settings.Section) {
	s.String(&a.Text, "text", "fallback", "a text", "TEXT", "OLD_TEXT")
	s.Int(&a.Number, "number", 7, "a number", "NUMBER")
	s.Duration(&a.Interval, "interval", 5*time.Minute, time.Millisecond, "an interval", "INTERVAL_MILLISECONDS")
	s.Switch(&a.Switch, "switch", "a switch", "SWITCH")
	s.Bool(&a.Bool, "bool", true, "a bool", "BOOL")
}

func TestFlagsWinOverEnvironmentOverFallback(t *testing.T) {
	fallback := all{Text: "fallback", Number: 7, Interval: 5 * time.Minute, Bool: true}
	with := func(change func(*all)) all {
		a := fallback
		change(&a)
		return a
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want all
	}{
		"neither": {want: fallback},
		"environment": {
			env:  map[string]string{"TEXT": "env", "NUMBER": "1", "INTERVAL_MILLISECONDS": "30s", "SWITCH": "1", "BOOL": "false"},
			want: all{Text: "env", Number: 1, Interval: 30 * time.Second, Switch: true},
		},
		"both": {
			env:  map[string]string{"TEXT": "env", "NUMBER": "1", "INTERVAL_MILLISECONDS": "30s", "SWITCH": "1", "BOOL": "false"},
			args: []string{"--text=flag", "--number=2", "--interval=1h", "--switch=false", "--bool"},
			want: all{Text: "flag", Number: 2, Interval: time.Hour, Bool: true},
		},
		"the first variable wins":           {env: map[string]string{"TEXT": "new", "OLD_TEXT": "old"}, want: with(func(a *all) { a.Text = "new" })},
		"the second where the first is not": {env: map[string]string{"OLD_TEXT": "old"}, want: with(func(a *all) { a.Text = "old" })},
		"the second where the first is empty": {
			env: map[string]string{"TEXT": "", "OLD_TEXT": "old"}, want: with(func(a *all) { a.Text = "old" }),
		},
		"empty variables are not set": {
			env: map[string]string{"TEXT": "", "NUMBER": "", "INTERVAL_MILLISECONDS": "", "BOOL": ""}, want: fallback,
		},
		"a bare number counts in the variable's unit": {
			env: map[string]string{"INTERVAL_MILLISECONDS": "10000"}, want: with(func(a *all) { a.Interval = 10 * time.Second }),
		},
		"zero is a number, too": {
			env: map[string]string{"INTERVAL_MILLISECONDS": "0"}, want: with(func(a *all) { a.Interval = 0 }),
		},
		"a switch is on although it says false": {env: map[string]string{"SWITCH": "false"}, want: with(func(a *all) { a.Switch = true })},
		"a switch is on although it is empty":   {env: map[string]string{"SWITCH": ""}, want: with(func(a *all) { a.Switch = true })},
	} {
		t.Run(name, func(t *testing.T) {
			var got all
			s := section(test.env)
			got.bind(s)
			if err := s.Flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAllProblemsOfTheEnvironmentAreReportedAtOnce(t *testing.T) {
	s := section(map[string]string{"NUMBER": "1.5", "INTERVAL_MILLISECONDS": "10 s", "BOOL": "yes"})
	(&all{}).bind(s)
	want := `environment variable NUMBER is "1.5": must be a whole number
environment variable INTERVAL_MILLISECONDS is "10 s": must be a duration such as 30s, or a number of milliseconds
environment variable BOOL is "yes": must be true or false`
	if err := s.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestDurationsThatCannotBeAreRefused(t *testing.T) {
	for _, text := range []string{"-1", "-5s", "9223372036854775807", "18446744073710", "x", "1.5"} {
		t.Run(text, func(t *testing.T) {
			s := section(map[string]string{"INTERVAL_MILLISECONDS": text})
			(&all{}).bind(s)
			if s.Err() == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestHelpNamesTheVariables(t *testing.T) {
	s := section(nil)
	(&all{}).bind(s)
	if got := s.Flags.Lookup("text").Usage; got != "a text (env TEXT, OLD_TEXT)" {
		t.Errorf("got %q", got)
	}
}

func TestPolicy(t *testing.T) {
	fallback := settings.Policy{
		Settings:           policy.Settings{RoleAnnotation: "iam.amazonaws.com/permitted", KeyNameAnnotation: "externalsecrets.kubernetes-client.io/permitted-key-name"},
		MinRefreshInterval: 10 * time.Second,
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want settings.Policy
	}{
		"nothing is set": {want: fallback},
		"the variables of KES": {
			env: map[string]string{
				"ROLE_PERMITTED_ANNOTATION": "corp/role", "NAMING_PERMITTED_ANNOTATION": "corp/keys", "ENFORCE_NAMESPACE_ANNOTATIONS": "",
				"POLICY_MATCHING": "legacy", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1",
				"DEFAULT_VAULT_MOUNT_POINT": "kubernetes", "DEFAULT_VAULT_ROLE": "core",
			},
			want: settings.Policy{
				Settings: policy.Settings{RoleAnnotation: "corp/role", KeyNameAnnotation: "corp/keys", Enforce: true, Legacy: true},
				Defaults: backend.Defaults{Region: "eu-west-1", VaultMount: "kubernetes", VaultRole: "core"}, MinRefreshInterval: 10 * time.Second,
			},
		},
		"servers of Vault": {
			env: map[string]string{"VAULT_SERVERS": "https://a.example:8200, http://b.example"},
			want: settings.Policy{
				Settings: policy.Settings{
					RoleAnnotation: fallback.Settings.RoleAnnotation, KeyNameAnnotation: fallback.Settings.KeyNameAnnotation,
					VaultServers: []string{"https://a.example:8200", "http://b.example"},
				},
				MinRefreshInterval: 10 * time.Second,
			},
		},
		"flags win": {
			env:  map[string]string{"POLICY_MATCHING": "legacy", "AWS_REGION": "eu-west-1", "ENFORCE_NAMESPACE_ANNOTATIONS": "1"},
			args: []string{"--policy-matching=whole", "--aws-region=eu-north-1", "--enforce-namespace-annotations=false", "--min-refresh-interval=1s"},
			want: settings.Policy{
				Settings: fallback.Settings, Defaults: backend.Defaults{Region: "eu-north-1"}, MinRefreshInterval: time.Second,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parsePolicy(t, test.env, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(settings.Policy{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("all that is wrong is refused at once", func(t *testing.T) {
		_, err := parsePolicy(t, map[string]string{
			"POLICY_MATCHING": "Legacy", "AWS_DEFAULT_REGION": "US WEST", "DEFAULT_VAULT_MOUNT_POINT": "it%2Fk", "DEFAULT_VAULT_ROLE": " r",
			"DEFAULT_GCP_PROJECT": "a/b", "ROLE_PERMITTED_ANNOTATION": "permitted roles", "NAMING_PERMITTED_ANNOTATION": "Example.com/Keys",
			"VAULT_SERVERS": "https://vault.example,https://Vault.example/",
		}, "--min-refresh-interval=-1s")
		want := `--policy-matching is "Legacy": must be whole or legacy
--role-permitted-annotation (ROLE_PERMITTED_ANNOTATION) is "permitted roles": must be the name of an annotation: name part must consist of alphanumeric characters, ` +
			`'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is ` +
			`'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
--aws-region (AWS_REGION, AWS_DEFAULT_REGION) is "US WEST": must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name
--default-vault-mount-point (DEFAULT_VAULT_MOUNT_POINT) is "it%2Fk": must not contain %, ?, # or \, which a URL's path gives another meaning: write it/k
--default-vault-role (DEFAULT_VAULT_ROLE) is " r": must not start or end with white space
--default-gcp-project (DEFAULT_GCP_PROJECT) is "a/b": must be a project id or number: lower-case letters, digits, dashes, dots and colons
--vault-servers (VAULT_SERVERS) is "https://Vault.example/": must be in lower case, and not end with a slash: write https://vault.example
--min-refresh-interval is -1s: must not be negative`
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

func parsePolicy(t *testing.T, env map[string]string, args ...string) (settings.Policy, error) {
	t.Helper()
	var p settings.Policy
	s := section(env)
	p.Bind(s)
	if err := s.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	err := p.Finish()
	return p, err
}

package tuenti_test

import (
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
)

func TestWhereDefinitionsAreRead(t *testing.T) {
	vault := func(version int32, s plan.Store) tuenti.Where {
		s.Backend = backend.Vault
		return tuenti.Where{Store: s, EngineVersion: version}
	}
	azure := func(name string) tuenti.Where {
		return tuenti.Where{Store: plan.Store{Backend: backend.AzureKeyVault, Container: name}}
	}
	for _, tc := range []struct {
		name string
		args []string
		env  map[string]string
		want tuenti.Where
		err  string
	}{
		{"secrets-manager's defaults", nil, nil, vault(2, plan.Store{Mount: "approle"}), ""},
		{"another mount of AppRole, and the first engine", []string{"-vault.approle-path=apps", "-vault.engine=kv1"}, nil,
			vault(1, plan.Store{Mount: "apps"}), ""},
		{"a service account", []string{"-vault.auth-method=kubernetes", "-vault.kubernetes-path=prod", "-vault.kubernetes-role=reader"}, nil,
			vault(2, plan.Store{Mount: "prod", Role: "reader"}), ""},
		{"a service account without a role", []string{"-vault.auth-method=kubernetes"}, nil, vault(2, plan.Store{Mount: "kubernetes"}),
			"--vault.auth-method=kubernetes needs --vault.kubernetes-role"},
		{"a Key Vault", []string{"-backend=azure-kv", "-azure-kv.name=hello-world"}, nil, azure("hello-world"), ""},
		{"the variable wins over the flag", []string{"-backend=azure-kv", "-azure-kv.name=hello-world"},
			map[string]string{"AZURE_KV_NAME": "other"}, azure("other"), ""},
		{"an empty variable is none", []string{"-backend=azure-kv", "-azure-kv.name=hello-world"},
			map[string]string{"AZURE_KV_NAME": ""}, azure("hello-world"), ""},
		{"a mount that may be another", []string{"-vault.approle-path=a/../b"}, nil, vault(2, plan.Store{Mount: "a/../b"}),
			`--vault.approle-path is "a/../b": must not contain the path segments . and ..`},
		{"a mount and a role that can never be used", []string{"-vault.auth-method=kubernetes", "-vault.kubernetes-path=prod/", "-vault.kubernetes-role=reader "}, nil,
			vault(2, plan.Store{Mount: "prod/", Role: "reader "}),
			"--vault.kubernetes-path is \"prod/\": must not start or end with / nor contain //: write prod\n" +
				"--vault.kubernetes-role is \"reader \": must not start or end with white space"},
		{"a Key Vault that makes another host", []string{"-backend=azure-kv"}, map[string]string{"AZURE_KV_NAME": "evil.example/"}, azure("evil.example/"),
			`--azure-kv.name (AZURE_KV_NAME) is "evil.example/": must be letters, digits and dashes: it becomes a host name`},
		{"all that is wrong is said at once", []string{"-vault.engine=pki", "-vault.auth-method=token"}, nil, vault(0, plan.Store{}),
			"--vault.engine is \"pki\": must be kv1 or kv2\n--vault.auth-method is \"token\": must be approle or kubernetes"},
		{"an unknown backend", []string{"-backend=aws"}, nil, tuenti.Where{}, `--backend is "aws": must be vault or azure-kv`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			section := settings.NewSection("x", func(name string) (string, bool) { text, ok := tc.env[name]; return text, ok })
			var in tuenti.Installation
			in.Bind(section, dialect.Webhook)
			section.Flags.Init("x", flag.ContinueOnError)
			if err := section.Flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			err := in.Finish(settings.Policy{})
			said := ""
			if err != nil {
				said = err.Error()
			}
			if diff := cmp.Diff(tc.err, said); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, in.Where); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

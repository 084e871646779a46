package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// An object may name paths alone, and the installation all else: what is in effect counts, wherever it is set.
func TestWhatTheInstallationSaysIsJudgedToo(t *testing.T) {
	planOf := func(s plan.Store) *plan.Plan {
		p := planOf(s, read("spec.keysMap[a].path", "secret/data/prod/db"))
		p.Places = nil
		return p
	}
	p := planOf(plan.Store{Backend: backend.Vault, Mount: "kubernetes", Role: "reader"})
	appRole := planOf(plan.Store{Backend: backend.Vault, Mount: "approle"})
	for _, tc := range []struct {
		name        string
		p           *plan.Plan
		annotations map[string]string
		want        []string
	}{
		{"no annotation limits nothing", p, nil, nil},
		{"a path is judged as a key", p, map[string]string{names.AnnotationPermittedKeyName: "secret/data/dev/.*"},
			[]string{`spec.keysMap[a].path: Forbidden: "secret/data/prod/db" is not permitted in namespace "core": ` +
				`annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/dev/.*"`}},
		{"the role of the installation is judged", p, map[string]string{names.AnnotationPermittedRole: "writer"},
			[]string{`spec: Forbidden: "reader" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "writer"`}},
		{"so is the mount that it logs in at", p, map[string]string{names.AnnotationPermittedVaultMount: "other"},
			[]string{`spec: Forbidden: "kubernetes" is not permitted in namespace "core": ` +
				`annotation secretgate.io/permitted-vault-mount allows "other"`}},
		{"AppRole is the syncer's own identity where a role is demanded", appRole, map[string]string{names.AnnotationRequireRole: "true"},
			[]string{`spec: Required value: namespace "core" demands a role (annotation secretgate.io/require-role): ` +
				`without one the syncer's own identity would read`}},
		{"a role of the installation is one", p, map[string]string{names.AnnotationRequireRole: "true"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, err := range policy.Check(tc.p, policy.Namespace{Name: "core", Annotations: tc.annotations}, policy.Settings{}) {
				got = append(got, err.Error.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What names a server alone has no Store: the server is its Choice.
func TestAServerThatIsChosenMustBeListed(t *testing.T) {
	for name, test := range map[string]struct {
		servers     []string
		annotations map[string]string
		want        string
	}{
		"the installation lists none":          {nil, nil, ""},
		"the installation lists it":            {[]string{"https://vault:8200"}, nil, ""},
		"the installation lists another":       {[]string{"https://other:8200"}, nil, "is not among the servers of Vault that this installation permits"},
		"the namespace permits another":        {nil, map[string]string{names.AnnotationPermittedVaultServer: "https://other:8200"}, "is not permitted in namespace"},
		"both permit it":                       {[]string{"https://vault:8200"}, map[string]string{names.AnnotationPermittedVaultServer: "https://vault:8200"}, ""},
		"the namespace permits what is listed": {[]string{"https://other:8200"}, map[string]string{names.AnnotationPermittedVaultServer: ".*"}, "is not among the servers"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{Words: &plan.Words{Spec: "spec"}, Choices: []plan.Choice{
				{At: "spec.address", Value: "https://vault:8200", Annotation: names.AnnotationPermittedVaultServer},
			}}
			violations := policy.Check(p, policy.Namespace{Name: "core", Annotations: test.annotations}, policy.Settings{VaultServers: test.servers})
			var got string
			for _, err := range violations.Errors() {
				got += err.Error()
			}
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

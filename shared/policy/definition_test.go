package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// A SecretDefinition names paths, and the installation all else: what counts is in effect, whoever said it.
func TestWhatTheInstallationSaysIsJudgedToo(t *testing.T) {
	p := &plan.Plan{
		Scope:        plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: "kubernetes", VaultRole: "reader"}},
		ScopeIsFixed: true,
		Entries:      []plan.Entry{{KeyField: "spec.keysMap[a].path", Read: plan.Read{Key: "secret/data/prod/db"}}},
	}
	appRole := *p
	appRole.Scope.Identity = plan.Identity{VaultMount: "approle"}
	for _, tc := range []struct {
		name        string
		p           *plan.Plan
		annotations map[string]string
		want        []string
	}{
		{"no annotation limits nothing", p, nil, nil},
		{"a path is judged as a key", p, map[string]string{apiv1.AnnotationPermittedKeyName: "secret/data/dev/.*"},
			[]string{`spec.keysMap[a].path: Forbidden: "secret/data/prod/db" is not permitted in namespace "core": ` +
				`annotation externalsecrets.kubernetes-client.io/permitted-key-name allows "secret/data/dev/.*"`}},
		{"the role of the installation is judged", p, map[string]string{apiv1.AnnotationPermittedRole: "writer"},
			[]string{`spec: Forbidden: "reader" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "writer"`}},
		{"so is the mount that it logs in at", p, map[string]string{apiv1.AnnotationPermittedVaultMount: "other"},
			[]string{`spec: Forbidden: "kubernetes" is not permitted in namespace "core": ` +
				`annotation secretgate.io/permitted-vault-mount allows "other"`}},
		{"AppRole is the syncer's own identity where a role is demanded", &appRole, map[string]string{apiv1.AnnotationRequireRole: "true"},
			[]string{`spec: Required value: namespace "core" demands a role (annotation secretgate.io/require-role): ` +
				`without one the syncer's own identity would read`}},
		{"a role of the installation is one", p, map[string]string{apiv1.AnnotationRequireRole: "true"}, nil},
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

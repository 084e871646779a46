package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

const (
	role    = apiv1.AnnotationPermittedRole
	keyName = apiv1.AnnotationPermittedKeyName
)

// verdict is all that a caller learns of violations, as text.
type verdict struct {
	Errors  []string
	Reasons []string // KES's wordings, where it has one
}

func verdictOf(violations policy.Violations) verdict {
	var v verdict
	for _, violation := range violations {
		v.Errors = append(v.Errors, violation.Error.Error())
		if violation.Reason != "" {
			v.Reasons = append(v.Reasons, violation.Reason)
		}
	}
	return v
}

type annotations = map[string]string

func read(field, key string) plan.Entry {
	return plan.Entry{Field: field, KeyField: field, Read: plan.Read{Key: key}}
}

func walk(field, path string) plan.Entry {
	return plan.Entry{Field: field, KeyField: field + ".path", Kind: plan.Tree, Read: plan.Read{Key: path, Path: true}}
}

func aws(roleARN string, entries ...plan.Entry) *plan.Plan {
	return &plan.Plan{
		Scope: plan.Scope{
			Backend: apiv1.BackendAWSParameterStore, Region: "eu-west-1",
			Identity: plan.Identity{RoleARN: roleARN},
		},
		Entries: entries,
	}
}

func scoped(s plan.Scope) *plan.Plan {
	return &plan.Plan{Scope: s, Entries: []plan.Entry{read("spec.data[0].key", "k")}}
}

func vault(mount, vaultRole string) *plan.Plan {
	return scoped(plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: mount, VaultRole: vaultRole}})
}

// chosen is the plan of an object that chooses its syncer.
func chosen(id string) *plan.Plan {
	p := aws("")
	p.ControllerID = id
	return p
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		plan        *plan.Plan
		annotations annotations
		settings    policy.Settings
		want        verdict
	}{
		"no annotation limits nothing": {plan: aws("arn:any", read("spec.data[0].key", "/any"))},
		"what all annotations allow passes": {
			plan: aws("arn:aws:iam::1:role/core", read("spec.data[0].key", "/core/db"), walk("spec.data[1]", "/core/tree")),
			annotations: annotations{
				role: "arn:aws:iam::1:role/core", keyName: "/core/.*", apiv1.AnnotationPermittedRegion: "eu-.*",
			},
			settings: policy.Settings{Enforce: true},
		},
		"every kind of read is judged": {
			plan: aws("", read("spec.dataFrom[0]", "/prod/a"), read("spec.dataFromWithOptions[0].key", "/prod/b"),
				read("spec.data[0].key", "/prod/c"), read("spec.data[1].key", "/core/d"), walk("spec.data[2]", "/prod")),
			annotations: annotations{keyName: "/core/.*"},
			want: verdict{
				Errors: []string{
					`spec.dataFrom[0]: Forbidden: "/prod/a" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
					`spec.dataFromWithOptions[0].key: Forbidden: "/prod/b" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
					`spec.data[0].key: Forbidden: "/prod/c" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
					`spec.data[2].path: Forbidden: "/prod" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
				},
				Reasons: []string{
					"key name /prod/a does not match naming convention /core/.*",
					"key name /prod/b does not match naming convention /core/.*",
					"key name /prod/c does not match naming convention /core/.*",
					"path /prod does not match naming convention /core/.*",
				},
			},
		},
		"all violations are reported at once": {
			plan: aws("arn:aws:iam::2:role/admin", read("spec.data[0].key", "/prod/a")),
			annotations: annotations{
				role: "arn:aws:iam::1:role/.*", keyName: "/core/.*", apiv1.AnnotationPermittedRegion: "us-east-1",
			},
			want: verdict{
				Errors: []string{
					`spec.roleArn: Forbidden: "arn:aws:iam::2:role/admin" is not permitted in namespace "core": annotation ` + role +
						` allows "arn:aws:iam::1:role/.*"`,
					`spec.data[0].key: Forbidden: "/prod/a" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
					`spec.region: Forbidden: "eu-west-1" is not permitted in namespace "core": annotation ` +
						apiv1.AnnotationPermittedRegion + ` allows "us-east-1"`,
				},
				Reasons: []string{
					"namespace does not allow to assume role arn:aws:iam::2:role/admin",
					"key name /prod/a does not match naming convention /core/.*",
				},
			},
		},
		"a role annotation does not demand a role": {
			plan: aws("", read("spec.data[0].key", "k")), annotations: annotations{role: "arn:aws:iam::1:role/.*"},
		},
		"an empty role annotation forbids every role": {
			plan: aws("arn:r", read("spec.data[0].key", "k")), annotations: annotations{role: ""},
			want: verdict{
				Errors: []string{`spec.roleArn: Forbidden: "arn:r" is not permitted in namespace "core": annotation ` + role +
					` is empty, which permits nothing; ".*" permits everything`},
				Reasons: []string{"namespace does not allow to assume role arn:r"},
			},
		},
		"the role of Vault is judged by the same annotation": {
			plan: vault("kubernetes", "admin"), annotations: annotations{role: "core"},
			want: verdict{
				Errors:  []string{`spec.vaultRole: Forbidden: "admin" is not permitted in namespace "core": annotation ` + role + ` allows "core"`},
				Reasons: []string{"namespace does not allow to assume role admin"},
			},
		},
		"the id of a syncer is judged": {
			plan: chosen("other"), annotations: annotations{apiv1.AnnotationPermittedControllerID: "core"},
			want: verdict{Errors: []string{`spec.controllerId: Forbidden: "other" is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedControllerID + ` allows "core"`}},
		},
		"so is an omitted one, as no pattern says that it may be": {
			plan: chosen(""), annotations: annotations{apiv1.AnnotationPermittedControllerID: "core"},
			want: verdict{Errors: []string{`spec.controllerId: Forbidden: a value that is not set is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedControllerID + ` allows "core"`}},
		},
		"a pattern may permit to omit it": {
			plan: chosen(""), annotations: annotations{apiv1.AnnotationPermittedControllerID: "(core)?"},
		},
		"a permitted id": {plan: chosen("core"), annotations: annotations{apiv1.AnnotationPermittedControllerID: "core"}},
		"an object whose installation chooses is not judged by it": {
			plan:        &plan.Plan{Scope: plan.Scope{Backend: apiv1.BackendVault}, ScopeIsFixed: true},
			annotations: annotations{apiv1.AnnotationPermittedControllerID: "core"},
		},
		"renamed annotations count, and the default names no more": {
			plan:        aws("arn:r", read("spec.data[0].key", "/prod/a")),
			annotations: annotations{role: "other", keyName: "other", "corp/role": "arn:.*", "corp/keys": "/core/.*"},
			settings:    policy.Settings{RoleAnnotation: "corp/role", KeyNameAnnotation: "corp/keys"},
			want: verdict{
				Errors:  []string{`spec.data[0].key: Forbidden: "/prod/a" is not permitted in namespace "core": annotation corp/keys allows "/core/.*"`},
				Reasons: []string{"key name /prod/a does not match naming convention /core/.*"},
			},
		},
		"a pattern that does not compile permits nothing and is named": {
			plan:        aws("", read("spec.data[0].key", "/core/a")),
			annotations: annotations{keyName: "/(?!prod).*"},
			want: verdict{
				Errors: []string{`spec.data[0].key: Forbidden: "/core/a" is not permitted in namespace "core": annotation ` + keyName +
					" line 1 \"/(?!prod).*\" is not a valid RE2 pattern: look-ahead `(?!` is JavaScript's, not RE2's; nothing is permitted until it is mended"},
				Reasons: []string{"key name /core/a does not match naming convention /(?!prod).*"},
			},
		},
		"enforcement denies what no annotation limits": {
			plan: aws("arn:r", read("spec.data[0].key", "/a")), settings: policy.Settings{Enforce: true},
			want: verdict{
				Errors: []string{
					"metadata.namespace: Forbidden: Missing required annotation " + keyName + " on namespace core",
					"metadata.namespace: Forbidden: Missing required annotation " + role + " on namespace core",
				},
				Reasons: []string{
					"Missing required annotation " + keyName + " on namespace core",
					"Missing required annotation " + role + " on namespace core",
				},
			},
		},
		"enforcement demands the role annotation only of objects with a role": {
			plan: aws("", read("spec.data[0].key", "/a")), annotations: annotations{keyName: ".*"}, settings: policy.Settings{Enforce: true},
		},
		"enforcement counts the default role of Vault, too": {
			plan: vault("kubernetes", "syncer"), annotations: annotations{keyName: ".*"}, settings: policy.Settings{Enforce: true},
			want: verdict{
				Errors:  []string{"metadata.namespace: Forbidden: Missing required annotation " + role + " on namespace core"},
				Reasons: []string{"Missing required annotation " + role + " on namespace core"},
			},
		},
		"enforcement looks for renamed annotations": {
			plan: aws("", read("spec.data[0].key", "/a")), annotations: annotations{keyName: ".*"},
			settings: policy.Settings{Enforce: true, KeyNameAnnotation: "corp/keys"},
			want: verdict{
				Errors:  []string{"metadata.namespace: Forbidden: Missing required annotation corp/keys on namespace core"},
				Reasons: []string{"Missing required annotation corp/keys on namespace core"},
			},
		},
		"the Vault mount is judged": {
			plan: vault("other", ""), annotations: annotations{apiv1.AnnotationPermittedVaultMount: "kubernetes"},
			want: verdict{Errors: []string{`spec.vaultMountPoint: Forbidden: "other" is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedVaultMount + ` allows "kubernetes"`}},
		},
		"a Vault mount that nobody set is not permitted where it is limited": {
			plan: vault("", ""), annotations: annotations{apiv1.AnnotationPermittedVaultMount: "kubernetes"},
			want: verdict{Errors: []string{`spec.vaultMountPoint: Forbidden: a value that is not set is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedVaultMount + ` allows "kubernetes"`}},
		},
		"the Key Vault is judged": {
			plan:        scoped(plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "prod"}),
			annotations: annotations{apiv1.AnnotationPermittedKeyVault: "core-.*"},
			want: verdict{Errors: []string{`spec.keyVaultName: Forbidden: "prod" is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedKeyVault + ` allows "core-.*"`}},
		},
		"the project is judged": {
			plan:        scoped(plan.Scope{Backend: apiv1.BackendGCPSecretManager, Project: "prod"}),
			annotations: annotations{apiv1.AnnotationPermittedProject: "core"},
			want: verdict{Errors: []string{`spec.projectId: Forbidden: "prod" is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedProject + ` allows "core"`}},
		},
		"a project that nobody set is not permitted where it is limited": {
			plan:        scoped(plan.Scope{Backend: apiv1.BackendGCPSecretManager}),
			annotations: annotations{apiv1.AnnotationPermittedProject: "core"},
			want: verdict{Errors: []string{`spec.projectId: Forbidden: a value that is not set is not permitted in namespace "core": annotation ` +
				apiv1.AnnotationPermittedProject + ` allows "core"`}},
		},
		"annotations of other backends do not count": {
			plan: scoped(plan.Scope{Backend: apiv1.BackendAlicloudKMS, Identity: plan.Identity{RoleARN: "acs:r"}}),
			annotations: annotations{
				apiv1.AnnotationPermittedRegion: "x", apiv1.AnnotationPermittedVaultMount: "x",
				apiv1.AnnotationPermittedKeyVault: "x", apiv1.AnnotationPermittedProject: "x",
			},
		},
		"require-role denies AWS objects without a role": {
			plan: aws("", read("spec.data[0].key", "k")), annotations: annotations{apiv1.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.roleArn: Required value: namespace "core" demands a role (annotation ` +
				apiv1.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role denies Alibaba Cloud objects without a role": {
			plan:        scoped(plan.Scope{Backend: apiv1.BackendAlicloudKMS}),
			annotations: annotations{apiv1.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.roleArn: Required value: namespace "core" demands a role (annotation ` +
				apiv1.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role denies Vault objects without a role or a default one": {
			plan: vault("kubernetes", ""), annotations: annotations{apiv1.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.vaultRole: Required value: namespace "core" demands a role (annotation ` +
				apiv1.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role is content with a role": {
			plan: aws("arn:r", read("spec.data[0].key", "k")), annotations: annotations{apiv1.AnnotationRequireRole: "true"},
		},
		"require-role cannot be asked of backends without roles": {
			plan:        scoped(plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "v"}),
			annotations: annotations{apiv1.AnnotationRequireRole: "true"},
		},
		"require-role is off unless it is true": {
			plan: aws("", read("spec.data[0].key", "k")), annotations: annotations{apiv1.AnnotationRequireRole: "false"},
		},
		"legacy mode leaves the holes of KES closed": {
			plan: aws("", read("spec.dataFromWithOptions[0].key", "/prod/b")), annotations: annotations{keyName: "/core/"},
			settings: policy.Settings{Legacy: true},
			want: verdict{
				Errors: []string{`spec.dataFromWithOptions[0].key: Forbidden: "/prod/b" is not permitted in namespace "core": annotation ` +
					keyName + ` allows "/core/"`},
				Reasons: []string{"key name /prod/b does not match naming convention /core/"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := policy.Namespace{Name: "core", Annotations: test.annotations}
			got := verdictOf(policy.Check(test.plan, ns, test.settings))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestUnserved(t *testing.T) {
	warning := func(what, ids string) []string {
		return []string{"spec.controllerId is " + what + ", which no syncer serves, so that the object is never synced: write one of " + ids +
			", or add it to CONTROLLER_IDS"}
	}
	for name, tc := range map[string]struct {
		id, ids string
		want    []string
	}{
		"the ids are not known":                   {id: "other"},
		"one of them":                             {id: "b", ids: "a, b"},
		"none of them":                            {id: "other", ids: "a, b", want: warning(`"other"`, `"a", "b"`)},
		"an omitted one, where all have ids":      {ids: "a", want: warning("not set", `"a"`)},
		"an omitted one, where a syncer has none": {ids: ",a"},
	} {
		if diff := cmp.Diff(tc.want, policy.Unserved(chosen(tc.id), policy.Settings{ControllerIDs: tc.ids})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := policy.Unserved(&plan.Plan{ScopeIsFixed: true}, policy.Settings{ControllerIDs: "a"}); got != nil {
		t.Errorf("of an object that chooses no syncer: %q", got)
	}
}

func TestWarnings(t *testing.T) {
	ns := func(annotations map[string]string) policy.Namespace {
		return policy.Namespace{Name: "core", Annotations: annotations}
	}
	for name, tc := range map[string]struct {
		adopt bool
		ns    policy.Namespace
		want  []string
	}{
		"nothing is adopted":             {ns: ns(nil)},
		"the namespace permits adoption": {adopt: true, ns: ns(map[string]string{apiv1.AnnotationPermitAdopt: "true"})},
		"it does not": {adopt: true, ns: ns(map[string]string{apiv1.AnnotationPermitAdopt: "True"}), want: []string{
			`spec.adoptExisting is not honoured: namespace core lacks annotation secretgate.io/permit-adopt: "true"`,
		}},
	} {
		if diff := cmp.Diff(tc.want, policy.Warnings(&plan.Plan{AdoptExisting: tc.adopt}, tc.ns)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

const (
	role    = names.AnnotationPermittedRole
	keyName = names.AnnotationPermittedKeyName
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
	return plan.Entry{Field: field, KeyField: field, Source: plan.Source{Read: plan.Read{Key: key}}}
}

func walk(field, path string) plan.Entry {
	return plan.Entry{Field: field, KeyField: field + ".path", Kind: plan.Tree, Source: plan.Source{Read: plan.Read{Key: path, Path: true}}}
}

// fields are where objects of these tests say what a Store is.
var fields = map[plan.Backend]plan.Places{
	backend.AWSSecretsManager: {plan.Role: {Field: "spec.roleArn"}, plan.Location: {Field: "spec.region"}},
	backend.AWSParameterStore: {plan.Role: {Field: "spec.roleArn"}, plan.Location: {Field: "spec.region"}},
	backend.AlicloudKMS:       {plan.Role: {Field: "spec.roleArn"}},
	backend.Vault:             {plan.Role: {Field: "spec.vaultRole"}, plan.Mount: {Field: "spec.vaultMountPoint"}},
	backend.AzureKeyVault:     {plan.Container: {Field: "spec.keyVaultName"}},
	backend.GCPSecretManager:  {plan.Container: {Field: "spec.projectId"}},
}

// planOf is the plan of an object that reads all in one Store.
func planOf(s plan.Store, entries ...plan.Entry) *plan.Plan {
	for i := range entries {
		entries[i].Source.Store = s
	}
	return &plan.Plan{
		Entries: entries, Places: map[plan.Store]plan.Places{s: fields[s.Backend]},
		Words: &plan.Words{Spec: "spec", Adoption: "spec.adoptExisting"},
	}
}

func aws(roleARN string, entries ...plan.Entry) *plan.Plan {
	return planOf(plan.Store{Backend: backend.AWSParameterStore, Location: "eu-west-1", Role: roleARN}, entries...)
}

func of(s plan.Store) *plan.Plan { return planOf(s, read("spec.data[0].key", "k")) }

func vault(mount, vaultRole string) *plan.Plan {
	return of(plan.Store{Backend: backend.Vault, Mount: mount, Role: vaultRole})
}

// chosen is the plan of an object that chooses its syncer.
func chosen(id string) *plan.Plan {
	p := aws("")
	p.Choices = []plan.Choice{{At: "spec.controllerId", Value: id, Annotation: names.AnnotationPermittedControllerID}}
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
				role: "arn:aws:iam::1:role/core", keyName: "/core/.*", names.AnnotationPermittedRegion: "eu-.*",
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
				role: "arn:aws:iam::1:role/.*", keyName: "/core/.*", names.AnnotationPermittedRegion: "us-east-1",
			},
			want: verdict{
				Errors: []string{
					`spec.roleArn: Forbidden: "arn:aws:iam::2:role/admin" is not permitted in namespace "core": annotation ` + role +
						` allows "arn:aws:iam::1:role/.*"`,
					`spec.data[0].key: Forbidden: "/prod/a" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*"`,
					`spec.region: Forbidden: "eu-west-1" is not permitted in namespace "core": annotation ` +
						names.AnnotationPermittedRegion + ` allows "us-east-1"`,
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
			plan: chosen("other"), annotations: annotations{names.AnnotationPermittedControllerID: "core"},
			want: verdict{Errors: []string{`spec.controllerId: Forbidden: "other" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedControllerID + ` allows "core"`}},
		},
		"so is an omitted one, as no pattern says that it may be": {
			plan: chosen(""), annotations: annotations{names.AnnotationPermittedControllerID: "core"},
			want: verdict{Errors: []string{`spec.controllerId: Forbidden: an empty value is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedControllerID + ` allows "core"`}},
		},
		"a pattern may permit to omit it": {
			plan: chosen(""), annotations: annotations{names.AnnotationPermittedControllerID: "(core)?"},
		},
		"a permitted id": {plan: chosen("core"), annotations: annotations{names.AnnotationPermittedControllerID: "core"}},
		"an object whose installation chooses is not judged by it": {
			plan:        planOf(plan.Store{Backend: backend.Vault}),
			annotations: annotations{names.AnnotationPermittedControllerID: "core"},
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
					" line 1 \"/(?!prod).*\" is not a valid RE2 pattern: look-ahead `(?!` is JavaScript's, not RE2's; nothing is permitted until it is fixed"},
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
			plan: vault("other", ""), annotations: annotations{names.AnnotationPermittedVaultMount: "kubernetes"},
			want: verdict{Errors: []string{`spec.vaultMountPoint: Forbidden: "other" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedVaultMount + ` allows "kubernetes"`}},
		},
		"a Vault mount that is not set is not permitted where it is limited": {
			plan: vault("", ""), annotations: annotations{names.AnnotationPermittedVaultMount: "kubernetes"},
			want: verdict{Errors: []string{`spec.vaultMountPoint: Forbidden: an empty value is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedVaultMount + ` allows "kubernetes"`}},
		},
		"the Key Vault is judged": {
			plan:        of(plan.Store{Backend: backend.AzureKeyVault, Container: "prod"}),
			annotations: annotations{names.AnnotationPermittedKeyVault: "core-.*"},
			want: verdict{Errors: []string{`spec.keyVaultName: Forbidden: "prod" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedKeyVault + ` allows "core-.*"`}},
		},
		"the project is judged": {
			plan:        of(plan.Store{Backend: backend.GCPSecretManager, Container: "prod"}),
			annotations: annotations{names.AnnotationPermittedProject: "core"},
			want: verdict{Errors: []string{`spec.projectId: Forbidden: "prod" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedProject + ` allows "core"`}},
		},
		"a project that is not set is not permitted where it is limited": {
			plan:        of(plan.Store{Backend: backend.GCPSecretManager}),
			annotations: annotations{names.AnnotationPermittedProject: "core"},
			want: verdict{Errors: []string{`spec.projectId: Forbidden: an empty value is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedProject + ` allows "core"`}},
		},
		"annotations of other backends do not count": {
			plan: of(plan.Store{Backend: backend.AlicloudKMS, Role: "acs:r"}),
			annotations: annotations{
				names.AnnotationPermittedRegion: "x", names.AnnotationPermittedVaultMount: "x",
				names.AnnotationPermittedKeyVault: "x", names.AnnotationPermittedProject: "x",
			},
		},
		"require-role denies AWS objects without a role": {
			plan: aws("", read("spec.data[0].key", "k")), annotations: annotations{names.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.roleArn: Required value: namespace "core" demands a role (annotation ` +
				names.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role denies Alibaba Cloud objects without a role": {
			plan:        of(plan.Store{Backend: backend.AlicloudKMS}),
			annotations: annotations{names.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.roleArn: Required value: namespace "core" demands a role (annotation ` +
				names.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role denies Vault objects without a role or a default one": {
			plan: vault("kubernetes", ""), annotations: annotations{names.AnnotationRequireRole: "true"},
			want: verdict{Errors: []string{`spec.vaultRole: Required value: namespace "core" demands a role (annotation ` +
				names.AnnotationRequireRole + "): without one the syncer's own identity would read"}},
		},
		"require-role is content with a role": {
			plan: aws("arn:r", read("spec.data[0].key", "k")), annotations: annotations{names.AnnotationRequireRole: "true"},
		},
		"require-role cannot be asked of backends without roles": {
			plan:        of(plan.Store{Backend: backend.AzureKeyVault, Container: "v"}),
			annotations: annotations{names.AnnotationRequireRole: "true"},
		},
		"require-role is off unless it is true": {
			plan: aws("", read("spec.data[0].key", "k")), annotations: annotations{names.AnnotationRequireRole: "false"},
		},
		"a scope of what is sealed is judged": {
			plan: sealed("cluster-wide"), annotations: annotations{names.AnnotationPermittedSealingScope: "strict\nnamespace-wide", keyName: "x"},
			want: verdict{Errors: []string{`metadata.annotations: Forbidden: "cluster-wide" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedSealingScope + ` allows "strict", "namespace-wide"`}},
		},
		"what is sealed has no key to judge": {plan: sealed("strict"), annotations: annotations{keyName: "/core/.*"}},
		"enforcement demands the annotation for scopes of objects with sealed values, and none for keys": {
			plan: sealed("strict"), settings: policy.Settings{Enforce: true},
			want: verdict{
				Errors:  []string{"metadata.namespace: Forbidden: Missing required annotation " + names.AnnotationPermittedSealingScope + " on namespace core"},
				Reasons: []string{"Missing required annotation " + names.AnnotationPermittedSealingScope + " on namespace core"},
			},
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

// sealed is an object of one sealed value.
func sealed(scope string) *plan.Plan {
	return &plan.Plan{
		Entries: []plan.Entry{{Field: "spec.encryptedData[a]", KeyField: "spec.encryptedData[a]", Name: "a", Sealed: plan.Sealed{Ciphertext: "c"}}},
		Choices: []plan.Choice{{At: "metadata.annotations", Value: scope, Annotation: names.AnnotationPermittedSealingScope}},
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
		"the namespace permits adoption": {adopt: true, ns: ns(map[string]string{names.AnnotationPermitAdopt: "true"})},
		"it does not": {adopt: true, ns: ns(map[string]string{names.AnnotationPermitAdopt: "True"}), want: []string{
			`spec.adoptExisting is not honoured: namespace core lacks annotation secretgate.io/permit-adopt: "true"`,
		}},
	} {
		p := aws("")
		p.Target.AdoptExisting = tc.adopt
		if diff := cmp.Diff(tc.want, policy.Warnings(p, tc.ns)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

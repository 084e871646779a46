package kes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// object decodes a manifest without its head.
func object(t testing.TB, body string) *apiv1.ExternalSecret {
	t.Helper()
	es := &apiv1.ExternalSecret{}
	if err := yaml.Unmarshal([]byte(body), es); err != nil {
		t.Fatalf("%v:\n%s", err, body)
	}
	es.Namespace, es.Name = "core", "db"
	return es
}

// problems are the texts of errors.
func problems(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

// understand is the Plan of an object that may be fetched, in an installation.
func understand(es *apiv1.ExternalSecret, in kes.Installation) (*plan.Plan, field.ErrorList) {
	return dialect.ValidPlan(&in, es, nil)
}

// mustPlan is understand for objects that are right.
func mustPlan(t *testing.T, body string, in kes.Installation) *plan.Plan {
	t.Helper()
	p, errs := understand(object(t, body), in)
	if len(errs) > 0 {
		t.Fatalf("errors: %v", errs.ToAggregate())
	}
	return p
}

// checkProblems compares all that is found wrong with an object.
func checkProblems(t *testing.T, body string, want ...string) {
	t.Helper()
	p, errs := understand(object(t, body), kes.Installation{})
	if diff := cmp.Diff(want, problems(errs)); diff != "" {
		t.Errorf("problems: -want +got:\n%s", diff)
	}
	if (p == nil) != (len(errs) > 0) {
		t.Errorf("there must be either a plan or errors: %v, %v", p, errs)
	}
}

// minimal is the plan of an object that says nothing but this, and reads all in one Store.
func minimal(s plan.Store, in fields, entries ...plan.Entry) *plan.Plan {
	for i := range entries {
		entries[i].Source.Store = s
	}
	places := plan.Places{}
	for aspect, name := range in {
		name, isDefault := strings.CutSuffix(name, " of the installation")
		places[aspect] = plan.Place{Field: "spec." + name, Default: isDefault}
	}
	return &plan.Plan{
		Object: plan.ID{
			Kind:           schema.GroupKind{Group: "kubernetes-client.io", Kind: "ExternalSecret"},
			NamespacedName: types.NamespacedName{Namespace: "core", Name: "db"},
		},
		Kind:     apiv1.GroupVersion.WithKind(apiv1.Kind),
		Target:   plan.Target{Name: "db", DeletionPolicy: plan.DeletionDelete},
		Entries:  entries,
		Places:   map[plan.Store]plan.Places{s: places},
		Choices:  []plan.Choice{{At: "spec.controllerId", Annotation: names.AnnotationPermittedControllerID}},
		Template: plan.Template{Type: "Opaque"},
		Words:    (&kes.Installation{}).Words(),
	}
}

// fields are those of the spec that say what a Store is.
type fields map[plan.Aspect]string

func single(at, name string, read plan.Read) plan.Entry {
	return plan.Entry{Field: at, KeyField: at + ".key", Name: name, Source: plan.Source{Read: read}}
}

// theInstallation differ from everything that objects of these tests name.
var theInstallation = kes.Installation{Defaults: backend.Defaults{
	Region: "eu-west-1", VaultMount: "kubernetes", VaultRole: "everyone", Project: "installation"}, MinRefreshInterval: 10 * time.Second}

func TestEveryBackendIsUnderstood(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want *plan.Plan
	}{
		"AWS Secrets Manager with every field": {
			`
spec:
  backendType: secretsManager
  roleArn: arn:aws:iam::123456789012:role/r
  region: us-west-2
  dataFrom: [all]
  dataFromWithOptions: [{key: some, isBinary: true, versionStage: AWSPREVIOUS}, {key: pinned, versionId: v1, versionStage: AWSPREVIOUS}]
  data:
  - {key: one, name: plain}
  - {key: one, name: prop, property: a.b, isBinary: true, versionStage: AWSPREVIOUS}
  - {key: one, name: id, versionId: v2, versionStage: AWSPREVIOUS, version: 3}`,
			minimal(
				plan.Store{Backend: "secretsManager", Location: "us-west-2", Role: "arn:aws:iam::123456789012:role/r"},
				fields{plan.Role: "roleArn", plan.Location: "region"},
				plan.Entry{Field: "spec.dataFrom[0]", KeyField: "spec.dataFrom[0]", Kind: plan.Members, Source: plan.Source{Read: plan.Read{Key: "all", VersionStage: "AWSCURRENT"}}},
				plan.Entry{
					Field: "spec.dataFromWithOptions[0]", KeyField: "spec.dataFromWithOptions[0].key", Kind: plan.Members, Binary: true,
					Source: plan.Source{Read: plan.Read{Key: "some", VersionStage: "AWSPREVIOUS"}},
				},
				plan.Entry{
					Field: "spec.dataFromWithOptions[1]", KeyField: "spec.dataFromWithOptions[1].key", Kind: plan.Members,
					Source: plan.Source{Read: plan.Read{Key: "pinned", VersionID: "v1"}},
				},
				single("spec.data[0]", "plain", plan.Read{Key: "one", VersionStage: "AWSCURRENT"}),
				plan.Entry{
					Field: "spec.data[1]", KeyField: "spec.data[1].key", Name: "prop", Property: "a.b", Binary: true,
					Source: plan.Source{Read: plan.Read{Key: "one", VersionStage: "AWSPREVIOUS"}},
				},
				single("spec.data[2]", "id", plan.Read{Key: "one", VersionID: "v2"}),
			),
		},
		"AWS without a region takes the installation's, and no role": {
			`{spec: {backendType: secretsManager, data: [{key: a, name: x}]}}`,
			minimal(plan.Store{Backend: "secretsManager", Location: "eu-west-1"},
				fields{plan.Role: "roleArn of the installation", plan.Location: "region of the installation"},
				single("spec.data[0]", "x", plan.Read{Key: "a", VersionStage: "AWSCURRENT"})),
		},
		"SSM with keys, paths and options that mean nothing to it": {
			`
spec:
  backendType: systemManager
  data:
  - {key: "/a:3", name: x, versionStage: x, versionId: z, version: 1}
  - {path: /tree, recursive: true, name: dropped}
  - {path: /level}`,
			minimal(plan.Store{Backend: "systemManager", Location: "eu-west-1"},
				fields{plan.Role: "roleArn of the installation", plan.Location: "region of the installation"},
				single("spec.data[0]", "x", plan.Read{Key: "/a:3"}),
				plan.Entry{Field: "spec.data[1]", KeyField: "spec.data[1].path", Kind: plan.Tree, Source: plan.Source{Read: plan.Read{Key: "/tree", Path: true, Recursive: true}}},
				plan.Entry{Field: "spec.data[2]", KeyField: "spec.data[2].path", Kind: plan.Tree, Source: plan.Source{Read: plan.Read{Key: "/level", Path: true}}}),
		},
		"Vault with every field": {
			`
spec:
  backendType: vault
  vaultMountPoint: clusters/one
  vaultRole: core
  kvVersion: 1
  dataFrom: [secret/all]
  data: [{key: secret/x, name: x, property: p}]`,
			minimal(plan.Store{Backend: "vault", Mount: "clusters/one", Role: "core"},
				fields{plan.Mount: "vaultMountPoint", plan.Role: "vaultRole"},
				plan.Entry{Field: "spec.dataFrom[0]", KeyField: "spec.dataFrom[0]", Kind: plan.Members, Source: plan.Source{Read: plan.Read{Key: "secret/all", EngineVersion: 1}}},
				plan.Entry{Field: "spec.data[0]", KeyField: "spec.data[0].key", Name: "x", Property: "p", Source: plan.Source{Read: plan.Read{Key: "secret/x", EngineVersion: 1}}}),
		},
		"Vault without fields takes the installation's mount and role, and KV version 2": {
			`{spec: {backendType: vault, data: [{key: secret/data/x, name: x, version: 4, versionId: a, versionStage: b}]}}`,
			minimal(plan.Store{Backend: "vault", Mount: "kubernetes", Role: "everyone"},
				fields{plan.Mount: "vaultMountPoint of the installation", plan.Role: "vaultRole of the installation"},
				single("spec.data[0]", "x", plan.Read{Key: "secret/data/x", EngineVersion: 2})),
		},
		"Azure Key Vault": {
			`{spec: {backendType: azureKeyVault, keyVaultName: hello-world, data: [{key: name, name: x}, {key: name/0123abcd, name: cert, isBinary: true}]}}`,
			minimal(plan.Store{Backend: "azureKeyVault", Container: "hello-world"}, fields{plan.Container: "keyVaultName"},
				single("spec.data[0]", "x", plan.Read{Key: "name"}),
				plan.Entry{Field: "spec.data[1]", KeyField: "spec.data[1].key", Name: "cert", Binary: true, Source: plan.Source{Read: plan.Read{Key: "name/0123abcd"}}}),
		},
		"GCP with a number, a text and no version": {
			`{spec: {backendType: gcpSecretsManager, projectId: mine, data: [{key: a, name: number, version: 3}, {key: a, name: text, version: "5"}, {key: a, name: latest}]}}`,
			minimal(plan.Store{Backend: "gcpSecretsManager", Container: "mine"}, fields{plan.Container: "projectId"},
				single("spec.data[0]", "number", plan.Read{Key: "a", Version: "3"}),
				single("spec.data[1]", "text", plan.Read{Key: "a", Version: "5"}),
				single("spec.data[2]", "latest", plan.Read{Key: "a", Version: "latest"})),
		},
		"GCP without a project takes the installation's": {
			`{spec: {backendType: gcpSecretsManager, dataFrom: [a]}}`,
			minimal(plan.Store{Backend: "gcpSecretsManager", Container: "installation"}, fields{plan.Container: "projectId of the installation"},
				plan.Entry{Field: "spec.dataFrom[0]", KeyField: "spec.dataFrom[0]", Kind: plan.Members, Source: plan.Source{Read: plan.Read{Key: "a", Version: "latest"}}}),
		},
		"Alibaba Cloud with a role and a stage": {
			`{spec: {backendType: alicloudSecretsManager, roleArn: "acs:ram::1:role/r", data: [{key: a, name: x}, {key: a, name: old, versionStage: ACSPrevious, versionId: x, version: 1}]}}`,
			minimal(plan.Store{Backend: "alicloudSecretsManager", Role: "acs:ram::1:role/r"}, fields{plan.Role: "roleArn"},
				single("spec.data[0]", "x", plan.Read{Key: "a", VersionStage: "ACSCurrent"}),
				single("spec.data[1]", "old", plan.Read{Key: "a", VersionStage: "ACSPrevious"})),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustPlan(t, test.body, theInstallation)
			got.Warnings = nil // TestNoOptionOfAnEntryIsIgnoredWithoutAWord compares them
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatTheObjectAsksOfTheSyncerIsKept(t *testing.T) {
	es := object(t, `
spec: {backendType: secretsManager, dataFrom: [a], suspend: true, deletionPolicy: Retain, adoptExisting: true, refreshInterval: 1h30m, controllerId: other}`)
	es.UID, es.Generation = "u", 7
	es.Annotations = map[string]string{names.AnnotationForceSync: "now"}
	got, errs := understand(es, kes.Installation{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	none := fields{plan.Role: "roleArn of the installation", plan.Location: "region of the installation"}
	want := minimal(plan.Store{Backend: "secretsManager"}, none, plan.Entry{
		Field: "spec.dataFrom[0]", KeyField: "spec.dataFrom[0]", Kind: plan.Members, Source: plan.Source{Read: plan.Read{Key: "a", VersionStage: "AWSCURRENT"}},
	})
	want.UID, want.Generation, want.Suspend, want.ForceSync = "u", 7, true, "now"
	want.Choices[0].Value = "other"
	want.Target.DeletionPolicy, want.Target.AdoptExisting, want.Refresh = plan.DeletionRetain, true, plan.Refresh{Interval: 90 * time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRefreshInterval(t *testing.T) {
	for name, test := range map[string]struct {
		text     string
		want     plan.Refresh
		warnings []string
		problems []string
	}{
		"absent is the syncer's choice":  {text: `""`},
		"a duration":                     {text: `5m`, want: plan.Refresh{Interval: 5 * time.Minute}},
		"the least is not below itself":  {text: `10s`, want: plan.Refresh{Interval: 10 * time.Second}},
		"zero is never":                  {text: `"0"`, want: plan.Refresh{Never: true}},
		"zero seconds are never":         {text: `0s`, want: plan.Refresh{Never: true}},
		"too short is raised and said":   {text: `9.9s`, want: plan.Refresh{Interval: 10 * time.Second}, warnings: []string{"spec.refreshInterval: 9.9s is below the least interval of this installation; 10s is used"}},
		"negative":                       {text: `-5m`, problems: []string{`spec.refreshInterval: Invalid value: "-5m": must not be negative; 0 means never`}},
		"a number without a unit":        {text: `"300"`, problems: []string{`spec.refreshInterval: Invalid value: "300": must be a duration such as 30s, 5m or 1h, or 0 for never`}},
		"days, which Go does not have":   {text: `1d`, problems: []string{`spec.refreshInterval: Invalid value: "1d": must be a duration such as 30s, 5m or 1h, or 0 for never`}},
		"longer than time":               {text: `99999999999h`, problems: []string{`spec.refreshInterval: Invalid value: "99999999999h": must be a duration such as 30s, 5m or 1h, or 0 for never`}},
		"a negative one below the least": {text: `-1ns`, problems: []string{`spec.refreshInterval: Invalid value: "-1ns": must not be negative; 0 means never`}},
	} {
		t.Run(name, func(t *testing.T) {
			p, errs := understand(object(t, `{spec: {backendType: secretsManager, dataFrom: [a], refreshInterval: `+test.text+`}}`), theInstallation)
			if diff := cmp.Diff(test.problems, problems(errs)); diff != "" {
				t.Errorf("problems: -want +got:\n%s", diff)
			}
			if p == nil {
				return
			}
			if diff := cmp.Diff(test.want, p.Refresh); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, p.Warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
		})
	}
}

func TestFieldsThatMeanNothingToTheBackendAreWarnedOf(t *testing.T) {
	const all = `, roleArn: "ROLE", region: eu-west-1, vaultMountPoint: m, vaultRole: v, kvVersion: 1, keyVaultName: k, projectId: p, keyByName: true, dataFrom: [a]}}`
	ignored := func(of string, fields ...string) (want []string) {
		for _, f := range fields {
			want = append(want, "spec."+f+" has no meaning for backendType "+of+" and is ignored")
		}
		return want
	}
	for name, want := range map[string][]string{
		"secretsManager":         ignored("secretsManager", "vaultMountPoint", "vaultRole", "kvVersion", "keyVaultName", "projectId", "keyByName"),
		"systemManager":          ignored("systemManager", "vaultMountPoint", "vaultRole", "kvVersion", "keyVaultName", "projectId", "keyByName"),
		"vault":                  ignored("vault", "roleArn", "region", "keyVaultName", "projectId", "keyByName"),
		"azureKeyVault":          ignored("azureKeyVault", "roleArn", "region", "vaultMountPoint", "vaultRole", "kvVersion", "projectId", "keyByName"),
		"gcpSecretsManager":      ignored("gcpSecretsManager", "roleArn", "region", "vaultMountPoint", "vaultRole", "kvVersion", "keyVaultName", "keyByName"),
		"alicloudSecretsManager": ignored("alicloudSecretsManager", "region", "vaultMountPoint", "vaultRole", "kvVersion", "keyVaultName", "projectId", "keyByName"),
	} {
		t.Run(name, func(t *testing.T) {
			role := "arn:aws:iam::123456789012:role/r"
			if name == "alicloudSecretsManager" {
				role = "acs:ram::1:role/r"
			}
			p := mustPlan(t, strings.ReplaceAll(`{spec: {backendType: `+name+all, "ROLE", role), kes.Installation{})
			if diff := cmp.Diff(want, p.Warnings); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			of, known := backend.Of(plan.Backend(name))
			for _, aspect := range plan.Aspects() {
				if value := p.Entries[0].Source.Get(aspect); !known || value != "" && !of.Uses(aspect) {
					t.Errorf("got a store with %q as aspect %d, which means nothing to the backend", value, aspect)
				}
			}
		})
	}
}

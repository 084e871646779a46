package kes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/plan"
)

func TestSourcesAreDistinctAndInOrder(t *testing.T) {
	p := mustPlan(t, `
spec:
  backendType: secretsManager
  dataFrom: [b]
  data:
  - {key: a, name: one}
  - {key: b, name: two, property: p}
  - {key: b, name: three, versionStage: AWSCURRENT}
  - {key: b, name: four, versionId: v, versionStage: AWSPREVIOUS}
  - {key: b, name: five, versionId: v, versionStage: AWSCURRENT}
  - {key: a, name: six, isBinary: true}
  - {key: b, name: seven, versionStage: AWSPREVIOUS}`, theInstallation)
	store := plan.Store{Backend: "secretsManager", Location: "eu-west-1"}
	want := []plan.Source{
		{Store: store, Read: plan.Read{Key: "b", VersionStage: "AWSCURRENT"}},
		{Store: store, Read: plan.Read{Key: "a", VersionStage: "AWSCURRENT"}},
		{Store: store, Read: plan.Read{Key: "b", VersionID: "v"}},
		{Store: store, Read: plan.Read{Key: "b", VersionStage: "AWSPREVIOUS"}},
	}
	if diff := cmp.Diff(want, p.Sources()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Values are shared between objects with the same source: two that differ in who reads, or where,
// must never be one.
func TestSourcesOfDifferentIdentitiesDiffer(t *testing.T) {
	bodies := []string{
		`{backendType: secretsManager, dataFrom: [a]}`,
		`{backendType: secretsManager, region: us-east-1, dataFrom: [a]}`,
		`{backendType: secretsManager, roleArn: "arn:aws:iam::123456789012:role/r", dataFrom: [a]}`,
		`{backendType: secretsManager, roleArn: "arn:aws:iam::123456789012:role/s", dataFrom: [a]}`,
		`{backendType: secretsManager, dataFromWithOptions: [{key: a, versionStage: AWSPREVIOUS}]}`,
		`{backendType: secretsManager, dataFromWithOptions: [{key: a, versionId: AWSPREVIOUS}]}`,
		`{backendType: systemManager, data: [{key: a, name: x}]}`,
		`{backendType: systemManager, data: [{path: a}]}`,
		`{backendType: systemManager, data: [{path: a, recursive: true}]}`,
		`{backendType: alicloudSecretsManager, dataFrom: [a]}`,
		`{backendType: alicloudSecretsManager, roleArn: "acs:ram::1:role/r", dataFrom: [a]}`,
		`{backendType: vault, dataFrom: [a]}`,
		`{backendType: vault, kvVersion: 1, dataFrom: [a]}`,
		`{backendType: vault, vaultRole: r, dataFrom: [a]}`,
		`{backendType: vault, vaultMountPoint: r, dataFrom: [a]}`,
		`{backendType: azureKeyVault, keyVaultName: k, dataFrom: [a]}`,
		`{backendType: azureKeyVault, keyVaultName: l, dataFrom: [a]}`,
		`{backendType: gcpSecretsManager, dataFrom: [a]}`,
		`{backendType: gcpSecretsManager, projectId: p, dataFrom: [a]}`,
		`{backendType: gcpSecretsManager, data: [{key: a, name: x, version: 1}]}`,
	}
	seen := map[plan.Source]string{}
	for _, body := range bodies {
		sources := mustPlan(t, "{spec: "+body+"}", theInstallation).Sources()
		if len(sources) != 1 {
			t.Fatalf("%s: %d sources", body, len(sources))
		}
		if other, taken := seen[sources[0]]; taken {
			t.Errorf("these share a source:\n%s\n%s", other, body)
		}
		seen[sources[0]] = body
	}
}

// A plan that comes with errors is for reports alone; Understand never hands one out.
func TestAPlanHoldsWhatWasUnderstoodBesideTheErrors(t *testing.T) {
	es := object(t, `{spec: {backendType: vault, vaultRole: r, refreshInterval: x, data: [{key: a, name: ..}, {key: a/../b, name: x}, {name: nothing}]}}`)
	p, errs := theInstallation.Plan(es, nil)
	want := minimal(plan.Store{Backend: "vault", Mount: "kubernetes", Role: "r"},
		fields{plan.Mount: "vaultMountPoint of the installation", plan.Role: "vaultRole"},
		single("spec.data[0]", "..", plan.Read{Key: "a", EngineVersion: 2}),
		single("spec.data[1]", "x", plan.Read{Key: "a/../b", EngineVersion: 2}))
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p, again := understand(es, theInstallation); p != nil || len(errs) != 4 || !cmp.Equal(problems(errs), problems(again)) {
		t.Errorf("Understand says %v, %v; Plan %v", p, again, errs)
	}
	for _, body := range []string{`{spec: text}`, `{secretDescriptor: text}`} {
		if p, errs := theInstallation.Plan(object(t, body), nil); p != nil || len(errs) != 1 {
			t.Errorf("%s: %v, %v", body, p, errs)
		}
	}
}

func TestServesComparesControllerAndInstance(t *testing.T) {
	for name, test := range map[string]struct {
		body, instance string
		want           bool
	}{
		"both empty":                    {`{spec: {backendType: vault}}`, "", true},
		"both the same":                 {`{spec: {backendType: vault, controllerId: a}}`, "a", true},
		"the object's alone":            {`{spec: {backendType: vault, controllerId: a}}`, "", false},
		"the syncer's alone":            {`{spec: {backendType: vault}}`, "a", false},
		"two different ones":            {`{spec: {backendType: vault, controllerId: a}}`, "b", false},
		"in a descriptor":               {`{secretDescriptor: {backendType: vault, controllerId: a}}`, "a", true},
		"in a descriptor, not for us":   {`{secretDescriptor: {backendType: vault, controllerId: a}}`, "", false},
		"beside another descriptor":     {`{spec: {controllerId: a}, secretDescriptor: {controllerId: b}}`, "a", true},
		"in a spec that does not fit":   {`{spec: {controllerId: a, data: 5}}`, "a", true},
		"a spec that does not fit":      {`{spec: {data: 5}}`, "", true},
		"one that itself does not fit":  {`{spec: {controllerId: 5}}`, "", true},
		"a spec that is not an object":  {`{spec: text}`, "", true},
		"a descriptor that is a number": {`{secretDescriptor: 5}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&kes.Installation{InstanceID: test.instance}).Serves(object(t, test.body), nil); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

package kes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/kes"
)

func TestNoOptionOfAnEntryIsIgnoredWithoutAWord(t *testing.T) {
	const data, with = "spec.data[0].", "spec.dataFromWithOptions[0]."
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"AWS Secrets Manager has stages and ids, but no versions": {
			`backendType: secretsManager, data: [{key: a, name: x, version: AWSPREVIOUS}]`,
			[]string{data + "version has no meaning for backendType secretsManager and is ignored: write versionStage for a staging label, or versionId"},
		},
		"an id wins over a stage": {
			`backendType: secretsManager, data: [{key: a, name: x, versionId: i, versionStage: s}], dataFromWithOptions: [{key: a, versionId: i, versionStage: s}]`,
			[]string{
				with + "versionStage is ignored, since versionId is set too and wins: remove one of them",
				data + "versionStage is ignored, since versionId is set too and wins: remove one of them",
			},
		},
		"a stage or an id of AWS means something": {
			`backendType: secretsManager, data: [{key: a, name: x, versionId: i}, {key: a, name: w, versionStage: s, property: p, isBinary: true}]`, nil,
		},
		"Parameter Store has the version in the key": {
			`backendType: systemManager, data: [{key: /b1, name: x, version: 1}]`,
			[]string{data + "version has no meaning for backendType systemManager and is ignored: write key: /b1:1"},
		},
		"a key of Parameter Store that names a version": {
			`backendType: systemManager, data: [{key: "/a/b1:2", name: x, version: 1}]`,
			[]string{data + "version has no meaning for backendType systemManager and is ignored: key names a version already"},
		},
		"an ARN of Parameter Store names no version": {
			`backendType: systemManager, data: [{key: "arn:aws:ssm:eu-west-1:123456789012:parameter/b1", name: x, version: 1}]`,
			[]string{data + "version has no meaning for backendType systemManager and is ignored: write key: arn:aws:ssm:eu-west-1:123456789012:parameter/b1:1"},
		},
		"a key of Parameter Store that is long": {
			`backendType: systemManager, data: [{key: /` + strings.Repeat("k", 100) + `, name: x, version: 1}]`,
			[]string{data + "version has no meaning for backendType systemManager and is ignored: write key: name:version"},
		},
		"a version that no warning can show": {
			`backendType: systemManager, data: [{key: /a, name: x, version: "\t1"}]`,
			[]string{data + "version has no meaning for backendType systemManager and is ignored: write key: name:version"},
		},
		"stages of Parameter Store are labels": {
			`backendType: systemManager, dataFromWithOptions: [{key: /a, versionStage: s, versionId: i}]`,
			[]string{
				with + "versionId has no meaning for backendType systemManager and is ignored: write the version or the label into key, as name:1",
				with + "versionStage has no meaning for backendType systemManager and is ignored: write the version or the label into key, as name:1",
			},
		},
		"a path has no version, and no name": {
			`backendType: systemManager, data: [{path: /a, name: x, version: 1, recursive: true, property: p, isBinary: true}]`,
			[]string{
				data + "version has no meaning for backendType systemManager and is ignored: a path is read at its newest: " +
					"read a parameter by key, as name:version, to keep to a version",
				data + "name has no meaning beside path and is ignored: each entry is named by the last segment of its parameter",
			},
		},
		"a key has no tree": {
			`backendType: systemManager, data: [{key: /a, name: x, recursive: true}]`,
			[]string{data + "recursive has no meaning beside key and is ignored: write path to read all that is below it"},
		},
		"Vault": {
			`backendType: vault, data: [{key: secret/data/a, name: x, version: 1}], dataFromWithOptions: [{key: secret/data/a, versionId: "1"}]`,
			[]string{
				with + "versionId has no meaning for backendType vault and is ignored: only the current version can be read",
				data + "version has no meaning for backendType vault and is ignored: only the current version can be read",
			},
		},
		"Azure has the version in the key": {
			`backendType: azureKeyVault, keyVaultName: v, data: [{key: a, name: x, version: 0a1b}, {key: a/0a1b, name: w, versionId: 0a1b}, {key: a, name: z, versionStage: s}]`,
			[]string{
				data + "version has no meaning for backendType azureKeyVault and is ignored: write key: a/0a1b",
				"spec.data[1].versionId has no meaning for backendType azureKeyVault and is ignored: key names a version already",
				"spec.data[2].versionStage has no meaning for backendType azureKeyVault and is ignored: write the version into key, as name/version",
			},
		},
		"Google has versions alone": {
			`backendType: gcpSecretsManager, data: [{key: a, name: x, version: 1, versionStage: AWSCURRENT, versionId: i}], dataFromWithOptions: [{key: a, versionId: "1"}]`,
			[]string{
				with + "versionId has no meaning for backendType gcpSecretsManager and is ignored: the latest version is read; entries of data may have a version",
				data + "versionId has no meaning for backendType gcpSecretsManager and is ignored: write a number or an alias as version",
				data + "versionStage has no meaning for backendType gcpSecretsManager and is ignored: write a number or an alias as version",
			},
		},
		"Alibaba Cloud has stages alone": {
			`backendType: alicloudSecretsManager, data: [{key: a, name: x, version: 1, versionStage: ACSPrevious, versionId: i}]`,
			[]string{
				data + "version has no meaning for backendType alicloudSecretsManager and is ignored: write a stage as versionStage",
				data + "versionId has no meaning for backendType alicloudSecretsManager and is ignored: write a stage as versionStage",
			},
		},
		"what IBM's backend was told": {
			`backendType: vault, data: [{key: secret/data/a, name: x, secretType: arbitrary}]`,
			[]string{data + "secretType has no meaning for backendType vault and is ignored: remove it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, mustPlan(t, `{spec: {`+test.spec+`}}`, kes.Installation{}).Warnings); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWarningsAreBounded(t *testing.T) {
	var entries []string
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf("{key: secret/data/a, name: n%d, version: 1}", i))
	}
	got := mustPlan(t, `{spec: {backendType: vault, data: [`+strings.Join(entries, ", ")+`]}}`, kes.Installation{}).Warnings
	if len(got) != 21 || got[20] != "and 980 more warnings" {
		t.Errorf("got %d warnings, the last one %q; want 20 and a count of the others", len(got), got[len(got)-1])
	}
}

func TestWhatIsOverriddenIsWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"two entries of one name": {
			`data: [{key: secret/data/a, name: x}, {key: secret/data/b, name: w}, {key: secret/data/c, name: x}]`,
			[]string{"spec.data[0].name is spec.data[2]'s, too, which wins: remove one of them"},
		},
		"a template's data, which loses, and its stringData, which wins, as in KES": {
			`data: [{key: secret/data/a, name: x}, {key: secret/data/b, name: w}], template: {data: {w: QQ==}, stringData: {x: A, other: A}}`,
			[]string{
				"spec.template.stringData sets the entry x, which overrides spec.data[0]: remove one of them",
				"spec.template.data sets the entry w, which spec.data[1] overrides: remove one of them",
			},
		},
		"members may override each other, as their names are not known": {
			`dataFrom: [secret/data/a, secret/data/a], data: [{key: secret/data/a, name: x}], template: {stringData: {other: A}}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustPlan(t, `{spec: {backendType: vault, `+test.spec+`}}`, kes.Installation{}).Warnings
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOptionsOfABackendThatIsNotServedAreNoMatter(t *testing.T) {
	p, errs := (&kes.Installation{}).Plan(object(t, `{spec: {backendType: ibmcloudSecretsManager, data: [{key: a, name: x, secretType: arbitrary, version: 1}]}}`), nil)
	if len(errs) != 1 || len(p.Warnings) > 0 {
		t.Errorf("got errors %v and warnings %v, want the one of the backend alone", errs, p.Warnings)
	}
}

func TestAnObjectThatNoSyncerServesIsWarnedOf(t *testing.T) {
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
		body := `{spec: {backendType: vault, dataFrom: [a], controllerId: "` + tc.id + `"}}`
		if diff := cmp.Diff(tc.want, mustPlan(t, body, kes.Installation{ControllerIDs: tc.ids}).Warnings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNoNumberOfWarningsHidesThatNoSyncerServesAnObject(t *testing.T) {
	body := `{spec: {backendType: vault, data: [` + strings.Repeat(`{key: a, name: x, version: 1}, `, 30) + `]}}`
	got := mustPlan(t, body, kes.Installation{ControllerIDs: "a"}).Warnings
	if n := len(got); n != 22 || !strings.HasPrefix(got[21], "spec.controllerId is not set, which no syncer serves") {
		t.Errorf("got %d warnings, want 20, a count of the others, and one on spec.controllerId: %q", n, got)
	}
}

// What users were told is ignored must not be read all the same: the dialect of another API reads versions of Vault.
func TestAVersionThatHasNoMeaningIsNotRead(t *testing.T) {
	for _, name := range []string{"vault", "secretsManager", "azureKeyVault", "systemManager", "alicloudSecretsManager"} {
		body := fmt.Sprintf("spec: {backendType: %s, keyVaultName: k, data: [{key: a, name: x, version: 1}]}", name)
		p, _ := understand(object(t, body), kes.Installation{})
		if got := p.Entries[0].Source.Version; got != "" {
			t.Errorf("%s: got version %q, want none", name, got)
		}
	}
}

package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A field that is null is stored as if it were absent; the end-to-end tests apply one.
func TestAFieldThatIsNullIsNoError(t *testing.T) {
	const es = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\n"
	const why = ": is null: kubectl apply and create take it for absent, server-side apply (Flux's, too) refuses it: remove the field, or give it a value"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"in the spec": {es + "spec: {backendType: gcpSecretsManager, projectId: , suspend: null, data: [{key: a, name: b}]}", []string{
			"warning: spec.projectId" + why, "warning: spec.suspend" + why}},
		"in a descriptor": {es + "secretDescriptor: {backendType: gcpSecretsManager, projectId: , data: [{key: a, name: b}]}", []string{
			"warning: secretDescriptor: is deprecated: use spec", "warning: spec.projectId" + why}},
		"in an entry": {es + "spec: {backendType: gcpSecretsManager, data: [{key: a, name: b, version: }]}", []string{"warning: spec.data[0].version" + why}},
		"a field that is required": {es + "spec: {backendType: , data: [{key: a, name: b}]}", []string{
			"warning: spec.backendType" + why, "error: spec.backendType: Required value"}},
		"an entry is an error": {es + "spec: {backendType: gcpSecretsManager, dataFrom: [null]}", []string{
			`error: spec.dataFrom[0]: Invalid value: "null": spec.dataFrom[0] in body must be of type string: "null"`}},
		"in a template, which has no schema": {es + "spec: {backendType: gcpSecretsManager, template: {type: }, dataFrom: [a]}", nil},
		"the status":                         {es + "spec: {backendType: gcpSecretsManager, dataFrom: [a]}\nstatus:", nil},
		"in a SecretDefinition": {"apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: a}\n" +
			"spec: {name: a, type: , keysMap: {a: {path: secret/data/a, key: null}}}", []string{
			"warning: spec.type" + why, "warning: spec.keysMap.a.key" + why}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range run(t, &Checker{UnknownNamespace: UnknownPasses}, file(t, "a.yaml", tc.text)).Findings {
				got = append(got, string(f.Severity)+": "+strings.TrimSpace(f.text()))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

package app

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/policy"
)

func TestAnnotationsThatTheConfigurationDoesNotNameAreFound(t *testing.T) {
	text, err := os.ReadFile("../../kustomize/base/webhook/validating.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var installed, unconditional admissionregistrationv1.ValidatingWebhookConfiguration
	if err := yaml.UnmarshalStrict(text, &installed); err != nil {
		t.Fatal(err)
	}
	installed.DeepCopyInto(&unconditional)
	for i := range unconditional.Webhooks {
		unconditional.Webhooks[i].MatchConditions = nil
	}
	renamed := policy.Settings{RoleAnnotation: "example.com/roles", KeyNameAnnotation: "externalsecrets.kubernetes-client.io/keys"}
	for name, c := range map[string]struct {
		configuration admissionregistrationv1.ValidatingWebhookConfiguration
		settings      policy.Settings
		want          []string
	}{
		"the documented keys are named":                      {configuration: installed},
		"one of another prefix is not, one under ours is":    {configuration: installed, settings: renamed, want: []string{"example.com/roles"}},
		"a configuration without conditions has us asked":    {configuration: unconditional, settings: renamed},
		"without the entry no call is made, which is a wish": {settings: renamed},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, unasked(c.configuration, c.settings)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

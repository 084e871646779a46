package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// said is a judgement without its violation's text, which other tests compare.
type said struct {
	Of, At, Value, Annotation string
	Patterns                  []string
	Pattern, Verdict          string
}

func explained(p *plan.Plan, given annotations, s policy.Settings) []said {
	var all []said
	for _, j := range policy.Explain(p, policy.Namespace{Name: "core", Annotations: given}, s) {
		all = append(all, said{string(j.Of), j.At, j.Value, j.Annotation, j.Patterns, j.Pattern, j.Verdict.String()})
	}
	return all
}

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		plan     *plan.Plan
		given    annotations
		settings policy.Settings
		want     []said
	}{
		"a permitted value names the pattern that matches": {
			plan:  planOf(plan.Store{Backend: backend.AzureKeyVault, Container: "v"}, read("spec.data[0].key", "dev/b")),
			given: annotations{keyName: "dev/a\ndev/.*"},
			want: []said{
				{"key", "spec.data[0].key", "dev/b", keyName, []string{"dev/a", "dev/.*"}, "dev/.*", "permitted"},
				{Of: "container", At: "spec.keyVaultName", Value: "v", Annotation: names.AnnotationPermittedKeyVault, Verdict: "no limit"},
			},
		},
		"a denied value has the patterns and no match": {
			plan:  planOf(plan.Store{Backend: backend.AzureKeyVault, Container: "v"}, walk("spec.dataFrom[0]", "prod")),
			given: annotations{keyName: "dev/.*", names.AnnotationPermittedKeyVault: ""},
			want: []said{
				{"path", "spec.dataFrom[0].path", "prod", keyName, []string{"dev/.*"}, "", "denied"},
				{"container", "spec.keyVaultName", "v", names.AnnotationPermittedKeyVault, []string{}, "", "denied"},
			},
		},
		"a role that the namespace demands": {
			plan:  of(plan.Store{Backend: backend.AlicloudKMS}),
			given: annotations{names.AnnotationRequireRole: "true"},
			want: []said{
				{"role", "spec.roleArn", "", names.AnnotationRequireRole, []string{"true"}, "", "denied"},
				{Of: "key", At: "spec.data[0].key", Value: "k", Annotation: keyName, Verdict: "no limit"},
			},
		},
		"an annotation that the installation renames, and demands": {
			plan:     of(plan.Store{Backend: backend.AlicloudKMS}),
			settings: policy.Settings{KeyNameAnnotation: "team/keys", Enforce: true},
			want: []said{
				{Of: "role", At: "spec.roleArn", Annotation: names.AnnotationRequireRole, Verdict: "no limit"},
				{Of: "key", At: "spec.data[0].key", Value: "k", Annotation: "team/keys", Verdict: "no limit"},
				{Of: "required", At: "metadata.namespace", Annotation: "team/keys", Verdict: "denied"},
			},
		},
		"what the object chooses beside": {
			plan:  chosen("team-a"),
			given: annotations{names.AnnotationPermittedControllerID: "team-.*"},
			want: []said{
				{Of: "role", At: "spec.roleArn", Annotation: names.AnnotationRequireRole, Verdict: "no limit"},
				{"choice", "spec.controllerId", "team-a", names.AnnotationPermittedControllerID, []string{"team-.*"}, "team-.*", "permitted"},
				{Of: "location", At: "spec.region", Value: "eu-west-1", Annotation: names.AnnotationPermittedRegion, Verdict: "no limit"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, explained(c.plan, c.given, c.settings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Check is the reduction of Explain: there is one judge.
func TestCheckIsWhatExplainDenies(t *testing.T) {
	given := annotations{keyName: "dev/.*", role: "arn:.*", names.AnnotationPermittedRegion: "us-.*", names.AnnotationPermittedVaultMount: "("}
	for name, p := range map[string]*plan.Plan{
		"a role, two keys and a region": aws("r", read("spec.data[0].key", "dev/a"), read("spec.data[1].key", "prod/a")),
		"a mount":                       vault("kubernetes", "arn:x"),
		"a path":                        aws("", walk("spec.data[0]", "prod")),
	} {
		t.Run(name, func(t *testing.T) {
			ns := policy.Namespace{Name: "core", Annotations: given}
			s := policy.Settings{Enforce: true}
			var denied policy.Violations
			for _, j := range policy.Explain(p, ns, s) {
				if j.Verdict == policy.Denied {
					denied = append(denied, j.Violation)
				}
			}
			if diff := cmp.Diff(verdictOf(denied), verdictOf(policy.Check(p, ns, s))); diff != "" || len(denied) == 0 {
				t.Errorf("got %d denied (-explained +checked):\n%s", len(denied), diff)
			}
		})
	}
}

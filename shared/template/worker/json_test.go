package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// jsonPlan is one whose templates see JSON: Secrets, and the input Labels.
func jsonPlan(library string, sources ...string) *plan.Plan {
	p := &plan.Plan{
		Words: &plan.Words{Spec: "spec"},
		Entries: []plan.Entry{
			{Kind: plan.Single, Name: "Secrets", Use: plan.InTemplates}, {Kind: plan.Members, Use: plan.InSecret},
			{Kind: plan.Single, Name: "_raw", Use: plan.InSecret},
		},
		Template: plan.Template{Engine: template.Go, Inputs: map[string][]byte{"Labels": []byte(`{"app":"shop"}`)}, Options: template.Options{
			JSON: true, MissingKey: "error", Library: []template.Text{{Field: "spec.sourceTemplates[0].text", Source: library}},
		}},
	}
	for i, source := range sources {
		text := template.Text{Field: fmt.Sprintf("spec.templates[%d].text", i), Name: fmt.Sprintf("name%d", i), Source: source}
		p.Template.Made = append(p.Template.Made, plan.Made{Text: text, Part: plan.InStringData, Name: fmt.Sprint(i)})
	}
	p.Object.NamespacedName = types.NamespacedName{Namespace: "ns", Name: "o"}
	return p
}

func TestPlansWhoseTemplatesSeeJSON(t *testing.T) {
	var pool Pool
	defer pool.Close()
	const greet = `{{ define "greet" }}hi {{ .Secrets.user }} of {{ .Labels.app }}{{ end }}`
	for _, tc := range []struct {
		name            string
		plan            *plan.Plan
		wrong, warnings []string
		rendered        []string
	}{
		{"a library, and texts that call it and each other", jsonPlan(greet, `{{ template "greet" . }}`, `{{ .Secrets.n }} {{ template "name0" . }}`), nil, nil,
			[]string{"hi ann of shop", "1.50 hi ann of shop"}},
		{"names that templates are not given", jsonPlan(greet, `{{ if false }}{{ .Secret }}{{ ._raw }}{{ .Metadata }}{{ end }}{{ .Labels.app }}`), nil, []string{
			"spec.templates[0].text: line 1, column 18: the object has no entry Secret: the template fails where it uses it",
			"spec.templates[0].text: line 1, column 31: the object has no entry _raw: the template fails where it uses it",
			"spec.templates[0].text: line 1, column 42: the object has no entry Metadata: the template fails where it uses it",
		}, []string{"shop"}},
		{"definitions that are not there", jsonPlan(`{{ define "a" }}{{ template "none" }}{{ end }}`, `{{ if false }}{{ template "greet" . }}{{ template "a" }}{{ end }}`), nil, []string{
			`spec.templates[0].text: line 1, column 27: "greet" is not defined in templates, which fail where they use it`,
			`spec.sourceTemplates[0].text: line 1, column 29: "none" is not defined in templates, which fail where they use it`,
		}, []string{""}},
		{"a library that is no template", jsonPlan(`{{ define "a" }}{{ now }}{{ end }}`, `x`), []string{
			`spec.sourceTemplates[0].text: Invalid value: line 1, column 1: "now" is no function that templates have: it reads the clock or the machine's time zone`,
		}, nil, nil},
		{"a library that calls itself is said once", jsonPlan(`{{ define "a" }}{{ template "a" }}{{ end }}`, `{{ template "a" }}`, `{{ template "a" }}`), []string{
			"spec.sourceTemplates[0].text: Invalid value: line 1, column 29: the template calls itself, maybe by way of others: use range",
		}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wrong, warnings, err := pool.Check(t.Context(), tc.plan)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range wrong {
				got = append(got, w.Error())
			}
			if diff := cmp.Diff(tc.wrong, got); diff != "" {
				t.Errorf("what is wrong: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
			answer, err := pool.Render(t.Context(), tc.plan, []template.Entry{
				{Name: "Labels", Data: tc.plan.Template.Inputs["Labels"]}, {Name: "Secrets", Data: []byte(`{"user":"ann","n":1.50}`)},
			})
			if err != nil || len(tc.wrong) != len(answer.Problems) {
				t.Fatalf("got %+v and the error %v", answer, err)
			}
			if diff := cmp.Diff(tc.rendered, rendered(answer)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestHostileJSON ends what is made of values by their size or form, without a value in what is said.
func TestHostileJSON(t *testing.T) {
	var pool Pool
	defer pool.Close()
	for name, c := range map[string]struct {
		value, source string
		texts         int
		want          template.Kind
	}{
		"a deep value":              {strings.Repeat("[", 100_000) + `"planted"` + strings.Repeat("]", 100_000), "x", 1, template.Value},
		"a large value, many times": {"[" + strings.Repeat(`{"planted":1},`, 70_000) + "0]", "x", 1000, template.Limit},
		"a value that grows":        {`{"planted":"planted"}`, `{{ $d := .x }}{{ range until 1000 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ toJson $d | len }}`, 1, template.Limit},
		"a value that holds itself": {`{"planted":"planted"}`, `{{ $_ := set .x "x" .x }}{{ mustDeepCopy .x | len }}`, 1, template.Limit},
		"what is no JSON":           {"planted", "x", 1, template.Value},
	} {
		t.Run(name, func(t *testing.T) {
			request := golang("")
			request.Texts, request.Options.JSON, request.Values[0].Data = nil, true, []byte(c.value)
			for range c.texts {
				request.Texts = append(request.Texts, template.Text{Field: at, Source: c.source})
			}
			answer, err := pool.Do(t.Context(), "ns", at, request)
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Problems) == 0 || len(answer.Rendered) > 0 {
				t.Fatalf("got the texts %.100q, want a problem", answer.Rendered)
			}
			for _, problem := range answer.Problems {
				if problem.Kind != c.want || strings.Contains(problem.Error(), "planted") {
					t.Errorf("got the problem %q of kind %s, want %s without the value", problem.Error(), problem.Kind, c.want)
				}
			}
			mustRender(t, &pool, "ns", "${data.x}", "planted")
		})
	}
}

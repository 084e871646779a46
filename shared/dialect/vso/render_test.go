package vso_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/gotemplate"
)

// TestTemplatesSeeWhatTheDocumentsSay renders templates as HashiCorp's pages have them.
func TestTemplatesSeeWhatTheDocumentsSay(t *testing.T) {
	r := merging(v1beta1.VaultAuthSpec{}, v1beta1.VaultAuthGlobalSpec{
		DefaultAuthMethod: v1beta1.MethodAppRole, DefaultMount: "approle",
		AppRole: &v1beta1.GlobalAppRole{AppRole: v1beta1.AppRole{RoleID: "a", SecretRef: "login"}},
	})
	r.Transformations = map[string]v1beta1.SecretTransformationSpec{"core/t": {
		Templates: map[string]v1beta1.Template{
			"url": {Name: "url", Text: `{{ template "user" . }}@{{ template "host" .Secrets }}`}, "other": {Text: "theirs"},
		},
		SourceTemplates: []v1beta1.SourceTemplate{
			{Name: "user", Text: `{{ .Secrets.user }}`}, {Text: `{{ define "host" }}{{ .nested.host }}:{{ .port }}{{ end }}`},
		},
	}}
	texts := map[string]string{
		"field": `{{ .Secrets.user }}`, "get": `{{- printf "user=%s" (get .Secrets "user") -}}`, "absent": `{{ get .Secrets "none" }}`,
		"nested": `{{ .Secrets.nested.host }}`, "dig": `{{ dig "nested" "none" "fallback" .Secrets }}`, "number": `{{ .Secrets.port }}`,
		"encoded": `{{ .Secrets.user | b64enc }}`, "label": `{{ get .Labels "team" }}`, "annotation": `{{ .Annotations.note }}`,
		"version": `{{ .Metadata.version }}`, "called": `{{ template "url" . }}`, "other": `ours`,
	}
	transformation := &r.Object.Destination.Transformation
	transformation.TransformationRefs = []v1beta1.TransformationRef{{Name: "t"}}
	transformation.Templates = map[string]v1beta1.Template{}
	for key, text := range texts {
		transformation.Templates[key] = v1beta1.Template{Text: text}
	}
	object := r.object(t)
	object.Labels, object.Annotations = map[string]string{"team": "core"}, map[string]string{"note": "a"}
	p, errs := r.installation().Plan(object, r.resolved())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	entries := []template.Entry{
		{Name: "Secrets", Data: []byte(`{"user": "admin", "nested": {"host": "db"}, "port": 12345678901234567890}`)},
		{Name: "Metadata", Data: []byte(`{"version": 7}`)},
	}
	for name, input := range p.Template.Inputs {
		entries = append(entries, template.Entry{Name: name, Data: input})
	}
	made := make([]template.Text, 0, len(p.Template.Made))
	for _, one := range p.Template.Made {
		made = append(made, one.Text)
	}
	set, problems := gotemplate.Compile(made, p.Template.Options)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := map[string]string{}
	for n, one := range p.Template.Made {
		text, problem := set.Render(t.Context(), n, entries)
		if problem != nil {
			t.Fatal(problem)
		}
		got[one.Name] = text
	}
	want := map[string]string{
		"field": "admin", "get": "user=admin", "absent": "", "nested": "db", "dig": "fallback", "number": "12345678901234567890",
		"encoded": "YWRtaW4=", "label": "core", "annotation": "a", "version": "7", "called": "admin@db:12345678901234567890", "other": "ours",
		"url": "admin@db:12345678901234567890",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

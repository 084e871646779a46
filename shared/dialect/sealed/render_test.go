package sealed_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/gotemplate"
)

// templated is the plan of an object with two values, password and api-key, and texts.
func templated(t *testing.T, texts map[string]string) *plan.Plan {
	t.Helper()
	object := &v1alpha1.SealedSecret{}
	object.Namespace, object.Name = "core", "db"
	object.Spec.EncryptedData = map[string]v1alpha1.Text{}
	for _, name := range []string{"password", "api-key"} {
		object.Spec.EncryptedData[name] = v1alpha1.TextOf(ciphertext(2048, 16))
	}
	object.Spec.Template.Data = map[string]v1alpha1.Text{}
	for name, text := range texts {
		object.Spec.Template.Data[name] = v1alpha1.TextOf(text)
	}
	p, errs := (&sealed.Installation{Serve: true}).Plan(object, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

// rendered are the texts that an engine makes of a plan, as the syncer asks it, or what it says is wrong.
func rendered(t *testing.T, p *plan.Plan) (texts map[string]string, problem string) {
	t.Helper()
	entries := []template.Entry{{Name: "password", Data: []byte("s3cret")}, {Name: "api-key", Data: []byte("k\xff")}}
	for name, input := range p.Template.Inputs {
		entries = append(entries, template.Entry{Name: name, Data: input})
	}
	made := make([]template.Text, 0, len(p.Template.Made))
	for _, one := range p.Template.Made {
		made = append(made, one.Text)
	}
	set, problems := gotemplate.Compile(made, p.Template.Options)
	if len(problems) > 0 {
		return nil, problems[0].Error()
	}
	texts = map[string]string{}
	for n, one := range p.Template.Made {
		text, problem := set.Render(t.Context(), n, entries)
		if problem != nil {
			return nil, problem.Error()
		}
		texts[one.Name] = text
	}
	return texts, ""
}

// What templates see is as the original has it: opened values, and the texts of names that are not sealed, as they are written.
func TestTemplatesSeeValuesAndTexts(t *testing.T) {
	got, problem := rendered(t, templated(t, map[string]string{
		"user": "admin", "plain": "{{ .user }}:{{ .password }}", "dashes": `{{ index . "api-key" }}`, "absent": `{{ index . "none" }}`,
		"source": "{{ .plain }}", "encoded": "{{ .password | b64enc }}", "password": "the sealed value wins",
	}))
	want := map[string]string{
		"user": "admin", "plain": "admin:s3cret", "dashes": "k\xff", "absent": "", "source": "{{ .user }}:{{ .password }}", "encoded": "czNjcmV0",
	}
	if diff := cmp.Diff(want, got); diff != "" || problem != "" {
		t.Errorf("got problem %q, and texts -want +got:\n%s", problem, diff)
	}
}

// A Secret that changes with each attempt, or that is wrong without an error, is worse than none. No value is in what is said.
func TestTemplatesThatMakeNoSecret(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a name that is not there": {"{{ .none }}", "spec.template.data[a]: line 1, column 4: "},
		"chance":                   {"{{ randAlphaNum 8 }}", `"randAlphaNum" is no function that templates have: it makes another text each time`},
		"a key":                    {`{{ genPrivateKey "rsa" }}`, `"genPrivateKey" is no function that templates have: it makes another text each time`},
		"salt":                     {`{{ htpasswd "a" .password }}`, `"htpasswd" is no function that templates have: it salts what it makes`},
		"the clock":                {"{{ now }}", `"now" is no function that templates have: it reads the clock`},
		"the network":              {"{{ getHostByName .password }}", `"getHostByName" is no function that templates have: it asks the network`},
		"the environment":          {`{{ env "HOME" }}`, `"env" is no function that templates have: it reads the environment`},
		"an error with a value":    {"{{ fail .password }}", `"fail" is no function that templates have`},
		"no template":              {"{{ .password", "spec.template.data[a]: line 1"},
		"a value that is no JSON":  {"{{ (fromJson .password).a.b }}", "spec.template.data[a]: line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := rendered(t, templated(t, map[string]string{"a": test.text}))
			if !strings.Contains(problem, test.want) || strings.Contains(problem, "s3cret") {
				t.Errorf("got %v and problem %q, want %q", got, problem, test.want)
			}
		})
	}
}

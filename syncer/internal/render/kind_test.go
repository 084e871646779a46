package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestTypesNeedTheirEntries(t *testing.T) {
	const add = ", which no entry makes: add it, or change the type"
	for _, tc := range []struct {
		name, kind string
		data       map[string]string
		want       []string
	}{
		{"any type of one's own", "example.com/t", nil, nil},
		{"TLS", "kubernetes.io/tls", map[string]string{"tls.crt": "", "tls.key": ""}, nil},
		{"TLS without both", "kubernetes.io/tls", nil, []string{
			"spec.template.type: a Secret of type kubernetes.io/tls needs the entry tls.crt" + add,
			"spec.template.type: a Secret of type kubernetes.io/tls needs the entry tls.key" + add,
		}},
		{"a registry's login", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": `{"auths": {}}`}, nil},
		{"null, which the API server takes", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": "null"}, nil},
		{"one under another name", "kubernetes.io/dockerconfigjson", map[string]string{"config.json": "{}"},
			[]string{"spec.template.type: a Secret of type kubernetes.io/dockerconfigjson needs the entry .dockerconfigjson" + add}},
		{"one that is not JSON", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": "planted"}, []string{
			"spec.template.type: a Secret of type kubernetes.io/dockerconfigjson needs a JSON object in the entry .dockerconfigjson, " +
				"which its value is not: check what is read, or change the type"}},
		{"one that is a list", "kubernetes.io/dockercfg", map[string]string{".dockercfg": `["planted"]`}, []string{
			"spec.template.type: a Secret of type kubernetes.io/dockercfg needs a JSON object in the entry .dockercfg, " +
				"which its value is not: check what is read, or change the type"}},
		{"a login with a password alone", "kubernetes.io/basic-auth", map[string]string{"password": ""}, nil},
		{"a login with neither", "kubernetes.io/basic-auth", map[string]string{"pass": "planted"}, []string{
			"spec.template.type: a Secret of type kubernetes.io/basic-auth needs the entry username or password, which no entry makes: add one, or change the type"}},
		{"an SSH key", "kubernetes.io/ssh-auth", map[string]string{"ssh-privatekey": "k"}, nil},
		{"an empty SSH key", "kubernetes.io/ssh-auth", map[string]string{"ssh-privatekey": ""}, []string{
			"spec.template.type: a Secret of type kubernetes.io/ssh-auth needs the entry ssh-privatekey, which is missing or empty: add it, or change the type"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, values := &plan.Plan{Words: words, Template: plan.Template{Type: tc.kind}}, map[string]string{"other": "planted"}
			for name, value := range tc.data {
				p.Entries = append(p.Entries, plan.Entry{Field: "spec.data", Name: name, Source: plan.Source{Read: plan.Read{Key: name}}})
				values[name] = value
			}
			made, errs := Render(t.Context(), p, read(values), nil, nil)
			var got []string
			for _, err := range errs {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (made == nil) != (len(got) > 0) {
				t.Error("there must be either a Secret or problems")
			}
			if strings.Contains(strings.Join(got, "\n"), "planted") {
				t.Error("a message holds the value")
			}
		})
	}
}

// TestSharedSecretsMayLackEntries which another client makes; what is made itself must still be right.
func TestSharedSecretsMayLackEntries(t *testing.T) {
	for _, tc := range []struct{ name, kind, entry, value, problem string }{
		{"TLS", "kubernetes.io/tls", "tls.crt", "", ""},
		{"a registry's login", "kubernetes.io/dockerconfigjson", "other", "v", ""},
		{"a registry's login that is not JSON", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", "planted",
			"a Secret of type kubernetes.io/dockerconfigjson needs a JSON object in the entry .dockerconfigjson, which its value is not: check what is read, or change the type"},
		{"a login", "kubernetes.io/basic-auth", "other", "v", ""},
		{"an SSH key", "kubernetes.io/ssh-auth", "other", "v", ""},
		{"an empty SSH key", "kubernetes.io/ssh-auth", "ssh-privatekey", "",
			"a Secret of type kubernetes.io/ssh-auth needs the entry ssh-privatekey, which is missing or empty: add it, or change the type"},
	} {
		for _, sharing := range []plan.Sharing{plan.Merge, plan.CreateOrMerge} {
			t.Run(tc.name+" by "+string(sharing), func(t *testing.T) {
				p := entries(plan.Entry{Field: "spec.data[0]", Name: tc.entry, Source: plan.Source{Read: plan.Read{Key: "k"}}})
				p.Template.Type, p.Target.Sharing = tc.kind, sharing
				_, errs := Render(t.Context(), p, read(map[string]string{"k": tc.value}), nil, nil)
				got := ""
				if len(errs) > 0 {
					got = errs[0].Problem
				}
				if got != tc.problem || len(errs) > 1 {
					t.Errorf("got %v, want %q", errs, tc.problem)
				}
			})
		}
	}
}

func TestTheTypeOfASecretDefinitionIsInItsSpec(t *testing.T) {
	p := definition(plan.Entry{Field: "spec.keysMap[a]", Name: "a", Source: plan.Source{Read: plan.Read{Key: "k"}}})
	p.Template.Type = "kubernetes.io/ssh-auth"
	_, errs := Render(t.Context(), p, read(map[string]string{"k": "v"}), nil, nil)
	if len(errs) != 1 || errs[0].Field != "spec.type" {
		t.Errorf("got %v, want one problem of spec.type", errs)
	}
}

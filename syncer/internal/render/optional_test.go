package render

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// TestWhatIsGone renders plans whose reads may find nothing.
func TestWhatIsGone(t *testing.T) {
	optional := func(e plan.Entry) plan.Entry { e.Source.Optional = true; return e }
	hidden := func(e plan.Entry) plan.Entry { e.Use = plan.InTemplates; return e }
	there, gone := dataEntry("there"), optional(dataEntry("gone"))
	gone.Name = "gone"
	members := optional(fromEntry("spec.dataFrom[0]", "gone"))
	tree := optional(find(plan.Naming{Conversion: plan.Underscore}, "^x$"))
	made := plan.Template{Engine: template.Go, Made: []plan.Made{{Part: plan.InStringData, Name: "made"}}}
	templates := func(context.Context, *plan.Plan, []template.Entry) (template.Answer, error) {
		return template.Answer{Rendered: [][]byte{[]byte("text")}}, nil
	}
	none := Values{gone.Source: nil, members.Source: nil, tree.Source: nil}
	half := read(map[string]string{"there": "v"})
	half[gone.Source] = nil
	for _, tc := range []struct {
		name    string
		plan    plan.Plan
		values  Values
		want    map[string]string
		empty   bool
		problem string
	}{
		{"an entry that is gone is left out", plan.Plan{Entries: []plan.Entry{there, gone}}, half, map[string]string{"n": "v"}, false, ""},
		{"an entry that must be there and is not", plan.Plan{Entries: []plan.Entry{there, gone}}, none, nil, false, "there was not read"},
		{"an entry that came back", plan.Plan{Entries: []plan.Entry{gone}}, Values{gone.Source: read(map[string]string{"x": "v"})[dataEntry("x").Source]}, map[string]string{"gone": "v"}, false, ""},
		{"all are gone", plan.Plan{Entries: []plan.Entry{gone, members, tree}}, none, map[string]string{}, true, ""},
		{"a walk that finds none of its names", plan.Plan{Entries: []plan.Entry{tree}}, walk(tree, "team/a", "v"), map[string]string{}, true, ""},
		{"all are gone but data of the object itself", plan.Plan{Entries: []plan.Entry{gone}, Template: plan.Template{Data: map[string][]byte{"own": []byte("v")}}}, none, map[string]string{"own": "v"}, false, ""},
		{"all are gone but what templates make", plan.Plan{Entries: []plan.Entry{hidden(gone)}, Template: made}, none, map[string]string{"made": "text"}, false, ""},
		{"all are gone, and the Secret is to go with them, whatever templates make", plan.Plan{
			Target: plan.Target{DeleteEmpty: true}, Entries: []plan.Entry{hidden(gone)}, Template: made,
		}, none, map[string]string{}, true, ""},
		{"one is there, and the Secret stays", plan.Plan{Target: plan.Target{DeleteEmpty: true}, Entries: []plan.Entry{there, gone}}, half, map[string]string{"n": "v"}, false, ""},
		{"a type that needs entries is no reason to keep the Secret", plan.Plan{Entries: []plan.Entry{gone}, Template: plan.Template{Type: "kubernetes.io/tls"}}, none, map[string]string{}, true, ""},
		{"what was not read at all is not gone", plan.Plan{Target: plan.Target{DeleteEmpty: true}, Entries: []plan.Entry{gone}}, Values{}, nil, false, "gone was not read"},
		{"a plan that reads nothing is not empty", plan.Plan{}, Values{}, map[string]string{}, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.plan.Words = words
			secret, errs := Render(t.Context(), &tc.plan, tc.values, nil, templates)
			if tc.problem != "" {
				if secret != nil || len(errs) != 1 || errs[0].Problem != tc.problem {
					t.Errorf("got %v and the errors %v, want %q", secret, errs, tc.problem)
				}
				return
			}
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(secret.Data)); diff != "" || secret.Empty != tc.empty {
				t.Errorf("got Empty %v, want %v; -want +got:\n%s", secret.Empty, tc.empty, diff)
			}
		})
	}
}

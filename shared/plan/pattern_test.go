package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestPattern(t *testing.T) {
	for _, tc := range []struct{ name, pattern, problem string }{
		{"a pattern", `^team-a/(.*)$`, ""},
		{"what is none", `(`, "must be a regular expression (https://github.com/google/re2/wiki/Syntax): error parsing regexp: missing closing ): `(`"},
		{"one that repeats too much", `(abcdefghijk){1000}`, "must be a smaller pattern: repeat less within it"},
		{"one that is too long", strings.Repeat("a", plan.MaxText+1), "must not have more than 2048 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := plan.Pattern(tc.pattern); got != tc.problem {
				t.Errorf("got %q, want %q", got, tc.problem)
			}
		})
	}
}

func TestPatternsOfNames(t *testing.T) {
	const large = "a{1000}b{1000}c{1000}"
	for _, tc := range []struct {
		name     string
		patterns []string
		want     plan.List
		problem  string
	}{
		{"no pattern", nil, "", ""},
		{"one", []string{"^a"}, "^a", ""},
		{"several", []string{"^a", "b|c"}, "^a\nb|c", ""},
		{"an empty one, which could not be told from none", []string{""}, "", "spec.includes[0]: Required value: a pattern: .* is found in all names"},
		{"one that is none", []string{"a", "("}, "", "spec.includes[1]: Invalid value: \"(\": must be a regular expression " +
			"(https://github.com/google/re2/wiki/Syntax): error parsing regexp: missing closing ): `(`"},
		{"one that would be two", []string{"a\n"}, "", `spec.includes[0]: Invalid value: "a\n": must not have a line break: no name has one`},
		{"too many", slices.Repeat([]string{"a"}, 101), "", "spec.includes: Too many: 101: must have at most 100 items"},
		{"too large together", []string{large, large, large, large}, "",
			"spec.includes: Invalid value: must be smaller patterns together: repeat less within them"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := plan.Build(&metav1.ObjectMeta{Name: "db"}, schema.GroupVersionKind{Kind: "Example"}, &plan.Words{})
			got := b.Patterns(field.NewPath("spec", "includes"), tc.patterns)
			var problem string
			if _, errs := b.Done(); len(errs) > 0 {
				problem, got = errs.ToAggregate().Error(), ""
			}
			if got != tc.want || problem != tc.problem {
				t.Errorf("got %q and the errors %q, want %q and %q", got, problem, tc.want, tc.problem)
			}
		})
	}
}

func TestWhatTemplatesAloneSeeOverridesNothing(t *testing.T) {
	b := plan.Build(&metav1.ObjectMeta{Name: "db"}, schema.GroupVersionKind{Kind: "Example"}, &plan.Words{})
	for i, use := range []plan.Use{plan.Everywhere, plan.InSecret, plan.InTemplates} {
		b.Plan.Entries = append(b.Plan.Entries, plan.Entry{Field: field.NewPath("spec").Index(i).String(), Name: "a", Use: use})
	}
	b.Overridden(field.NewPath("spec", "template"))
	p, _ := b.Done()
	if diff := cmp.Diff([]string{"spec[0].name is spec[1]'s, too, which wins: remove one of them"}, p.Warnings); diff != "" {
		t.Errorf("warnings: -want +got:\n%s", diff)
	}
}

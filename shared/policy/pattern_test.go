package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// keyProblem judges one key by the text of an annotation, and returns what the annotation is said to
// do; it is empty where the key is permitted.
func keyProblem(t *testing.T, annotation, key string, legacy bool) string {
	t.Helper()
	p := planOf(plan.Store{Backend: backend.AWSSecretsManager}, read("spec.data[0].key", key))
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{names.AnnotationPermittedKeyName: annotation}}
	violations := policy.Check(p, ns, policy.Settings{Legacy: legacy})
	if len(violations) == 0 {
		return ""
	}
	prefix := fmt.Sprintf(`spec.data[0].key: Forbidden: %q is not permitted in namespace "core": annotation %s `,
		key, names.AnnotationPermittedKeyName)
	problem, found := strings.CutPrefix(violations[0].Error.Error(), prefix)
	if !found || len(violations) > 1 {
		t.Fatalf("not the one violation that is expected: %v", violations.Errors().ToAggregate())
	}
	return problem
}

func TestPatternsMatchWholeValues(t *testing.T) {
	for name, test := range map[string]struct {
		annotation, key string
		want            string // what the annotation is said to do; empty: permitted
	}{
		"the whole value matches":                        {"/dev/core/.*", "/dev/core/db", ""},
		"a match at the start is not enough":             {"/dev/core", "/dev/core/db", `allows "/dev/core"`},
		"a match at the end is not enough":               {"core/db", "/dev/core/db", `allows "core/db"`},
		"a match in the middle is not enough":            {"dev", "/prod/dev/db", `allows "dev"`},
		"any line may match":                             {"/a/.*\n/b/.*", "/b/db", ""},
		"all lines are shown where none matches":         {"/a/.*\n/b/.*", "/c/db", `allows "/a/.*", "/b/.*"`},
		"a blank line does not permit every key":         {"/a/.*\n\n", "/b", `allows "/a/.*"`},
		"lines may end in CR LF":                         {"/a/.*\r\n/b/.*\r\n", "/a/x", ""},
		"a blank line may end in CR LF":                  {"/a/.*\r\n\r\n", "/b", `allows "/a/.*"`},
		"white space in a line is part of its pattern":   {" /a/.*", "/a/x", `allows " /a/.*"`},
		"alternatives are anchored together":             {"/a/x|/a/y", "/a/y", ""},
		"the last alternative is anchored at its start":  {"/a/x|y", "/prod/y", `allows "/a/x|y"`},
		"the first alternative is anchored at its end":   {"/a/x|y", "/a/x/z", `allows "/a/x|y"`},
		"anchors of its own do no harm":                  {"^/a/.*$", "/a/x", ""},
		"multi-line mode does not undo the anchors":      {"(?m)^/a$", "/a\n/b", `allows "(?m)^/a$"`},
		"a dot does not match a line break":              {"/a/.*", "/a/x\ny", `allows "/a/.*"`},
		"flags work as RE2 has them":                     {"(?i)/A/.*", "/a/x", ""},
		"case counts":                                    {"/A/.*", "/a/x", `allows "/A/.*"`},
		"the shorter of two alternatives may be the one": {"/a|/a/b", "/a/b", ""},
		"a quotation may be left open":                   {`/a/\Qx.y`, "/a/x.y", ""},
		"a quotation left open quotes to its end":        {`/a/\Qx.y`, "/a/xzy", `allows "/a/\\Qx.y"`},
		"a quotation left open may end in a backslash":   {`\Qa\`, `a\`, ""},
		"a quotation cannot hide the end anchor":         {`/a/\Q`, "/a/x", `allows "/a/\\Q"`},
		"an annotation of blank lines is empty":          {" \n\t\n", "/a", `is empty, which permits nothing; ".*" permits everything`},
		"an empty annotation permits nothing":            {"", "/a", `is empty, which permits nothing; ".*" permits everything`},
		"an unanchored star is everything, as asked":     {".*", "/a/x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, keyProblem(t, test.annotation, test.key, false)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPatternsThatDoNotCompilePermitNothingAndSayWhy(t *testing.T) {
	for name, test := range map[string]struct{ annotation, want string }{
		"look-ahead": {
			"/(?=dev).*", "line 1 \"/(?=dev).*\" is not a valid RE2 pattern: look-ahead `(?=` is JavaScript's, not RE2's",
		},
		"negative look-ahead": {
			"(?!prod).*", "line 1 \"(?!prod).*\" is not a valid RE2 pattern: look-ahead `(?!` is JavaScript's, not RE2's",
		},
		"look-behind": {
			".*(?<=dev)", "line 1 \".*(?<=dev)\" is not a valid RE2 pattern: look-behind `(?<=dev)` is JavaScript's, not RE2's",
		},
		"negative look-behind": {
			".*(?<!prod)", "line 1 \".*(?<!prod)\" is not a valid RE2 pattern: look-behind `(?<!prod)` is JavaScript's, not RE2's",
		},
		"back-reference": {
			`(a|b)/\1`, "line 1 \"(a|b)/\\\\1\" is not a valid RE2 pattern: back-reference `\\1` is JavaScript's, not RE2's",
		},
		"named back-reference": {
			`(?<n>a)\k<n>`, "line 1 \"(?<n>a)\\\\k<n>\" is not a valid RE2 pattern: back-reference `\\k` is JavaScript's, not RE2's",
		},
		"escape from the anchors": {
			"a)|(b", "line 1 \"a)|(b\" is not a valid RE2 pattern: unexpected ): `a)|(b`",
		},
		"escape from the anchors on both sides": {
			"x)|.*|(?:y", "line 1 \"x)|.*|(?:y\" is not a valid RE2 pattern: unexpected ): `x)|.*|(?:y`",
		},
		"class that is left open": {
			"[a-z", "line 1 \"[a-z\" is not a valid RE2 pattern: missing closing ]: `[a-z`",
		},
		"a glob that begins with its star": {
			"*/dev", "line 1 \"*/dev\" is not a valid RE2 pattern: a * repeats what is before it, and nothing is",
		},
		"one bad line spoils the good ones": {
			".*\n\n[b", "line 3 \"[b\" is not a valid RE2 pattern: missing closing ]: `[b`",
		},
		"too deep": {
			strings.Repeat("(", 2000) + strings.Repeat(")", 2000),
			"line 1 \"" + strings.Repeat("(", 499) + "…\" is not a valid RE2 pattern: expression nests too deeply: `" + strings.Repeat("(", 499) + "…`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want + "; nothing is permitted until it is fixed"
			for _, legacy := range []bool{false, true} {
				if diff := cmp.Diff(want, keyProblem(t, test.annotation, "b", legacy)); diff != "" {
					t.Errorf("legacy %t: -want +got:\n%s", legacy, diff)
				}
			}
		})
	}
}

func TestLegacyMatchingIsUnanchoredAndEmptyMeansAll(t *testing.T) {
	for name, test := range map[string]struct {
		annotation, key string
		permitted       bool
	}{
		"a match in the middle is enough":        {"dev", "/prod/dev/db", true},
		"the pattern's own anchors count":        {"^/dev/", "/prod/dev/db", false},
		"no match":                               {"/dev/", "/prod/db", false},
		"an empty annotation permits everything": {"", "/prod/db", true},
		"so do blank lines alone":                {"\n \n", "/prod/db", true},
		"a blank line beside a pattern does not": {"/dev/\n\n", "/prod/db", false},
		"any line may match, as it does now":     {"/dev/\n/prod/", "/prod/db", true},
	} {
		t.Run(name, func(t *testing.T) {
			if problem := keyProblem(t, test.annotation, test.key, true); (problem == "") != test.permitted {
				t.Errorf("permitted should be %t; the problem is %q", test.permitted, problem)
			}
		})
	}
}

func TestPatternsThatWouldExhaustTheServicesAreRefusedBeforeTheyAreCompiled(t *testing.T) {
	const large = "holds patterns that are too large; nothing is permitted until they are fewer or repeat less"
	for name, annotation := range map[string]string{
		"repetitions side by side":    strings.Repeat(`x{1000}`, 3000),
		"repeated character classes":  strings.Repeat(strings.Repeat(`\pL{1000}`, 27)+"\n", 1000),
		"optional repetitions":        strings.Repeat(`(?:.?){1000}`, 1000),
		"unbounded repetitions":       strings.Repeat(`(?:.*a){900,}`, 100),
		"very many lines":             strings.Repeat("ab\n", 80000),
		"a long line":                 strings.Repeat("a", 250000),
		"repetitions of repetitions":  strings.Repeat(`(?:(?:.?){30}){30}`, 100),
		"long ones on several lines":  strings.Repeat(strings.Repeat(`x{900}`, 10)+"\n", 3),
		"the good one comes too late": strings.Repeat("y{1000}\n", 30) + ".*",
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(large, keyProblem(t, annotation, "a", false)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMatchingEndsWhereAnObjectReadsTooMuchForItsPatterns(t *testing.T) {
	var entries []plan.Entry
	for i := range 1000 {
		entries = append(entries, read(fmt.Sprintf("spec.dataFrom[%d]", i), strings.Repeat("x", 2000)+fmt.Sprint(i)))
	}
	p := planOf(plan.Store{Backend: backend.AWSSecretsManager}, entries...)
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{
		names.AnnotationPermittedKeyName: "(?:.?){1000}|" + strings.Repeat("x", 15000),
	}}
	violations := policy.Check(p, ns, policy.Settings{})
	want := fmt.Sprintf(`spec.dataFrom[999]: Forbidden: %q is not permitted in namespace "core": annotation %s `+
		"holds patterns that are too large for all that this object reads: use fewer or simpler ones, or several objects",
		strings.Repeat("x", 199)+"…", names.AnnotationPermittedKeyName)
	if diff := cmp.Diff(want, violations[len(violations)-1].Error.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALargeButHonestAnnotationIsHonoured(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("arn:aws:secretsmanager:eu-west-1:1234567890%02d:secret:team-%d/.*", i%100, i))
	}
	if problem := keyProblem(t, strings.Join(lines, "\n"), "arn:aws:secretsmanager:eu-west-1:123456789099:secret:team-299/db", false); problem != "" {
		t.Error(problem)
	}
}

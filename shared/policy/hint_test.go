package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/policy"
)

func TestGlobsAreTold(t *testing.T) {
	for name, test := range map[string]struct {
		pattern  string
		repeated string // what its * repeats; empty: it is no glob
	}{
		"a role with any ending":              {"arn:aws:iam::1:role/production-*", "-"},
		"a folder with anything in it":        {"a/dev/*", "/"},
		"a folder with something in it":       {"a/dev/*/db", "/"},
		"an account that is left open":        {"arn:aws:iam::*:role/core", ":"},
		"a word with any ending":              {"production*", "n"},
		"a word with any ending, any case":    {"(?i)production*", "N"},
		"a glob among alternatives":           {"/a/.*|/b/*", "/"},
		"a glob in a group at the end":        {"/dev/(core-*)", "-"},
		"a glob with an anchor before it":     {"^/dev/*", "/"},
		"any text":                            {".*", ""},
		"any text below a folder":             {"/dev/.*", ""},
		"a class":                             {"/dev/[a-z]*", ""},
		"a class with a name":                 {`/dev/\w*`, ""},
		"a group":                             {"/dev(/[^/]+)*", ""},
		"a star within, of a letter":          {"/lo*se/db", ""},
		"a star that is itself meant":         {`/dev/\*`, ""},
		"a star in a quotation":               {`\Q/dev/*`, ""},
		"a star of a user who knows laziness": {"/dev/*?", ""},
		"some slashes":                        {"/dev/+", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			if test.repeated != "" {
				want = []string{"annotation " + keyName + `: line 2 "` + test.pattern + `" looks like a glob: in a regular expression * repeats the "` +
					test.repeated + `" before it; write .* for any text`}
			}
			got := policy.Hints(annotations{keyName: "/ours/.*\n" + test.pattern + "\r"}, policy.Settings{})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestManyGlobsAreCounted(t *testing.T) {
	got := policy.Hints(annotations{keyName: strings.Repeat("a/*\n", 5)}, policy.Settings{})
	if want := "annotation " + keyName + ": 2 more lines look like globs"; len(got) != 4 || got[3] != want {
		t.Errorf("got %q, want three lines and %q", got, want)
	}
}

func TestRolesThatAreNoARNsAreTold(t *testing.T) {
	const hint = "; a role of AWS is matched as a whole ARN: write arn:aws:iam::ACCOUNT:role/NAME instead of NAME, or .*:role/NAME for any account"
	for name, test := range map[string]struct {
		text string
		told bool
	}{
		"a name, as kiam has it":               {"core-reader", true},
		"names with any ending":                {"^core-.*", true},
		"some names":                           {"core-reader\ncore-writer\n", true},
		"an ARN":                               {"arn:aws:iam::1:role/core", false},
		"an ARN of Alibaba Cloud":              {"acs:ram::1:role/core", false},
		"an ARN beside a role of Vault":        {"core\narn:aws:iam::1:role/core", false},
		"anything":                             {".*", false},
		"any account":                          {".*:role/core", false},
		"a beginning of an ARN":                {"ar.*", false},
		"alternatives, which may be ARNs":      {"(arn:aws:iam::1:role/a|b)", false},
		"an empty annotation has another word": {"", false},
		"so has one that cannot be compiled":   {"core-[", false},
		"an ARN of which any begins":           {"^arn:.*", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy.Hints(annotations{role: test.text, keyName: "core"}, policy.Settings{}); len(got) > 0 {
				t.Errorf("got %q of the namespace alone, which may use Vault, want nothing", got)
			}
			of := policy.Namespace{Name: "core", Annotations: annotations{role: test.text}}
			for _, v := range policy.Check(aws("arn:aws:iam::2:role/other", read("spec.data[0].key", "k")), of, policy.Settings{}) {
				if told := strings.HasSuffix(v.Detail, hint); told != test.told {
					t.Errorf("got a denial of a role of AWS that says %q, want the hint in it: %t", v.Detail, test.told)
				}
			}
			for _, v := range policy.Check(vault("kubernetes", "other"), of, policy.Settings{}) {
				if strings.Contains(v.Detail, "ARN") {
					t.Errorf("got a denial of a role of Vault that says %q, want no word on ARNs", v.Detail)
				}
			}
		})
	}
}

func TestNothingIsSaidWhereAMatchAnywhereCounts(t *testing.T) {
	if got := policy.Hints(annotations{keyName: "a/*", role: "core"}, policy.Settings{Legacy: true}); len(got) > 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestHintsFollowRenamedAnnotations(t *testing.T) {
	of := policy.Namespace{Name: "core", Annotations: annotations{"corp/role": "core", role: "core"}}
	got := policy.Check(aws("arn:aws:iam::2:role/core", read("spec.data[0].key", "k")), of, policy.Settings{RoleAnnotation: "corp/role"})
	want := `annotation corp/role allows "core"; a role of AWS is matched as a whole ARN: `
	if len(got) != 1 || !strings.Contains(got[0].Detail, want) {
		t.Errorf("got %q, want one denial that says %q", got, want)
	}
}

package policy_test

import (
	"slices"
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
			got := policy.Hints(annotations{role: test.text, keyName: "core"}, policy.Settings{})
			var want []string
			if test.told {
				want = []string{"annotation " + role + " permits no AWS role, as none of its lines matches an ARN: write " +
					"arn:aws:iam::ACCOUNT:role/NAME instead of NAME, or .*:role/NAME for any account; only a role of Vault is matched by its name"}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
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
	got := policy.Hints(annotations{"corp/role": "core", role: "core"}, policy.Settings{RoleAnnotation: "corp/role"})
	if !slices.ContainsFunc(got, func(text string) bool { return strings.HasPrefix(text, "annotation corp/role ") }) || len(got) != 1 {
		t.Errorf("got %q, want a sentence on corp/role alone", got)
	}
}

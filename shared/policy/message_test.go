package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

func TestMessage(t *testing.T) {
	ns := policy.Namespace{Name: "core", Annotations: annotations{
		keyName: "/core/.*\n/shared/.*", names.AnnotationPermittedRegion: "eu-west-1", names.AnnotationPermittedProject: "core",
	}}
	many := make([]plan.Entry, 1000)
	for i := range many {
		many[i] = read(fmt.Sprintf("spec.dataFrom[%d]", i), fmt.Sprintf("/prod/%d", i))
	}
	for name, test := range map[string]struct {
		plan *plan.Plan
		want string
	}{
		"one violation": {
			aws("", read("spec.data[0].key", "/prod/a")),
			"not allowed to fetch secret: core/db: key name /prod/a does not match naming convention /core/.*\n/shared/.*: " +
				`spec.data[0].key: Forbidden: "/prod/a" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*", "/shared/.*"`,
		},
		"several violations": {
			aws("", walk("spec.data[0]", "/prod"), read("spec.data[1].key", "/x")),
			"not allowed to fetch secret: core/db: path /prod does not match naming convention /core/.*\n/shared/.*: " +
				`[spec.data[0].path: Forbidden: "/prod" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*", "/shared/.*", ` +
				`spec.data[1].key: Forbidden: "/x" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core/.*", "/shared/.*"]`,
		},
		"what KES did not judge has no sentence of KES": {
			planOf(plan.Store{Backend: backend.GCPSecretManager, Container: "prod"}),
			`not allowed to fetch secret: core/db: spec.projectId: Forbidden: "prod" is not permitted in namespace "core": annotation ` +
				names.AnnotationPermittedProject + ` allows "core"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := policy.Check(test.plan, ns, policy.Settings{}).Message("core/db")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("a thousand violations are counted rather than listed", func(t *testing.T) {
		got := policy.Check(aws("", many...), ns, policy.Settings{}).Message("core/db")
		if !strings.HasSuffix(got, " and 980 more") || strings.Contains(got, "/prod/20") || !strings.Contains(got, "/prod/19") {
			t.Errorf("it should list 20 of 1000: %s", got)
		}
	})
}

func TestAHugeAnnotationDoesNotMakeHugeMessages(t *testing.T) {
	entries := make([]plan.Entry, 3000)
	for i := range entries {
		entries[i] = read(fmt.Sprintf("spec.dataFrom[%d]", i), strings.Repeat("k", 2048))
	}
	for name, annotation := range map[string]string{
		"a long pattern":         strings.Repeat("p", 19_000),
		"many patterns":          strings.Repeat("pattern\n", 2000),
		"many blank lines":       "p" + strings.Repeat("\n ", 120_000) + "\np",
		"a bad pattern":          strings.Repeat("p", 250_000) + "(",
		"patterns of wide runes": strings.Repeat("ﷺ", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			violations := policy.Check(aws("", entries...), policy.Namespace{Name: "core", Annotations: annotations{keyName: annotation}}, policy.Settings{})
			if len(violations) != len(entries) {
				t.Fatalf("%d violations", len(violations))
			}
			for _, v := range violations {
				if size := max(len(v.Error.Error()), len(v.Reason)); size > 8000 {
					t.Fatalf("a message of %d bytes", size)
				}
			}
			if size := len(violations.Message("core/db")); size > 200_000 {
				t.Errorf("all in one: %d bytes", size)
			}
		})
	}
}

func TestCheckWalkedJudgesEveryNameThatAWalkReturned(t *testing.T) {
	ns := policy.Namespace{Name: "core", Annotations: annotations{keyName: "/core(/[a-z]+)*", role: "none"}}
	found := []string{"/core/db", "/core/DB", "/core/x/y", "/core/2"}
	got := verdictOf(policy.CheckWalked(walk("spec.data[3]", "/core"), found, ns, policy.Settings{Enforce: true}))
	want := verdict{
		Errors: []string{
			`spec.data[3].path: Forbidden: "/core/DB" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core(/[a-z]+)*"`,
			`spec.data[3].path: Forbidden: "/core/2" is not permitted in namespace "core": annotation ` + keyName + ` allows "/core(/[a-z]+)*"`,
		},
		Reasons: []string{
			"key name /core/DB does not match naming convention /core(/[a-z]+)*",
			"key name /core/2 does not match naming convention /core(/[a-z]+)*",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAdoptPermittedNeedsExactlyTrue(t *testing.T) {
	var permitted []string
	for _, value := range []string{"true", "True", "TRUE", "yes", "1", " true", "", "false"} {
		if policy.AdoptPermitted(policy.Namespace{Annotations: annotations{names.AnnotationPermitAdopt: value}}) {
			permitted = append(permitted, value)
		}
	}
	if !slices.Equal(permitted, []string{"true"}) {
		t.Errorf("permitted by %q", permitted)
	}
	if policy.AdoptPermitted(policy.Namespace{}) {
		t.Error("permitted without the annotation")
	}
}

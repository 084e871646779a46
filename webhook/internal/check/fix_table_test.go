package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect"
)

// converted is kind Reader with deprecated fields that no dialect has.
type converted struct{ readers }

func (*converted) Deprecations() dialect.Deprecations {
	return dialect.Deprecations{
		Moves: []dialect.Move{
			{From: dialect.Path{"content"}, To: dialect.Path{"data"}, Form: dialect.Map},
			{From: dialect.Path{"data", "name"}, To: dialect.Path{"data", "key"}, Form: dialect.Text},
			{From: dialect.Path{"data", "far"}, To: dialect.Path{"other", "place"}, Form: dialect.Text},
		},
		Spellings: []dialect.Spelling{{At: dialect.Path{"mode"}, Old: "on", New: "enabled"}},
	}
}

func TestFixGoesByTheTable(t *testing.T) {
	const head = "apiVersion: fake.example/v1\nkind: Reader\nmetadata: {name: a, namespace: core}\n"
	for name, tc := range map[string]struct {
		before, after string
		notes         []string
	}{
		"a whole field, one within it and a spelling": {
			"content:\n  name: k # why\nmode: 'on'\n", "data:\n  key: k # why\nmode: 'enabled'\n", []string{
				"4:1: fixed: core/a: data: was content",
				"5:8: fixed: core/a: data.key: was content.name",
				"6:7: fixed: core/a: mode: was on",
			},
		},
		"one that moves far": {
			"data: {far: x}\n", "data: {far: x}\n", []string{
				"4:13: error: core/a: data.far: is left as it is: its new place is too far away: move it to other.place by hand",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Checker{Kinds: []dialect.Kind{&converted{}}}
			if err := c.prepare(); err != nil {
				t.Fatal(err)
			}
			fixed, notes := c.fix("a.yaml", []byte(head+tc.before))
			if diff := cmp.Diff(head+tc.after, string(fixed)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			var got []string
			for _, n := range notes {
				got = append(got, strings.TrimPrefix(compiler(n), "a.yaml:"))
			}
			if diff := cmp.Diff(tc.notes, got); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

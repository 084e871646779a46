package admit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect"
)

// TestConvertGoesByTheTable converts by one that no dialect has.
func TestConvertGoesByTheTable(t *testing.T) {
	table := dialect.Deprecations{
		Moves: []dialect.Move{
			{From: dialect.Path{"content"}, To: dialect.Path{"data"}, Form: dialect.Map},
			{From: dialect.Path{"data", "far", "away"}, To: dialect.Path{"other", "place"}, Form: dialect.Text},
			{From: dialect.Path{"data", "options"}, To: dialect.Path{"data", "settings"}, Form: dialect.Map},
		},
		Spellings: []dialect.Spelling{{At: dialect.Path{"mode"}, Old: "on", New: "enabled"}},
	}
	for name, tc := range map[string]struct {
		table         dialect.Deprecations
		object, want  string
		warnings      []string
		conflictPaths []string
	}{
		"a whole field, and what is deprecated within it": {
			table: table, object: `{"content": {"options": {"a": 1}}}`, want: `{"data": {"settings": {"a": 1}}}`,
			warnings: []string{"content is deprecated: use data", "content.options is deprecated: use data.settings"},
		},
		"a field that moves to another one": {
			table: table, object: `{"data": {"far": {"away": "x", "b": 1}}}`, want: `{"data": {"far": {"b": 1}}, "other": {"place": "x"}}`,
			warnings: []string{"data.far.away is deprecated: use other.place"},
		},
		"a top-level spelling": {
			table: table, object: `{"mode": "on"}`, want: `{"mode": "enabled"}`, warnings: []string{"mode on is deprecated: use enabled"},
		},
		"a field of another form stays": {
			table: table, object: `{"data": {"options": "x"}}`, want: `{"data": {"options": "x"}}`,
		},
		"both names": {
			table: table, object: `{"data": {"options": {"a": 1}, "settings": {"b": 1}}}`, want: `{"data": {"options": {"a": 1}, "settings": {"b": 1}}}`,
			conflictPaths: []string{"data.options"},
		},
		"an empty table": {object: `{"content": {"options": {}}, "mode": "on"}`, want: `{"content": {"options": {}}, "mode": "on"}`},
	} {
		t.Run(name, func(t *testing.T) {
			object := decoded(t, tc.object)
			got := Convert(tc.table, object, nil, Writer{})
			if diff := cmp.Diff(decoded(t, tc.want), got.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.conflictPaths, pathsOf(got.Conflicts)); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			raw := marshal(t, patch(tc.table, object, got.Object))
			if diff := cmp.Diff(normal(t, got.Object), applyPatch(t, object, raw)); diff != "" {
				t.Errorf("the patch %s leads elsewhere (-want +got):\n%s", raw, diff)
			}
		})
	}
}

package admit

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/secretgate/secretgate/shared/dialect"
)

// patch lists the operations (RFC 6902) that make a converted object of the original. They name the
// fields that conversion changed and no others: what is not in them passes byte by byte, whether
// we know it or not.
func patch(d dialect.Deprecations, original, converted map[string]any) []jsonpatch.Operation {
	var operations []jsonpatch.Operation
	for _, name := range topLevel(d) {
		before, _ := original[name].(map[string]any)
		after, _ := converted[name].(map[string]any)
		if len(before) > 0 && len(after) > 0 {
			operations = append(operations, members("/"+name+"/", before, after)...)
		} else {
			operations = append(operations, members("/", only(original, name), only(converted, name))...)
		}
	}
	return operations
}

// topLevel lists the top-level fields that conversion may change.
func topLevel(d dialect.Deprecations) []string {
	var names []string
	add := func(p dialect.Path) {
		if !slices.Contains(names, p[0]) {
			names = append(names, p[0])
		}
	}
	for _, m := range d.Moves {
		add(m.From)
		add(m.To)
	}
	for _, s := range d.Spellings {
		add(s.At)
	}
	return names
}

// members compares two objects member by member. "add" also replaces.
func members(at string, before, after map[string]any) []jsonpatch.Operation {
	var operations []jsonpatch.Operation
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[name]; !stays {
			operations = append(operations, jsonpatch.NewOperation("remove", at+escape(name), nil))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if was, there := before[name]; !there || !reflect.DeepEqual(was, after[name]) {
			operations = append(operations, jsonpatch.NewOperation("add", at+escape(name), after[name]))
		}
	}
	return operations
}

func only(object map[string]any, name string) map[string]any {
	if value, there := object[name]; there {
		return map[string]any{name: value}
	}
	return nil
}

// escape writes a member's name as part of a JSON pointer (RFC 6901).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

package dialecttest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect"
)

// covered proves that the examples of a kind use each field of its schema, and no other. Those that are denied count, too, and those of
// another kind with the same spec.
func (r *runner) covered(t *testing.T, kind typed) {
	t.Helper()
	schema, used := schemaOf(kind.Type()), map[string]bool{}
	for name, doc := range r.documents(kind) {
		for _, unknown := range pruned(schema, doc, nil) {
			t.Errorf("%s: the schema does not know %s", name, unknown)
		}
	}
	for _, alike := range r.alike(kind) {
		for _, doc := range r.documents(alike) {
			visit(doc, nil, func(at []any, _ any) { used[kindOfPath(at)] = true })
		}
	}
	for _, field := range fields(schema, nil) {
		if !used[field] {
			t.Errorf("no example of a %s has %s", kind.Type().Kind, field)
		}
	}
}

// alike are the kinds with the spec of one, that one included.
func (r *runner) alike(kind typed) []typed {
	all := []typed{kind}
	spec, _ := get(schemaOf(kind.Type()), dialect.Path{"properties", "spec"})
	for _, other := range r.stores {
		same, _ := get(schemaOf(other.Type()), dialect.Path{"properties", "spec"})
		if spec != nil && reflect.DeepEqual(spec, same) {
			all = append(all, other)
		}
	}
	return all
}

// documents are the examples of a kind, by their names.
func (r *runner) documents(kind typed) map[string]document {
	all := map[string]document{}
	for _, e := range r.examples {
		if e.kind == kind {
			all[e.name] = e.doc
		}
	}
	for _, s := range r.stored {
		if s.kind == kind {
			all[s.ref.String()] = s.doc
		}
	}
	for _, d := range r.denied {
		if d.Type().GroupVersionKind == kind.Type().GroupVersionKind {
			all[d.name+", which is denied"] = d.doc
		}
	}
	return all
}

// kindOfPath is a path with the same index for all elements of a list.
func kindOfPath(at []any) string {
	same := slices.Clone(at)
	for i := range same {
		if _, index := same[i].(int); index {
			same[i] = 0
		}
	}
	return pathOf(same)
}

// fields lists what a schema names of an object that its author writes, such as spec.data[0].key.
func fields(schema document, at []any) (all []string) {
	if items, ok := schema["items"].(document); ok {
		return fields(items, append(slices.Clone(at), 0))
	}
	properties, _ := schema["properties"].(document)
	for _, name := range sortedKeys(properties) {
		member, _ := properties[name].(document)
		if next := append(slices.Clone(at), name); len(at) > 0 || name != "status" && name != "metadata" {
			all = append(append(all, pathOf(next)), fields(member, next)...)
		}
	}
	return all
}

package dialecttest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/secretgate/secretgate/shared/plan"
)

// edit is a change of one place of a document.
type edit struct {
	what string // such as spec.data[0].key = null
	at   []any  // members by their names, elements by their indexes
	to   any    // removed: it is taken away
}

// removed is no value of JSON.
type removed struct{}

// apply makes the edit in a copy.
func (e edit) apply(doc document) document {
	changed, ok := set(runtime.DeepCopyJSON(doc), e.at, e.to).(document)
	if !ok {
		return document{}
	}
	return changed
}

// set is a value of JSON with another one at a place within.
func set(value any, at []any, to any) any {
	if len(at) == 0 {
		return to
	}
	switch parent := value.(type) {
	case document:
		name, _ := at[0].(string)
		if _, gone := to.(removed); gone && len(at) == 1 {
			delete(parent, name)
			return parent
		}
		parent[name] = set(parent[name], at[1:], to)
		return parent
	case []any:
		i, _ := at[0].(int)
		if _, gone := to.(removed); gone && len(at) == 1 {
			return slices.Delete(parent, i, i+1)
		}
		parent[i] = set(parent[i], at[1:], to)
		return parent
	default:
		return value
	}
}

// visit calls for each value below a place, that place included, in order.
func visit(value any, at []any, call func(at []any, value any)) {
	call(at, value)
	switch parent := value.(type) {
	case document:
		for _, name := range sortedKeys(parent) {
			visit(parent[name], append(slices.Clone(at), name), call)
		}
	case []any:
		for i, element := range parent {
			visit(element, append(slices.Clone(at), i), call)
		}
	}
}

// pathOf writes a place as messages do.
func pathOf(at []any) string {
	var path strings.Builder
	for _, step := range at {
		switch name, ok := step.(string); {
		case !ok:
			_, _ = fmt.Fprintf(&path, "[%v]", step)
		case path.Len() > 0:
			path.WriteString("." + name)
		default:
			path.WriteString(name)
		}
	}
	return path.String()
}

// hostile are values that an object may hold anywhere: an older schema let them pass, or none was there.
func hostile() map[string]any {
	return map[string]any{
		"nothing": removed{}, "null": nil, "empty text": "", "an empty object": document{}, "an empty list": []any{}, "a text": "text",
		"a list of null": []any{nil}, "an object of null": document{"a": nil}, "a number": 7.0, "a negative number": -1.0, "a fraction": 1.5,
		"a huge number": 1e30, "true": true, "a very long text": strings.Repeat("a", 70_000), "control characters": "a\x00\u202e\nb",
		"another path": "../x", "white space": " ", "a deep list": deep(2000),
	}
}

func deep(n int) any {
	var value any = "x"
	for range n {
		value = []any{value}
	}
	return value
}

// mutations are all edits of a document that its author may have meant ill, or by mistake.
func mutations(doc document) []edit {
	var all []edit
	visit(doc, nil, func(at []any, value any) {
		if len(at) == 0 || at[0] == "apiVersion" || at[0] == "kind" {
			return
		}
		add := func(what string, to any) {
			all = append(all, edit{what: pathOf(at) + " = " + what, at: at, to: to})
		}
		values := hostile()
		for _, what := range sortedKeys(values) {
			add(what, values[what])
		}
		switch value := value.(type) {
		case []any:
			if len(value) > 0 {
				add("its first element many times", slices.Repeat(value[:1], plan.MaxEntries+1))
				add("its first element twice", slices.Repeat(value[:1], 2))
			}
		case document:
			for _, each := range []any{7.0, "a\x00", document{}} {
				same := document{}
				for name := range value {
					same[name] = each
				}
				add(fmt.Sprintf("each member %q", fmt.Sprint(each)), same)
			}
			for _, name := range sortedKeys(value) {
				for _, other := range []string{"", "..", "a/b\n", "\u202e"} {
					renamed := runtime.DeepCopyJSON(value)
					renamed[other] = renamed[name]
					delete(renamed, name)
					add(fmt.Sprintf("with %q for %s", other, name), renamed)
				}
			}
		}
	})
	return all
}

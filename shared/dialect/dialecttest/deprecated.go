package dialecttest

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/secretgate/secretgate/shared/dialect"
)

// deprecated proves that the table of deprecated fields says what Plan understands: an example that is written with one has the same
// plan as it has without.
func (r *runner) deprecated(t *testing.T) {
	for _, kind := range r.kinds {
		converter, ok := kind.(dialect.Converter)
		if !ok {
			continue
		}
		table := converter.Deprecations()
		for _, move := range table.Moves {
			r.converge(t, kind, strings.Join(move.From, ".")+" for "+strings.Join(move.To, "."), func(doc document) document {
				return written(doc, move)
			})
		}
		for _, spelling := range table.Spellings {
			r.converge(t, kind, spelling.Old+" for "+spelling.New, func(doc document) document {
				if value, found := get(doc, spelling.At); !found || value != spelling.New {
					return nil
				}
				return put(doc, spelling.At, spelling.Old)
			})
		}
	}
}

// converge compares examples with how they may be written, too. What does not apply to an example gives nothing.
func (r *runner) converge(t *testing.T, kind dialect.Kind, what string, write func(document) document) {
	t.Helper()
	compared := 0
	for _, e := range r.examples {
		doc := write(e.doc)
		if e.kind != kind || doc == nil {
			continue
		}
		compared++
		p, errs := kind.Plan(mustDecode(t, doc, kind.New()), r.known)
		if len(errs) > 0 {
			t.Errorf("%s, with %s: %v", e.name, what, errs.ToAggregate())
			continue
		}
		if diff := diffPlans(r.mustPlan(t, e), p); diff != "" {
			t.Errorf("%s, with %s: means something else: -want +got:\n%s", e.name, what, diff)
		}
	}
	if compared == 0 {
		t.Errorf("no example can be written with %s", what)
	}
}

// written is a document with a value under its deprecated name; nil where it lacks the value, or has the deprecated one.
func written(doc document, move dialect.Move) document {
	value, found := get(doc, move.To)
	if _, both := get(doc, move.From); !found || both {
		return nil
	}
	switch move.Form {
	case dialect.Text:
		_, found = value.(string)
	case dialect.Items:
		_, found = value.([]any)
	case dialect.Map:
		_, found = value.(document)
	}
	if !found {
		return nil
	}
	moved := put(doc, move.From, value)
	last := len(move.To) - 1
	if parent, ok := get(moved, move.To[:last]); ok {
		if fields, ok := parent.(document); ok {
			delete(fields, move.To[last])
		}
	}
	return moved
}

// get is the value at a path.
func get(doc document, path dialect.Path) (value any, found bool) {
	value = doc
	for _, name := range path {
		fields, ok := value.(document)
		if value, found = fields[name]; !ok || !found {
			return nil, false
		}
	}
	return value, true
}

// put is a copy with a value at a path.
func put(doc document, path dialect.Path, value any) document {
	changed := runtime.DeepCopyJSON(doc)
	fields := changed
	for _, name := range path[:len(path)-1] {
		next, ok := fields[name].(document)
		if !ok {
			next = document{}
			fields[name] = next
		}
		fields = next
	}
	fields[path[len(path)-1]] = runtime.DeepCopyJSONValue(value)
	return changed
}

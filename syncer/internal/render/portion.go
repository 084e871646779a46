package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// portion is what an entry takes of what was read, in the place of its value.
func (r *renderer) portion(e *plan.Entry, value driver.Value) (driver.Value, error) {
	switch e.Portion {
	case plan.Metadata:
		if len(value.Metadata) == 0 {
			return driver.Value{Data: []byte("{}")}, nil
		}
		return driver.Value{Data: value.Metadata}, nil
	case plan.Answer:
		if len(value.Metadata) > 0 {
			return r.answer(e, value)
		}
	case plan.WholeValue:
	}
	return value, nil
}

// answer is a value and what the backend says of it.
func (r *renderer) answer(e *plan.Entry, value driver.Value) (driver.Value, error) {
	const before, between, after = `{"data":`, `,"metadata":`, `}`
	size := len(before) + len(value.Data) + len(between) + len(value.Metadata) + len(after)
	if err := r.budget.takeBytes(size); err != nil {
		return driver.Value{}, err
	}
	if !json.Valid(value.Data) {
		return driver.Value{}, fmt.Errorf("the value of %s is not JSON, as a part of its answer must be: read it without", e.Source.Key)
	}
	made := append(make([]byte, 0, size), before...)
	made = append(append(append(append(made, value.Data...), between...), value.Metadata...), after...)
	return driver.Value{Data: made}, nil
}

// portionOf is an entry's portion in words.
func portionOf(e *plan.Entry) string {
	switch e.Portion {
	case plan.Metadata:
		return "the metadata"
	case plan.Answer:
		return "the answer"
	case plan.WholeValue:
	}
	return "the value"
}

// takenNames are those of an object's members that an entry takes. They are sorted, so that the first problem is always the same one.
func (r *renderer) takenNames(e *plan.Entry, members map[string]span) ([]string, error) {
	names := slices.Sorted(maps.Keys(members))
	if e.Matching+e.Excluding == "" {
		return names, nil
	}
	taken := names[:0]
	for _, name := range names {
		takes, err := r.takes(e, name)
		if err != nil {
			return nil, err
		}
		if takes {
			taken = append(taken, name)
		}
	}
	return taken, nil
}

// forTemplates proves that templates can parse what an entry makes, where they take it for JSON. A parser would put other characters
// where it has bytes that are no text.
func (r *renderer) forTemplates(e *plan.Entry, made part) error {
	t := &r.plan.Template
	if !t.Options.JSON || len(t.Made) == 0 || !e.Use.For(plan.InTemplates) {
		return nil
	}
	if e.Kind == plan.Single {
		return r.isJSON(subject(e), made.data)
	}
	for _, name := range slices.Sorted(maps.Keys(made.entries)) {
		if err := r.isJSON("the value of the entry "+name, made.entries[name]); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) isJSON(subject string, data []byte) error {
	if err := r.budget.takeWork(len(data)); err != nil {
		return err
	}
	switch {
	case !json.Valid(data):
		return fmt.Errorf("%s is not JSON, which templates take it for: store it so", subject)
	case !utf8.Valid(data):
		return textProblem(errNotUTF8, subject)
	case loneSurrogate(data):
		return textProblem(errSurrogate, subject)
	}
	return nil
}

package render

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/secretgate/secretgate/shared/plan"
)

// errPath is what gjson makes of no path: GJSONPath accepts none on which it is known to fail.
var errPath = errors.New("gjson cannot evaluate it: use a simpler path")

// find looks a property up in the syntax of its entry.
func (d *document) find(e *plan.Entry) ([]byte, error) {
	if e.Syntax == plan.Lodash {
		return d.lookup(e.Property)
	}
	if d == nil {
		return nil, errNotJSON
	}
	if problem := plan.GJSONPath(e.Property); problem != "" {
		return nil, &pathError{problem}
	}
	first, second := d.own, d.gjson
	if e.Syntax == plan.GJSONPathFirst {
		first, second = second, first
	}
	found, err := first(e.Property)
	if errors.Is(err, errNotFound) {
		return second(e.Property)
	}
	return found, err
}

// pathError is why a path is not evaluated.
type pathError struct{ problem string }

func (e *pathError) Error() string { return e.problem }

// own is the document's own member of exactly that name; of two, the last.
func (d *document) own(name string) ([]byte, error) {
	if err := d.budget.takeWork(len(name)); err != nil {
		return nil, err
	}
	if d.data[d.root.from] != '{' {
		return nil, errNotFound
	}
	at, err := d.step(d.root, name)
	if err != nil {
		return nil, err
	}
	return d.exact(at)
}

// gjson is what gjson finds at a path that plan.GJSONPath accepts. gjson looks for a bracket even in a text, so that it is only given
// objects and arrays. The document is known to be JSON, which gjson does not check.
func (d *document) gjson(path string) (found []byte, err error) {
	data := d.data[d.root.from:d.root.to]
	if data[0] != '{' && data[0] != '[' {
		return nil, errNotFound
	}
	if err := d.takeGJSON(data, path); err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil { // a fault of the library's, whose words may be a value
			found, err = nil, errPath
		}
	}()
	result := gjson.GetBytes(data, path)
	switch {
	case !result.Exists():
		return nil, errNotFound
	case result.Raw == "": // gjson made it itself
		return []byte(result.String()), nil
	}
	return exactText(d.budget, []byte(result.Raw))
}

// takeGJSON takes the work of a path. Plain names go through the document once. Each # and each pipe does so again, with the path's own
// text read for each item, and a * compares it with each name.
func (d *document) takeGJSON(data []byte, path string) error {
	if !strings.ContainsAny(path, `#|@*?`) {
		return d.budget.takeWork(len(data) + len(path))
	}
	items := 1 + bytes.Count(data, []byte{','}) + bytes.Count(data, []byte{'['}) + bytes.Count(data, []byte{'{'})
	if err := d.budget.takeMembers(items); err != nil {
		return err
	}
	through := 1 + strings.Count(path, "#") + strings.Count(path, "|") + strings.Count(path, "@")
	if strings.ContainsAny(path, `*?`) {
		through *= len(path)
	}
	return d.budget.takeWork(len(data)*through + items*len(path))
}

// exact is what a JSON value becomes in a Secret where value does not decide: strings their text, null nothing, and everything else
// its own text, with the spaces that it has.
func (d *document) exact(at span) ([]byte, error) {
	return exactText(d.budget, d.data[at.from:at.to])
}

// valueOf is a member's value in the form that its entry asks for.
func (d *document) valueOf(e *plan.Entry, at span) ([]byte, error) {
	if e.Syntax == plan.Lodash && e.Naming == nil {
		return d.value(at)
	}
	return d.exact(at)
}

// gjsonHint is what to do where a property is missing.
func (d *document) gjsonHint(w *plan.Words) string {
	if d.data[d.root.from] == '[' {
		return fmt.Sprintf("its value is a JSON array: begin %s with a number, as in 0.name", w.Property)
	}
	return d.hint(w)
}

package check

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// fix rewrites the deprecated fields of a file's text, and leaves every other byte as it is. What it
// rewrites is what admission would have stored; what it cannot rewrite safely it leaves and names.
func (c *Checker) fix(file string, text []byte) (fixed []byte, notes []Finding) {
	copied, moved := 0, 0
	for doc := range split(file, text) {
		replaced, found := c.fixDocument(doc, moved)
		notes = append(notes, found...)
		if replaced == nil {
			continue
		}
		fixed = append(append(fixed, text[copied:doc.start]...), replaced...)
		copied = doc.start + len(doc.text)
		moved += bytes.Count(replaced, []byte("\n")) - bytes.Count(doc.text, []byte("\n"))
	}
	return append(fixed, text[copied:]...), notes
}

// fixDocument returns the new text, or nil where nothing changes. The document will have moved down
// by some lines.
func (c *Checker) fixDocument(doc document, moved int) ([]byte, []Finding) {
	if doc.foreign() {
		return nil, nil
	}
	before, err := objects(doc)
	if err != nil || len(before) == 0 {
		return nil, nil // checking it says why
	}
	e := &editor{doc: before[0].doc}
	refused := map[int]error{}
	wanted := make([]admit.Conversion, len(before))
	for i, o := range before {
		wanted[i].Object = o.value
		if !o.isExternalSecret() {
			continue
		}
		conversion := admit.Convert(o.value, nil, admit.Writer{})
		if len(conversion.Conflicts) > 0 {
			refused[i] = errors.New("both names are set, and only the author can tell which one counts")
		} else if len(conversion.Deprecated) > 0 {
			planned := len(e.edits)
			if err := e.convert(o, conversion.Deprecated); err != nil {
				e.edits, refused[i] = e.edits[:planned], err
				continue
			}
			wanted[i] = conversion
		}
	}
	text, after, err := e.result(wanted)
	if err != nil {
		for i := range wanted {
			if len(wanted[i].Deprecated) > 0 {
				refused[i] = err
			}
		}
		text, after = nil, before
	}
	for i := range after {
		after[i].doc.line = doc.line + moved
	}
	return text, c.notes(before, after, wanted, refused)
}

// result applies the edits, and proves that the new text says what is wanted, and nothing else has
// changed: an anchor may carry an edit to places that nobody looked at.
func (e *editor) result(wanted []admit.Conversion) (text []byte, after []object, err error) {
	if len(e.edits) == 0 {
		return nil, nil, nil
	}
	if text, err = e.apply(); err != nil {
		return nil, nil, err
	}
	unsafe := errors.New("the text has a form that cannot be edited safely, such as an anchor that is used elsewhere")
	d := e.doc.document
	d.text = text
	if after, err = objects(d); err != nil || len(after) != len(wanted) {
		return nil, nil, unsafe
	}
	for i, o := range after {
		if !reflect.DeepEqual(o.value, wanted[i].Object) {
			return nil, nil, unsafe
		}
	}
	return text, after, nil
}

// notes tells what became of the deprecated fields, where they are now.
func (c *Checker) notes(before, after []object, wanted []admit.Conversion, refused map[int]error) []Finding {
	var notes []Finding
	for i, o := range before {
		f := c.about(o)
		if len(after) > i {
			f.object = after[i]
		}
		if why, left := refused[i]; left {
			f.left(why)
		} else {
			for _, path := range wanted[i].Deprecated {
				now, was := replacement(path)
				f.add(Note, Fixed, now, "was "+was)
			}
		}
		notes = append(notes, f.sorted()...)
	}
	return notes
}

// left says why an object was left as it is, at each field that should have been rewritten.
func (f *findings) left(why error) {
	conversion := admit.Convert(f.object.value, nil, admit.Writer{})
	paths := conversion.Deprecated
	for _, err := range conversion.Conflicts {
		paths = append(paths, err.Field)
	}
	at, known := errors.AsType[*refusal](why)
	for _, path := range paths {
		reason := why.Error()
		if known && at.path != path {
			reason = at.path + ": " + reason
		}
		f.add(Error, Unfixable, path, "is left as it is: "+reason)
	}
}

// refusal is why a field cannot be rewritten.
type refusal struct {
	path string
	error
}

// replacement is the new name of a deprecated field, and what it replaces.
func replacement(path string) (now, was string) {
	_, name, _ := strings.Cut(path, ".")
	switch name {
	case "":
		return "spec", path
	case "properties":
		return "spec.data", path
	case "type":
		return "spec.template.type", path
	default:
		return "spec.backendType", "secretManager"
	}
}

// convert plans the edits for the deprecated fields of an object. Its errors are refusals.
func (e *editor) convert(o object, deprecated []string) error {
	if o.node == nil {
		return errors.New("the places of its fields cannot be found: it is JSON with escapes that YAML lacks")
	}
	specKey, spec := entry(o.node, "spec")
	for _, path := range deprecated {
		var err error
		if path == "secretDescriptor" { // always the first
			specKey, spec, err = e.descriptor(o.node, specKey, spec)
		} else {
			err = e.convertMember(specKey, spec, path[strings.IndexByte(path, '.')+1:])
		}
		if err != nil {
			return &refusal{path, err}
		}
	}
	return nil
}

// errElsewhere is of what is not written where it is used.
var errElsewhere = errors.New("it comes from elsewhere, by an alias or a merge")

// descriptor renames secretDescriptor. A spec beside it is empty, or there would be a conflict.
func (e *editor) descriptor(root, specKey, spec *yaml.Node) (key, value *yaml.Node, err error) {
	if specKey != nil {
		if err := e.drop(root, specKey, spec); err != nil {
			return nil, nil, fmt.Errorf("the empty spec cannot be removed: %w", err)
		}
	}
	if key, value = entry(root, "secretDescriptor"); key == nil {
		return nil, nil, errElsewhere
	}
	return key, value, e.rename(key, "spec")
}

func (e *editor) convertMember(specKey, spec *yaml.Node, name string) error {
	key, value := entry(spec, name)
	if key == nil {
		return errElsewhere
	}
	switch name {
	case "backendType":
		at, err := e.scalar(value)
		if err != nil {
			return err
		}
		e.replace(at, quote(e.text(at), "secretsManager"))
		return nil
	case "properties":
		if empty, null := entry(spec, "data"); empty != nil {
			if err := e.drop(spec, empty, null); err != nil {
				return fmt.Errorf("the empty data cannot be removed: %w", err)
			}
		}
		return e.rename(key, "data")
	default:
		return e.moveType(specKey, spec, key, value)
	}
}

// drop removes a member without a value.
func (e *editor) drop(mapping, key, value *yaml.Node) error {
	at, err := e.member(key, value)
	if err != nil {
		return err
	}
	return e.remove(mapping, at)
}

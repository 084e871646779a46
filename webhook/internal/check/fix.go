package check

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// fix rewrites the deprecated fields and versions of a file's text, and leaves every other byte as it is. What it
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
	if c.apis.foreign(doc) {
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
		s, ours := c.apis.of(o)
		if !ours {
			continue
		}
		conversion := admit.Convert(s.deprecations, o.value, nil, admit.Writer{})
		if len(conversion.Conflicts) > 0 {
			refused[i] = errors.New("both names are set, and only the author can tell which one counts")
		} else if len(conversion.Deprecated) > 0 {
			planned := len(e.edits)
			if err := e.convert(o, s.deprecations, conversion.Deprecated); err != nil {
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
// changed: an anchor may carry an edit to places that were not examined.
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

// notes reports what became of the deprecated fields, at their present places.
func (c *Checker) notes(before, after []object, wanted []admit.Conversion, refused map[int]error) []Finding {
	var notes []Finding
	for i, o := range before {
		f := c.about(o)
		s, _ := c.apis.of(o)
		if len(after) > i {
			f.object = after[i]
		}
		if why, left := refused[i]; left {
			f.left(why, s.deprecations)
		} else {
			for _, path := range wanted[i].Deprecated {
				now, was := replacement(s.deprecations, path)
				f.add(Note, Fixed, now, "was "+was)
			}
		}
		notes = append(notes, f.sorted()...)
	}
	return notes
}

// left says why an object was left as it is, at each field that should have been rewritten.
func (f *findings) left(why error, d dialect.Deprecations) {
	conversion := admit.Convert(d, f.object.value, nil, admit.Writer{})
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

// replacement is the new name of a deprecated field, and what it replaces.
func replacement(d dialect.Deprecations, path string) (now, was string) {
	move, spelling := deprecation(d, path)
	if spelling != nil {
		return spelling.At.String(), spelling.Old
	}
	return move.To.String(), path
}

// deprecation finds what a table says of a deprecated field, by the path that its author has it at. One of the two is nil.
func deprecation(d dialect.Deprecations, path string) (*dialect.Move, *dialect.Spelling) {
	for _, m := range d.Moves {
		if rest, within := strings.CutPrefix(path, m.From.String()+"."); within && m.Whole() {
			path = m.To.String() + "." + rest
		}
	}
	for i, s := range d.Spellings {
		if path == s.At.String() {
			return nil, &d.Spellings[i]
		}
	}
	move := slices.IndexFunc(d.Moves, func(m dialect.Move) bool { return path == m.From.String() })
	return &d.Moves[move], nil // the table is where the path is from
}

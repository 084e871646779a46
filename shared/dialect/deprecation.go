package dialect

import "strings"

// Path leads to a field by the names of the members.
type Path []string

// String is the path as messages have it, such as spec.template.type.
func (p Path) String() string { return strings.Join(p, ".") }

// Deprecations are the deprecated fields of a kind, and where they belong. A Move of a whole top-level field comes first: what
// else is deprecated is deprecated within it, too.
type Deprecations struct {
	Moves     []Move
	Spellings []Spelling
}

// Move is a field that has another name now.
type Move struct {
	From, To Path
	Form     Form
}

// Whole reports whether it is the move of a whole top-level field.
func (m Move) Whole() bool { return len(m.From) == 1 }

// Form is what the value of a field must be.
type Form int

// The forms.
const (
	Text Form = iota
	Items
	Map
)

// Fits reports whether a value of decoded JSON has the form.
func (f Form) Fits(value any) (fits bool) {
	switch f {
	case Text:
		_, fits = value.(string)
	case Items:
		_, fits = value.([]any)
	case Map:
		_, fits = value.(map[string]any)
	}
	return fits
}

// Spelling is a value that is spelled otherwise now.
type Spelling struct {
	At       Path
	Old, New string
}

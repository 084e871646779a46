package admit

import (
	"maps"
	"strings"

	"github.com/secretgate/secretgate/shared/dialect"
)

// shape is which fields a document sets, without their values. A field that is no object is a leaf,
// and so is an empty object. Nil is a document that is not known.
type shape map[string]shape

// shapeOf is the shape of a JSON object. Members that are null set nothing.
func shapeOf(object map[string]any) shape {
	s := make(shape, len(object))
	for name, value := range object {
		if value == nil {
			continue
		}
		members, _ := value.(map[string]any)
		s[name] = shapeOf(members)
	}
	return s
}

// shapeOfFields reads the fieldsV1 of an entry of metadata.managedFields: "f:name" is a field, all
// else ("." and the items of lists) is below what conversion looks at.
func shapeOfFields(fields map[string]any) shape {
	s := make(shape, len(fields))
	for key, value := range fields {
		if name, ok := strings.CutPrefix(key, "f:"); ok {
			below, _ := value.(map[string]any)
			s[name] = shapeOfFields(below)
		}
	}
	return s
}

// has reports whether the document sets the field. The top-level ones are objects: an empty one (the
// `spec: {}` that KES's later CRDs demanded beside secretDescriptor) sets nothing.
func (s shape) has(p dialect.Path) bool {
	below, set := s.at(p)
	return set && (len(p) > 1 || len(below) > 0)
}

// converted is the shape of the document's converted form. Where a document sets a whole field by both of its names (kubectl
// merges the managed fields of two applies when it moves to server-side apply), it is what both set.
func (s shape) converted(d dialect.Deprecations) shape {
	s = s.clone()
	for _, m := range d.Moves {
		below, used := s.at(m.From)
		switch {
		case !used:
		case !m.Whole():
			s.remove(m.From)
			s.put(m.To, shape{})
		default:
			s.remove(m.From)
			if target, set := s.at(m.To); set {
				target.join(below)
			} else if len(below) > 0 {
				s.put(m.To, below)
			}
		}
	}
	return s
}

// at is what the document sets below a field.
func (s shape) at(p dialect.Path) (below shape, set bool) {
	below = s
	for _, name := range p {
		if below, set = below[name]; !set {
			return nil, false
		}
	}
	return below, true
}

// put sets a field.
func (s shape) put(p dialect.Path, below shape) {
	for _, name := range p[:len(p)-1] {
		if s[name] == nil {
			s[name] = shape{}
		}
		s = s[name]
	}
	s[p[len(p)-1]] = below
}

// remove removes a field that the document sets.
func (s shape) remove(p dialect.Path) {
	for _, name := range p[:len(p)-1] {
		s = s[name]
	}
	delete(s, p[len(p)-1])
}

// join adds the fields of another document.
func (s shape) join(other shape) {
	for name, below := range other {
		if s[name] == nil {
			s[name] = shape{}
		}
		s[name].join(below)
	}
}

// covers reports whether the document sets all that the other one sets.
func (s shape) covers(other shape) bool {
	for name, below := range other {
		if mine, set := s[name]; !set || !mine.covers(below) {
			return false
		}
	}
	return true
}

func (s shape) clone() shape {
	c := maps.Clone(s)
	for name, below := range c {
		c[name] = below.clone()
	}
	return c
}

func (s shape) names(member string) bool {
	_, ok := s[member]
	return ok
}

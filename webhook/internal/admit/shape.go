package admit

import (
	"maps"
	"strings"
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

// has tells whether the document sets the field. The top-level ones are objects: an empty one (the
// `spec: {}` that KES's later CRDs demanded beside secretDescriptor) sets nothing.
func (s shape) has(p path) bool {
	for _, name := range p {
		below, ok := s[name]
		if !ok {
			return false
		}
		s = below
	}
	return len(p) > 1 || len(s) > 0
}

// converted is the shape of the document's converted form. Where a document sets a descriptor and a
// spec (kubectl merges the managed fields of two applies when it moves to server-side apply), it is
// what both set.
func (s shape) converted() shape {
	s = s.clone()
	if descriptor := s["secretDescriptor"]; len(descriptor) > 0 {
		if s["spec"] == nil {
			s["spec"] = shape{}
		}
		s["spec"].join(descriptor)
	}
	delete(s, "secretDescriptor")
	spec := s["spec"]
	if _, used := spec["properties"]; used {
		delete(spec, "properties")
		spec["data"] = shape{}
	}
	if _, used := spec["type"]; used {
		delete(spec, "type")
		if spec["template"] == nil {
			spec["template"] = shape{}
		}
		spec["template"]["type"] = shape{}
	}
	return s
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

// covers tells whether the document sets all that the other one sets.
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

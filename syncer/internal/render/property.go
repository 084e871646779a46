package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	errNotJSON  = errors.New("not JSON")
	errNotFound = errors.New("not found")
)

// document is a JSON value, taken apart as far as somebody has looked: a hundred entries that read one
// value parse it once.
type document struct {
	raw     json.RawMessage
	opened  bool
	members map[string]*document // of an object; nil for everything else
	items   []*document          // of an array
}

// parse reads a JSON document; it is nil for what is none.
func parse(data []byte) *document {
	if !json.Valid(data) {
		return nil
	}
	return &document{raw: data}
}

// lookup finds a property as lodash's get does: a member of exactly that name first, else the value
// at the path that the name spells, as in a.b[0].c or a["b.c"].
func (d *document) lookup(property string) ([]byte, error) {
	if d == nil {
		return nil, errNotJSON
	}
	if member, ok := d.step(property); ok {
		return text(member.raw), nil
	}
	segments := path(property)
	if len(segments) == 0 {
		return nil, errNotFound // no path is not the path to the whole document
	}
	for _, segment := range segments {
		var ok bool
		if d, ok = d.step(segment); !ok {
			return nil, errNotFound
		}
	}
	return text(d.raw), nil
}

// step goes one level down: to a member of an object or, by number, to an item of an array.
func (d *document) step(segment string) (*document, bool) {
	d.open()
	if member, ok := d.members[segment]; ok {
		return member, true
	}
	i, err := strconv.Atoi(segment)
	if err != nil || strconv.Itoa(i) != segment || i < 0 || i >= len(d.items) {
		return nil, false // 01 and +1 are no items
	}
	return d.items[i], true
}

// open takes the document apart by one level. It is JSON, so decoding cannot fail but for a depth that
// no decoder takes, which leaves it closed.
func (d *document) open() {
	if d.opened {
		return
	}
	d.opened = true
	switch first(d.raw) {
	case '{':
		var members map[string]json.RawMessage
		_ = json.Unmarshal(d.raw, &members)
		d.members = make(map[string]*document, len(members))
		for name, raw := range members {
			d.members[name] = &document{raw: raw}
		}
	case '[':
		var items []json.RawMessage
		_ = json.Unmarshal(d.raw, &items)
		for _, raw := range items {
			d.items = append(d.items, &document{raw: raw})
		}
	}
}

// path splits a property as lodash's stringToPath does: at dots and brackets, with a["b.c"] for names
// that hold either.
func path(property string) []string {
	var segments []string
	if strings.HasPrefix(property, ".") {
		segments = append(segments, "")
	}
	for rest := property; rest != ""; {
		if end := strings.IndexAny(rest, ".[]"); end != 0 {
			if end < 0 {
				end = len(rest)
			}
			segments, rest = append(segments, rest[:end]), rest[end:]
			continue
		}
		if m := bracketed.FindStringSubmatch(rest); m != nil {
			name := m[1] + escaped.ReplaceAllString(m[2]+m[3], "$1") // all but one of them are empty
			segments, rest = append(segments, name), rest[len(m[0]):]
			continue
		}
		if namesNothing(rest) {
			segments = append(segments, "")
		}
		rest = rest[1:]
	}
	return segments
}

var (
	bracketed = regexp.MustCompile(`^\[(?:(-?\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\]`)
	escaped   = regexp.MustCompile(`\\(\\)?`)
)

// namesNothing tells a dot or empty brackets before another such, or at the end: between them is the
// empty name.
func namesNothing(s string) bool {
	for _, separator := range []string{".", "[]"} {
		if rest, ok := strings.CutPrefix(s, separator); ok {
			return rest == "" || rest[0] == '.' || strings.HasPrefix(rest, "[]")
		}
	}
	return false
}

// text is what a JSON value becomes in a Secret: strings their text, everything else its compact
// JSON, number for number and key for key as the backend holds it.
func text(raw json.RawMessage) []byte {
	if first(raw) == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return []byte(s)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return raw // unreachable: raw is part of a document that was parsed
	}
	return compact.Bytes()
}

func first(raw []byte) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

func propertyProblem(err error, property, key string) string {
	if errors.Is(err, errNotJSON) {
		return fmt.Sprintf("the value of %s is not JSON, so it has no property %s: remove property to use it as it is", key, property)
	}
	return fmt.Sprintf("Could not find property %s in %s", property, key)
}

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

// lookup finds a property in a JSON document as lodash's get does: a member of exactly that name
// first, else the value at the path that the name spells, as in a.b[0].c or a["b.c"].
func lookup(document []byte, property string) ([]byte, error) {
	if !json.Valid(document) {
		return nil, errNotJSON
	}
	if raw, ok := step(document, property); ok {
		return text(raw), nil
	}
	raw, segments := json.RawMessage(document), path(property)
	if len(segments) == 0 {
		return nil, errNotFound // no path is not the path to the whole document
	}
	for _, segment := range segments {
		var ok bool
		if raw, ok = step(raw, segment); !ok {
			return nil, errNotFound
		}
	}
	return text(raw), nil
}

// step goes one level down: to a member of an object or, by number, to an item of an array.
func step(document json.RawMessage, segment string) (json.RawMessage, bool) {
	switch first(document) {
	case '{':
		var object map[string]json.RawMessage
		if json.Unmarshal(document, &object) != nil {
			return nil, false
		}
		raw, ok := object[segment]
		return raw, ok
	case '[':
		var array []json.RawMessage
		i, err := strconv.Atoi(segment)
		if err != nil || strconv.Itoa(i) != segment || json.Unmarshal(document, &array) != nil || i < 0 || i >= len(array) {
			return nil, false // 01 and +1 are no items
		}
		return array[i], true
	default:
		return nil, false
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

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	raw := json.RawMessage(document)
	for _, segment := range path(property) {
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
		if err != nil || json.Unmarshal(document, &array) != nil || i < 0 || i >= len(array) {
			return nil, false
		}
		return array[i], true
	default:
		return nil, false
	}
}

// path splits a property at dots and brackets.
func path(property string) []string {
	var segments []string
	for property != "" {
		if property[0] == '[' {
			if segment, rest, ok := bracket(property[1:]); ok {
				segments, property = append(segments, segment), strings.TrimPrefix(rest, ".")
				continue
			}
		}
		end := strings.IndexAny(property[1:], ".[") + 1
		if property[0] == '.' { // an empty segment names the empty member
			segments, property = append(segments, ""), property[1:]
			continue
		}
		if end == 0 {
			return append(segments, property)
		}
		segments = append(segments, property[:end])
		property = strings.TrimPrefix(property[end:], ".")
	}
	return segments
}

// bracket reads up to the closing bracket: a number, a bare word, or a quoted name.
func bracket(s string) (segment, rest string, ok bool) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		segment, rest, ok = strings.Cut(s[1:], string(s[0])+"]")
		return segment, rest, ok
	}
	return strings.Cut(s, "]")
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

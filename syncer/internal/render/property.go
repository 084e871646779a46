package render

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/secretgate/secretgate/shared/plan"
)

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
		if name, after, ok := bracketed(rest); ok {
			segments, rest = append(segments, name), after
			continue
		}
		if namesNothing(rest) {
			segments = append(segments, "")
		}
		rest = rest[1:]
	}
	return segments
}

// escaped matches what lodash takes for an escape in quotes.
var escaped = regexp.MustCompile(`\\(\\)?`)

// bracketed reads a name in brackets from the front of a path: a number, or anything in quotes.
func bracketed(path string) (name, rest string, ok bool) {
	inside, found := strings.CutPrefix(path, "[")
	if !found || inside == "" {
		return "", path, false
	}
	end := numberEnd(inside)
	if quote := inside[0]; quote == '"' || quote == '\'' {
		if end = quoteEnd(inside); end > 0 {
			name, end = escaped.ReplaceAllString(inside[1:end], "$1"), end+1
		}
	} else {
		name = inside[:end]
	}
	if end == 0 || end == len(inside) || inside[end] != ']' {
		return "", path, false
	}
	return name, inside[end+1:], true
}

// numberEnd is where a number such as -1.5 ends at the front of s; 0 where there is none.
func numberEnd(s string) int {
	digits := func(from int) int {
		for from < len(s) && '0' <= s[from] && s[from] <= '9' {
			from++
		}
		return from
	}
	start := 0
	if s[0] == '-' {
		start = 1
	}
	end := digits(start)
	if end == start {
		return 0
	}
	if end < len(s) && s[end] == '.' {
		if fraction := digits(end + 1); fraction > end+1 {
			return fraction
		}
	}
	return end
}

// quoteEnd is where the quote with which s begins is closed; 0 where it is not.
func quoteEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i
		}
	}
	return 0
}

// namesNothing finds a dot or empty brackets before another such, or at the end: between them is the
// empty name.
func namesNothing(s string) bool {
	for _, separator := range []string{".", "[]"} {
		if rest, ok := strings.CutPrefix(s, separator); ok {
			return rest == "" || rest[0] == '.' || strings.HasPrefix(rest, "[]")
		}
	}
	return false
}

// propertyProblem words why there is no value at an entry's property. It says what type the value has, and nothing that is in it.
func propertyProblem(err error, d *document, e *plan.Entry, w *plan.Words) error {
	var refused *pathError
	of := nameOf(e)
	if e.Portion != plan.WholeValue {
		of = portionOf(e) + " of " + of
	}
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("property %s of %s %w", e.Property, of, refused)
	case errors.Is(err, errPath):
		return fmt.Errorf("property %s of %s: %w", e.Property, of, err)
	case errors.Is(err, errNotJSON):
		return fmt.Errorf("%s of %s is not JSON, so it has no property %s: remove %s to use it as it is",
			portionOf(e), nameOf(e), e.Property, w.Property)
	case errors.Is(err, errNotFound):
		hint := d.hint(w)
		if e.Syntax != plan.Lodash {
			hint = d.gjsonHint(w)
		}
		return fmt.Errorf("Could not find property %s in %s: %s", e.Property, of, hint) //nolint:staticcheck // KES's words
	default:
		return textProblem(err, fmt.Sprintf("property %s of %s", e.Property, of))
	}
}

// hint is what to do where a property is missing.
func (d *document) hint(w *plan.Words) string {
	switch d.data[d.root.from] {
	case '{':
		return "its value is a JSON object without it: check " + w.Property
	case '[':
		return "its value is a JSON array: begin " + w.Property + " with a number in brackets, as in [0].name"
	default:
		return "its value is no JSON object: remove " + w.Property
	}
}

// textProblem words why the text of a JSON value cannot be had byte for byte.
func textProblem(err error, subject string) error {
	switch {
	case errors.Is(err, errNotUTF8):
		return fmt.Errorf("%s is not UTF-8, as JSON must be: store it so, or its bytes as base64", subject)
	case errors.Is(err, errSurrogate):
		return fmt.Errorf("%s holds an escape of half a character (\\ud800 to \\udfff), which is no text: correct it in the backend", subject)
	default:
		return err
	}
}

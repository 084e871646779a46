package driver

import (
	"strings"
	"unicode"

	"github.com/secretgate/secretgate/shared/text"
)

// maxWord is how many characters of a backend's own word are shown.
const maxWord = 128

// Word is a short text that a backend made up (a version id, the code of an error, a name that a walk found) as messages and
// status show it: 128 characters at most, and a question mark in place of each that is not printable. Their length and
// form are the backend's to choose, and a status that is too large is refused every time.
func Word(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text.Cut(s, maxWord))
}

package driver

import (
	"strings"
	"unicode"
)

// maxWord is how many characters of a backend's own word are shown.
const maxWord = 128

// Word is a short text that a backend made up (a version id, the code of an error, a name that a walk found) as messages and
// status show it: 128 characters at most, and a question mark in place of each that is not printable. Their length and
// form are the backend's to choose, and a status that is too large is refused for ever.
func Word(text string) string {
	var shown strings.Builder
	n := 0
	for _, r := range text {
		n++
		if n > maxWord {
			kept := []rune(shown.String())
			return string(kept[:maxWord-1]) + "…"
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			r = '?'
		}
		shown.WriteRune(r)
	}
	return shown.String()
}

// Package text fits texts into places of limited size, and of limited characters.
package text

import (
	"strconv"
	"strings"
	"unicode"
)

// Cut shortens a text to a number of characters. The last one then shows that there was more.
func Cut(s string, most int) string {
	n, end := 0, 0
	for i := range s {
		switch n {
		case most - 1:
			end = i
		case most:
			return s[:end] + "…"
		}
		n++
	}
	return s
}

// Printable escapes what would start a line, or a terminal's command, of an object's own.
func Printable(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

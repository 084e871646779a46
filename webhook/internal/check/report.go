package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Report is the outcome of a check.
type Report struct {
	Findings   []Finding // in the order of the inputs, those about namespaces that no input holds at the end
	Files      int
	Objects    map[string]int // those judged, by their kind
	Skipped    int            // other documents and objects
	Namesakes  map[string]int // of those, the ones of a kind that is called like ours, by their group
	Unreadable int            // documents
	Stdin      []byte         // what fixing made of stdin

	kinds kindNames // what might have been judged
}

// counted lists the kinds to count: the first of all, and the others where there are such objects.
func (r *Report) counted() []string {
	var kinds []string
	for i, kind := range r.kinds {
		if (i == 0 || r.Objects[kind.Kind] > 0) && !slices.Contains(kinds, kind.Kind) {
			kinds = append(kinds, kind.Kind)
		}
	}
	return kinds
}

// Count counts the findings of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Summary is a line about the whole.
func (r *Report) Summary() string {
	var objects []string
	for _, kind := range r.counted() {
		objects = append(objects, counted(r.Objects[kind], kind))
	}
	text := fmt.Sprintf("%s in %s: %s, %s", strings.Join(objects, " and "), counted(r.Files, "file"),
		counted(r.Count(Error), "error"), counted(r.Count(Warning), "warning"))
	if n := r.Count(Note); n > 0 {
		text += fmt.Sprintf(", %d fixed", n)
	}
	if r.Skipped > 0 {
		text += fmt.Sprintf("; %s skipped", counted(r.Skipped, "other object"))
	}
	for _, group := range slices.Sorted(maps.Keys(r.Namesakes)) {
		text += fmt.Sprintf(", %d of another product: %s", r.Namesakes[group], group)
	}
	if r.Unreadable > 0 {
		text += fmt.Sprintf("; %s could not be read", counted(r.Unreadable, "document"))
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

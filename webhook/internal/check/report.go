package check

import (
	"fmt"
	"maps"
	"slices"
)

// Report is the outcome of a check.
type Report struct {
	Findings    []Finding // in the order of the inputs, those about namespaces that no input holds at the end
	Files       int
	Objects     int            // ExternalSecrets
	Definitions int            // SecretDefinitions
	Skipped     int            // other documents and objects
	Namesakes   map[string]int // of those, the ones of a kind that is called like ours, by their group
	Unreadable  int            // documents
	Stdin       []byte         // what fixing made of stdin
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
	objects := counted(r.Objects, "ExternalSecret")
	if r.Definitions > 0 {
		objects += " and " + counted(r.Definitions, "SecretDefinition")
	}
	text := fmt.Sprintf("%s in %s: %s, %s", objects, counted(r.Files, "file"),
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

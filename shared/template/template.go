// Package template says what a template engine is asked and what it answers. A template is a program that a tenant wrote, so engines
// run in a worker process that holds nothing (package worker); this package is what both sides of its pipes know. It is pure.
package template

import (
	"fmt"
	"strings"
)

// Engine names a template language.
type Engine string

// The engines.
const (
	Lodash Engine = "lodash" // the templates of kubernetes-external-secrets: JavaScript between <% and %>, or ${ and }
	Go     Engine = "go"     // text/template with functions of an allow-list
)

// Options are what a dialect sets for its Go templates. The zero value is text/template's own.
type Options struct {
	MissingKey string    `json:"missingKey,omitempty"` // default, zero or error
	Delimiters [2]string `json:"delimiters,omitzero"`  // empty: {{ and }}
	// JSON: each value is JSON, and templates see what it says: objects as maps, and numbers with all their digits. Else they are texts.
	JSON bool `json:"json,omitempty"`
	// Library are texts that all others can use by their names, and by the names that they define. They make nothing themselves.
	Library []Text `json:"library,omitempty"`
}

// Text is one text of an object that a template makes.
type Text struct {
	Field  string `json:"field"` // where the object has it, such as spec.template.stringData[app.yaml]
	Source string `json:"source"`
	// Name is how other texts of a Go template's object call it, by template; empty: they cannot.
	Name string `json:"name,omitempty"`
	// Object: the result is YAML, an object of texts. It is answered as JSON.
	Object bool `json:"object,omitempty"`
}

// Request asks for the texts of one object. Each is a program of its own: it sees the values, and nothing that another one did. Go
// templates can call each other.
type Request struct {
	ID      uint64  `json:"id"`
	Engine  Engine  `json:"engine"`
	Options Options `json:"options,omitzero"`
	Texts   []Text  `json:"texts"`
	// Check compiles the texts and renders none: there are no values.
	Check bool `json:"check,omitempty"`
	// Values are the entries that the object reads, in its order.
	Values []Entry `json:"values,omitempty"`
}

// Entry is a value by its name.
type Entry struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// Answer is what became of a Request.
type Answer struct {
	ID uint64 `json:"id"`
	// Rendered are the texts in the order of the request; nil with Check, or where there are problems.
	Rendered [][]byte `json:"rendered,omitempty"`
	// Problems are what is wrong with the texts, one each at most.
	Problems []Problem `json:"problems,omitempty"`
	// Uses are the names that each text uses, in its order, for Check; and after them those of the texts of the library.
	Uses []Uses `json:"uses,omitempty"`
}

// Uses are names in a text that mean something outside of it.
type Uses struct {
	Values  bool  `json:"values,omitempty"`  // the text uses values at all
	Entries []Use `json:"entries,omitempty"` // entries that it names
	Unknown []Use `json:"unknown,omitempty"` // names that the engine does not have
}

// Use is a name and where it stands in its text, from 1.
type Use struct {
	Name   string `json:"name"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Kind is a kind of Problem.
type Kind string

// The kinds of problems.
const (
	Syntax Kind = "syntax" // the text is no template
	Name   Kind = "name"   // it uses what templates do not have: an unknown name, the clock, chance
	Value  Kind = "value"  // a value is not what the text takes it for
	Limit  Kind = "limit"  // it takes too much time, memory or output
	Output Kind = "output" // what it makes cannot be used
	Busy   Kind = "busy"   // no worker rendered it in time, which another attempt may not meet
)

// Problem says why a text cannot be rendered. It holds words of the text itself at most, never a value.
type Problem struct {
	Field  string `json:"field"`
	Line   int    `json:"line,omitempty"` // from 1; 0: not known
	Column int    `json:"column,omitempty"`
	Kind   Kind   `json:"kind"`
	Detail string `json:"detail"`
}

// Error is the problem with its field.
func (p Problem) Error() string { return p.Field + ": " + p.Sentence() }

// Sentence is the problem without its field.
func (p Problem) Sentence() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", p.Line, p.Column)
	}
	b.WriteString(p.Detail)
	return b.String()
}

// Package lodash runs the templates of kubernetes-external-secrets, which are lodash's: JavaScript between <% and %>, or ${ and }. The
// engine is goja. This package is lodash's syntax and what KES puts into a template's scope. It bounds neither time nor memory, nor is
// it safe with what a tenant wrote but in a process that holds nothing: see package worker.
package lodash

import (
	"context"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"

	"github.com/secretgate/secretgate/shared/template"
)

// scriptName is the script's in stack traces.
const scriptName = "template"

// maxCalls is how deep calls may be nested; a call of goja takes some 1 KiB.
const maxCalls = 2000

// Check compiles a text, and finds the names that it uses.
func Check(text template.Text) (template.Uses, *template.Problem) {
	s := translate(text.Source)
	tree, _, problem := s.compile(text.Field)
	if problem != nil {
		return template.Uses{}, problem
	}
	return s.uses(tree), nil
}

// Render runs a text in a JavaScript world of its own. The end of ctx ends it.
func Render(ctx context.Context, text template.Text, entries []template.Entry) (string, *template.Problem) {
	s := translate(text.Source)
	_, program, problem := s.compile(text.Field)
	if problem != nil {
		return "", problem
	}
	w := newWorld()
	defer context.AfterFunc(ctx, func() { w.Interrupt(errLate) })()
	made, err := w.RunProgram(program)
	if err == nil {
		run, _ := goja.AssertFunction(made)
		made, err = run(goja.Undefined(), w.data(entries))
	}
	if err != nil {
		return "", s.failed(text.Field, w, err)
	}
	unusable := func(why string) (string, *template.Problem) {
		return "", &template.Problem{Field: text.Field, Kind: template.Output, Detail: why}
	}
	rendered, ok := made.(goja.String)
	switch {
	case !ok: // the code has a return statement of its own
		return unusable("the template returns from its own text: remove the return statement")
	case !wellFormed(rendered):
		return unusable("the result has half of a character, which UTF-8 cannot spell")
	}
	return rendered.String(), nil
}

// wellFormed reports whether each surrogate is one of a pair.
func wellFormed(text goja.String) bool {
	for i := 0; i < text.Length(); i++ {
		c := rune(text.CharAt(i))
		switch {
		case !utf16.IsSurrogate(c):
		case i+1 < text.Length() && utf16.DecodeRune(c, rune(text.CharAt(i+1))) != utf8.RuneError:
			i++
		default:
			return false
		}
	}
	return true
}

var errLate = errors.New("it takes too long")

// compile parses the script. Source maps are off: they would be read from files.
func (s *script) compile(at string) (*ast.Program, *goja.Program, *template.Problem) {
	tree, err := parser.ParseFile(nil, scriptName, s.source, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, nil, s.malformed(at, err)
	}
	program, err := goja.CompileAST(tree, false)
	if err != nil {
		return nil, nil, s.malformed(at, err)
	}
	return tree, program, nil
}

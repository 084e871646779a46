package lodash

import (
	"errors"
	"regexp"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"

	"github.com/secretgate/secretgate/shared/template"
)

// have is what a template can use, for messages about something else.
const have = "templates have data, yaml, JSON, Buffer, _.escape, print, atob, btoa and JavaScript's own functions"

// malformed is why a script cannot be compiled. What the parser says holds words of the template alone: there are no values yet.
func (s *script) malformed(at string, err error) *template.Problem {
	p := &template.Problem{Field: at, Kind: template.Syntax, Detail: "the code is not JavaScript"}
	var list parser.ErrorList
	var late *goja.CompilerSyntaxError
	var reference *goja.CompilerReferenceError
	switch {
	case errors.As(err, &list) && len(list) > 0:
		first := list[0]
		p.Line, p.Column = s.place(s.offset(first.Position.Line, first.Position.Column))
		p.Detail = lowered(first.Message)
	case errors.As(err, &late):
		p.Line, p.Column = s.place(late.Offset)
		p.Detail = lowered(late.Message)
	case errors.As(err, &reference):
		p.Line, p.Column = s.place(reference.Offset)
		p.Detail = lowered(reference.Message)
	}
	return p
}

func lowered(message string) string {
	if message == "" {
		return "the code is not JavaScript"
	}
	return strings.ToLower(message[:1]) + message[1:]
}

// failed is why a script failed. What the engine says of it may hold values, and so may what a template throws: all that is told is
// the kind of the error, and the words of the template that stand where it arose.
func (s *script) failed(at string, w *world, err error) *template.Problem {
	p := &template.Problem{Field: at, Kind: template.Value}
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	var exception *goja.Exception
	switch {
	case errors.As(err, &interrupted):
		p.Kind, p.Detail = template.Limit, "the template takes too long"
		s.locate(p, interrupted.Stack())
	case errors.As(err, &overflow):
		p.Kind, p.Detail = template.Limit, "calls are nested too deeply"
		s.locate(p, overflow.Stack())
	case errors.As(err, &exception):
		words := s.locate(p, exception.Stack())
		p.Kind, p.Detail = w.reason(exception, words)
	default:
		p.Detail = "the template failed"
	}
	return p
}

// locate finds where an error arose, and the words of the template that stand there.
func (s *script) locate(p *template.Problem, stack []goja.StackFrame) (words string) {
	for _, frame := range stack {
		if frame.SrcName() != scriptName {
			continue
		}
		position := frame.Position()
		offset := s.offset(position.Line, position.Column)
		begin := offset - len(nameBefore.FindString(s.source[:offset])) // a call stands at its parenthesis
		p.Line, p.Column = s.place(begin)
		return name.FindString(s.source[begin:])
	}
	return ""
}

// name is a name, or names with dots between.
var (
	name       = regexp.MustCompile(`^[\pL_$][\pL\pN_$]{0,40}(?:\.[\pL_$][\pL\pN_$]{0,40}){0,4}`)
	nameBefore = regexp.MustCompile(`(?:[\pL\pN_$][\pL\pN_$.]{0,100})?$`)
)

func (w *world) reason(exception *goja.Exception, words string) (template.Kind, string) {
	for _, own := range []struct {
		err    error
		kind   template.Kind
		remedy string
	}{
		{errClock, template.Name, "the Secret would change with every rendering"},
		{errChance, template.Name, "the Secret would change with every rendering"},
		{errBytes, template.Value, "leave it to data, which copies bytes"},
		{errBase64, template.Value, "use Buffer for other texts"},
	} {
		if errors.Is(exception, own.err) {
			return own.kind, own.err.Error() + ": " + own.remedy
		}
	}
	thrown, _ := exception.Value().(*goja.Object)
	for name, prototype := range w.errors {
		if thrown == nil || thrown.Prototype() != prototype {
			continue
		}
		switch name {
		case "ReferenceError":
			return template.Name, about(words, "no such name: "+have)
		case "SyntaxError": // of JSON.parse, a regular expression, eval
			return template.Value, about(words, "the text that it is given cannot be parsed")
		case "RangeError":
			return template.Value, about(words, "a number is out of range")
		case "TypeError":
			return template.Value, about(words, "a value is missing, null, or of another type than the code takes it for")
		}
	}
	return template.Value, "the code throws an error"
}

// about puts the words where an error arose before what is wrong.
func about(words, detail string) string {
	if keyword, _ := token.IsKeyword(words); words == "" || keyword != 0 {
		return detail
	}
	return words + ": " + detail
}

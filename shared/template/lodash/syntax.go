package lodash

import (
	"regexp"
	"strings"
)

// delimited matches what lodash takes for code, in lodash's order: escape, interpolate, the interpolation of ECMAScript, evaluate.
var delimited = regexp.MustCompile(`(?s)<%-(.+?)%>|<%=(.+?)%>|\$\{([^\\}]*(?:\\[^\n\r\x{2028}\x{2029}][^\\}]*)*)\}|<%(.+?)%>`)

// The groups of delimited.
const (
	escape = 1 + iota
	interpolate
	literal
	evaluate
)

// IsTemplate reports whether lodash finds code in a text.
func IsTemplate(text string) bool { return delimited.MatchString(text) }

// script is the JavaScript of a template, and where its code stands in both.
type script struct {
	source string
	text   string // the template
	spans  []span // of code, in their order
}

// span is a piece of code: the same bytes in the script and in the template.
type span struct{ script, text, length int }

// translate makes a script that evaluates to the template's function, as lodash does: `with` a scope of data and yaml, `print` where
// there are statements, and each expression's null for nothing.
func translate(text string) *script {
	s := &script{text: text}
	var body strings.Builder
	statements := false
	const head, headPrint = "(function(data){var __t,__p='';", "function print(){__p+=Array.prototype.join.call(arguments,'')}"
	matches := delimited.FindAllStringSubmatchIndex(text, -1)
	for _, match := range matches {
		statements = statements || match[2*evaluate] >= 0
	}
	body.WriteString(head)
	if statements {
		body.WriteString(headPrint)
	}
	body.WriteString("{__p+='")
	code := func(match []int, group int) {
		from, to := match[2*group], match[2*group+1]
		s.spans = append(s.spans, span{script: body.Len(), text: from, length: to - from})
		body.WriteString(text[from:to])
	}
	end := 0
	for _, match := range matches {
		quote(&body, text[end:match[0]])
		end = match[1]
		switch {
		case match[2*escape] >= 0:
			body.WriteString("'+((__t=(")
			code(match, escape)
			body.WriteString("))==null?'':_.escape(__t))+'")
		case match[2*evaluate] >= 0:
			body.WriteString("';")
			code(match, evaluate)
			body.WriteString(";\n__p+='") // the line end closes a comment
		default:
			group := interpolate
			if match[2*literal] >= 0 {
				group = literal
			}
			body.WriteString("'+((__t=(")
			code(match, group)
			body.WriteString("))==null?'':__t)+'")
		}
	}
	quote(&body, text[end:])
	body.WriteString("'}return __p})")
	s.source = body.String()
	return s
}

var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\u2028", `\u2028`, "\u2029", `\u2029`)

func quote(b *strings.Builder, text string) { _, _ = quoted.WriteString(b, text) }

// place finds the line and column, from 1, of an offset of the script in the template. What is in no code belongs to the code before.
func (s *script) place(offset int) (line, column int) {
	at := 0
	for _, sp := range s.spans {
		if sp.script > offset {
			break
		}
		at = sp.text + min(offset-sp.script, sp.length)
	}
	return position(s.text, at)
}

// position counts columns in characters.
func position(text string, at int) (line, column int) {
	before := text[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, len([]rune(before[start:])) + 1
}

// offset is where a line and a column, in bytes from 1, are in the script. Lines end as JavaScript has it.
func (s *script) offset(line, column int) int {
	at := 0
	for ; line > 1; line-- {
		next := lineEnd.FindStringIndex(s.source[at:])
		if next == nil {
			break
		}
		at += next[1]
	}
	return min(at+column-1, len(s.source))
}

var lineEnd = regexp.MustCompile(`\r\n|[\n\r\x{2028}\x{2029}]`)

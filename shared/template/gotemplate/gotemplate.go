// Package gotemplate runs templates of Go's text/template, with functions of an allow-list. It bounds neither time nor memory, nor is it
// safe with what a tenant wrote but in a process that holds nothing: see package worker.
package gotemplate

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	texts "github.com/secretgate/secretgate/shared/template"
)

// name is the template's in the errors of text/template.
const name = "t"

// Check compiles a text, and finds the entries that it uses.
func Check(text texts.Text, options texts.Options) (texts.Uses, *texts.Problem) {
	compiled, problem := compile(text, options)
	if problem != nil {
		return texts.Uses{}, problem
	}
	f := finder{text: text.Source}
	for _, t := range compiled.Templates() { // those that it defines
		if t.Tree != nil {
			f.walk(t.Root)
		}
	}
	return f.uses, nil
}

// Render runs a text on the entries, as texts by their names. The result is bytes, if they or what functions make of them are none that
// UTF-8 has. The end of ctx ends it with the next text that it writes.
func Render(ctx context.Context, text texts.Text, options texts.Options, entries []texts.Entry) (string, *texts.Problem) {
	compiled, problem := compile(text, options)
	if problem != nil {
		return "", problem
	}
	data := make(map[string]string, len(entries))
	for _, e := range entries {
		data[e.Name] = string(e.Data)
	}
	out := writer{ended: ctx.Err}
	if err := compiled.Execute(&out, data); err != nil {
		return "", failed(text, err)
	}
	return out.String(), nil
}

func compile(text texts.Text, options texts.Options) (*template.Template, *texts.Problem) {
	t := template.New(name).Funcs(functions()).Delims(options.Delimiters[0], options.Delimiters[1])
	if options.MissingKey != "" {
		t.Option("missingkey=" + options.MissingKey)
	}
	compiled, err := t.Parse(text.Source)
	if err == nil {
		if call := circle(compiled); call != nil {
			return nil, &texts.Problem{
				Field: text.Field, Line: call.Line, Column: column(text.Source, int(call.Pos)), Kind: texts.Limit,
				Detail: "the template calls itself, maybe by way of others: use range",
			}
		}
		return compiled, nil
	}
	p := &texts.Problem{Field: text.Field, Kind: texts.Syntax, Detail: "the text is no template"}
	// There are no values yet: what the parser says holds words of the template alone.
	if parts := position.FindStringSubmatch(err.Error()); parts != nil {
		p.Line, _ = strconv.Atoi(parts[1])
		p.Column = 1
		p.Detail = parts[3]
	}
	if missing := undefined.FindStringSubmatch(p.Detail); missing != nil {
		p.Kind, p.Detail = texts.Name, noFunction(missing[1])
	}
	return nil, p
}

var (
	position  = regexp.MustCompile(`(?s)^template: ` + name + `:(\d+):(?:(\d+):)? (.*)`)
	undefined = regexp.MustCompile(`^function "([^"]*)" not defined`)
	executing = regexp.MustCompile(`(?s)^executing ".*?" at (<.*?>): (.*)`)
)

// writer collects a result.
type writer struct {
	ended func() error
	bytes.Buffer
}

var errLate = errors.New("the template takes too long")

func (w *writer) Write(text []byte) (int, error) {
	if w.ended() != nil {
		return 0, errLate
	}
	return w.Buffer.Write(text)
}

// failed is why a template failed. What text/template and functions say of it may hold values: all that is told is the place, and the
// template's own words there.
func failed(text texts.Text, err error) *texts.Problem {
	p := &texts.Problem{Field: text.Field, Kind: texts.Value, Detail: "the template failed"}
	if errors.Is(err, errLate) {
		p.Kind, p.Detail = texts.Limit, errLate.Error()
		return p
	}
	parts := position.FindStringSubmatch(err.Error())
	if parts == nil {
		return p
	}
	p.Line, _ = strconv.Atoi(parts[1])
	p.Column, _ = strconv.Atoi(parts[2])
	p.Column++ // text/template counts from 0
	at := executing.FindStringSubmatch(parts[3])
	if at == nil {
		return p
	}
	switch words, why := at[1], at[2]; {
	case strings.HasPrefix(why, "map has no entry for key"):
		p.Detail = words + " is no entry that there is"
	case strings.HasPrefix(why, "error calling "):
		p.Detail = words + ": the function fails on the value that it is given"
	default:
		p.Detail = words + ": a value is missing, or of another type than the template takes it for"
	}
	return p
}

// finder goes through the nodes of a template.
type finder struct {
	text string
	uses texts.Uses
}

func (f *finder) walk(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, node := range n.Nodes {
				f.walk(node)
			}
		}
	case *parse.ActionNode:
		f.walk(n.Pipe)
	case *parse.IfNode:
		f.branch(&n.BranchNode)
	case *parse.RangeNode:
		f.uses.Values = true // what it goes through, and the dot in it, may be anything
		f.walk(n.Pipe)
	case *parse.WithNode:
		f.uses.Values = true
		f.walk(n.Pipe)
	case *parse.TemplateNode:
		f.uses.Values = f.uses.Values || n.Pipe != nil
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				f.command(command)
			}
		}
	case *parse.FieldNode:
		f.entry(n.Ident[0], int(n.Pos))
	case *parse.DotNode, *parse.VariableNode, *parse.ChainNode:
		f.uses.Values = true
	}
}

func (f *finder) branch(n *parse.BranchNode) {
	f.walk(n.Pipe)
	f.walk(n.List)
	f.walk(n.ElseList)
}

// command finds `index . "name"`, too.
func (f *finder) command(n *parse.CommandNode) {
	if len(n.Args) > 2 {
		function, ok := n.Args[0].(*parse.IdentifierNode)
		_, dot := n.Args[1].(*parse.DotNode)
		if key, text := n.Args[2].(*parse.StringNode); ok && dot && text && (function.Ident == "index" || function.Ident == "get") {
			f.entry(key.Text, int(key.Pos))
			return
		}
	}
	for _, argument := range n.Args {
		f.walk(argument)
	}
}

func (f *finder) entry(name string, at int) {
	f.uses.Values = true
	line := strings.Count(f.text[:min(at, len(f.text))], "\n") + 1
	f.uses.Entries = append(f.uses.Entries, texts.Use{Name: name, Line: line, Column: column(f.text, at)})
}

// column is that of a byte, in characters from 1.
func column(text string, at int) int {
	before := text[:min(at, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return utf8.RuneCountInString(before[start:]) + 1
}

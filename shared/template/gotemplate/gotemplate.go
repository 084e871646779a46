// Package gotemplate runs templates of Go's text/template, with functions of an allow-list. It bounds neither time nor memory, nor is it
// safe with what a tenant wrote but in a process that holds nothing: see package worker.
package gotemplate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"text/template"
	"text/template/parse"

	texts "github.com/secretgate/secretgate/shared/template"
)

// Set are the texts of one object. Each can call the others that have a name, and what any of them defines. Of one name, a text's own
// definition is the one that is called while it runs, else the last of all.
type Set struct {
	options texts.Options
	all     []compiled // those that make something, then those of the library
	makers  int        // how many make something
	named   map[string]*parse.Tree
}

// compiled is a text, and its trees: its own under the name of its place, and those that it defines.
type compiled struct {
	texts.Text
	trees map[string]*parse.Tree
}

// base has the functions. Its copies are made sooner than templates to which functions are added.
var base = sync.OnceValue(func() *template.Template { return template.New("").Funcs(functions()) })

// empty is the template of a text without its trees. An object may have a thousand texts, which together take more memory than there is if
// each keeps its own.
func (s *Set) empty(n int) *template.Template {
	all, _ := base().Clone() // it fails for templates of HTML alone
	t := all.New(place(n)).Delims(s.options.Delimiters[0], s.options.Delimiters[1])
	if s.options.MissingKey != "" {
		t.Option("missingkey=" + s.options.MissingKey)
	}
	return t
}

// place is the name of a text within text/template, and in its errors, by its number.
func place(n int) string { return "t" + strconv.Itoa(n) }

// Compile compiles texts and the library of the options, or says what is wrong with them, one problem each at most.
func Compile(list []texts.Text, options texts.Options) (*Set, []texts.Problem) {
	s := &Set{options: options, makers: len(list), named: map[string]*parse.Tree{}}
	for _, text := range append(append([]texts.Text{}, list...), options.Library...) {
		s.all = append(s.all, compiled{Text: text})
	}
	var problems []texts.Problem
	for n := range s.all {
		if problem := s.compile(n); problem != nil {
			problems = append(problems, *problem)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	for n := range s.all { // first the library's, so that those of the others win
		s.name((n + len(list)) % len(s.all))
	}
	return s, nil
}

func (s *Set) compile(n int) *texts.Problem {
	one := &s.all[n]
	t := s.empty(n)
	if _, err := t.Parse(one.Source); err != nil {
		return noTemplate(one.Text, err)
	}
	one.trees = map[string]*parse.Tree{}
	for _, defined := range t.Templates() {
		if defined.Tree != nil {
			one.trees[defined.Name()] = defined.Tree
		}
	}
	return nil
}

// name lets other texts call one, and what it defines.
func (s *Set) name(n int) {
	one := &s.all[n]
	for name, tree := range one.trees {
		if name != place(n) {
			s.named[name] = tree
		}
	}
	if own := one.trees[place(n)]; one.Name != "" && own != nil {
		s.named[one.Name] = own
	}
}

// Len is how many texts there are, with those of the library.
func (s *Set) Len() int { return len(s.all) }

// link is a text with all that it can call, and the calls that it makes itself of what there is not.
func (s *Set) link(n int) (t *template.Template, unknown []*parse.TemplateNode, problem *texts.Problem) {
	t = s.empty(n)
	var calls []*parse.TemplateNode
	add := func(name string, tree *parse.Tree) {
		_, _ = t.AddParseTree(name, tree) // as above
		calls = append(calls, callsIn(tree.Root)...)
	}
	for name, tree := range s.all[n].trees {
		add(name, tree)
	}
	for mine := len(calls); len(calls) > 0; mine-- {
		call := calls[0]
		calls = calls[1:]
		if called := t.Lookup(call.Name); called != nil && called.Tree != nil {
			continue
		}
		if tree, known := s.named[call.Name]; known {
			add(call.Name, tree)
		} else if mine > 0 {
			unknown = append(unknown, call)
		}
	}
	if call, in := circle(t); call != nil {
		of := s.textOf(in)
		return nil, nil, &texts.Problem{
			Field: of.Field, Line: call.Line, Column: column(of.Source, int(call.Pos)), Kind: texts.Limit,
			Detail: "the template calls itself, maybe by way of others: use range",
		}
	}
	return t, unknown, nil
}

// textOf is the text that a tree is of.
func (s *Set) textOf(tree *parse.Tree) texts.Text {
	n, err := strconv.Atoi(tree.ParseName[1:])
	if err != nil || n >= len(s.all) {
		return texts.Text{}
	}
	return s.all[n].Text
}

// Check finds the entries that a text uses, by its number, and what it calls that there is not. Those of the library follow the others.
func (s *Set) Check(n int) (texts.Uses, *texts.Problem) {
	_, unknown, problem := s.link(n)
	if problem != nil {
		return texts.Uses{}, problem
	}
	f := finder{text: s.all[n].Source}
	if tree := s.all[n].trees[place(n)]; tree != nil && n < s.makers { // what the dot of a library is, is up to its callers
		f.walk(tree.Root)
	}
	for _, call := range unknown {
		f.uses.Unknown = append(f.uses.Unknown, f.use(strconv.Quote(call.Name), int(call.Pos)))
	}
	slices.SortFunc(f.uses.Unknown, func(a, b texts.Use) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return f.uses, nil
}

// Render runs a text, by its number, on the entries by their names: as texts, or as what they say in JSON. The result is bytes, if they or
// what functions make of them are none that UTF-8 has. The end of ctx ends it with the next text that it writes.
func (s *Set) Render(ctx context.Context, n int, entries []texts.Entry) (string, *texts.Problem) {
	linked, _, problem := s.link(n)
	if problem != nil {
		return "", problem
	}
	data, problem := s.data(n, entries)
	if problem != nil {
		return "", problem
	}
	out := writer{ended: ctx.Err}
	if err := linked.Execute(&out, data); err != nil {
		return "", s.failed(n, err)
	}
	return out.String(), nil
}

// data is what a text sees. It is made for each text anew, as a text can change objects.
func (s *Set) data(n int, entries []texts.Entry) (any, *texts.Problem) {
	if !s.options.JSON {
		data := make(map[string]string, len(entries))
		for _, e := range entries {
			data[e.Name] = string(e.Data)
		}
		return data, nil
	}
	data := make(map[string]any, len(entries))
	for _, e := range entries {
		value, err := decoded(e.Data)
		if err != nil { // what it says may hold the value
			return nil, &texts.Problem{Field: s.all[n].Field, Kind: texts.Value, Detail: "the value of " + e.Name + " is not JSON"}
		}
		data[e.Name] = value
	}
	return data, nil
}

var errMore = errors.New("more than one value")

// decoded is what a text of JSON says. Numbers keep their digits.
func decoded(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err = decoder.Decode(&value); err == nil && len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
		err = errMore
	}
	return value, err
}

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

package lodash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/template"
)

// differs are the vectors of which we differ on purpose, and why.
var differs = map[string]string{
	"<%= typeof require %> <%= typeof process %> <%= typeof module %> <%= typeof process.mainModule.require %> <%= typeof globalThis %> <%= this === undefined %>": "process is the operator's: it is not there",
	"<%= Object.keys(process.env).length > 3 %>": "process is the operator's: it is not there",
}

type vectors struct {
	Data  json.RawMessage `json:"data"`
	Cases []struct {
		Template string  `json:"template"`
		Want     *string `json:"want"`
		Error    string  `json:"error"`
	} `json:"cases"`
}

func readVectors(t testing.TB) (vectors, []template.Entry) {
	t.Helper()
	content, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	var entries []template.Entry
	members := json.NewDecoder(bytes.NewReader(v.Data)) // in their order
	for _, err := members.Token(); err == nil && members.More(); {
		name, _ := members.Token()
		value, _ := members.Token()
		entries = append(entries, template.Entry{Name: fmt.Sprint(name), Data: []byte(fmt.Sprint(value))})
	}
	return v, entries
}

// TestVectors renders the templates that KES's own function rendered.
func TestVectors(t *testing.T) {
	v, values := readVectors(t)
	if len(v.Cases) != 85 {
		t.Errorf("got %d vectors, want 85", len(v.Cases))
	}
	for _, c := range v.Cases {
		t.Run(c.Template, func(t *testing.T) {
			got, problem := Render(context.Background(), template.Text{Field: "f", Source: c.Template}, values)
			if why := differs[c.Template]; why != "" {
				if problem == nil {
					t.Errorf("got %q, want an error: %s", got, why)
				}
				return
			}
			switch {
			case c.Want == nil && problem == nil:
				t.Errorf("got %q, want a problem like KES's %s", got, c.Error)
			case c.Want != nil && problem != nil:
				t.Errorf("got the problem %q, want %q", problem.Sentence(), *c.Want)
			case c.Want != nil:
				if diff := cmp.Diff(*c.Want, got); diff != "" {
					t.Errorf("the text differs from KES's (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	_, entries := readVectors(b)
	text := template.Text{Source: "user: <%= JSON.parse(data.s1).objKey.strKey %>\npassword: <%= data.password %>\ntoken: <%= data.secretData %>\n"}
	for b.Loop() {
		if _, problem := Render(b.Context(), text, entries); problem != nil {
			b.Fatal(problem)
		}
	}
}

// TestFailures says where a template fails and of what, and no value.
func TestFailures(t *testing.T) {
	entries := []template.Entry{{Name: "json", Data: []byte(`{"user": "planted"}`)}, {Name: "text", Data: []byte("planted")}, {Name: "bytes", Data: []byte{0xff}}}
	for name, c := range map[string]struct {
		source, want string
		kind         template.Kind
	}{
		"a member of a missing entry":         {"<%= data.nope.user %>", "line 1, column 5: data.nope.user: a value is missing, null, or of another type than the code takes it for", template.Value},
		"a member of a missing member":        {"a\n<%= JSON.parse(data.json).nope.x %>", "line 2, column 27: nope.x: a value is missing, null, or of another type than the code takes it for", template.Value},
		"text that is no JSON":                {"<%= JSON.parse(data.text) %>", "line 1, column 5: JSON.parse: the text that it is given cannot be parsed", template.Value},
		"a name of the operator's process":    {"<%= process.env.TOKEN %>", "line 1, column 5: process.env.TOKEN: no such name: " + have, template.Name},
		"a shell variable":                    {"#!/bin/sh\necho ${HOME}", "line 2, column 8: HOME: no such name: " + have, template.Name},
		"the clock":                           {"<%= Date.now() %>", "line 1, column 5: templates have no clock: the Secret would change with every rendering", template.Name},
		"the clock, by a date":                {"<%= new Date() %>", "line 1, column 5: templates have no clock: the Secret would change with every rendering", template.Name},
		"chance":                              {"<%= Math.random() %>", "line 1, column 5: templates have no random numbers: the Secret would change with every rendering", template.Name},
		"bytes used as text":                  {"<%= data.bytes %>", "line 1, column 5: the entry is not UTF-8 text: leave it to data, which copies bytes", template.Value},
		"a value thrown":                      {"<% throw data.text %>", "line 1, column 4: the code throws an error", template.Value},
		"a value thrown as a type of error":   {"<% class E extends Error {}; throw new E(data.text) %>", "line 1, column 36: the code throws an error", template.Value},
		"an error with a value for a message": {"<% throw new TypeError(data.text) %>", "line 1, column 10: a value is missing, null, or of another type than the code takes it for", template.Value},
		"a call of what is no function":       {"<%= data.text() %>", "line 1, column 5: data.text: a value is missing, null, or of another type than the code takes it for", template.Value},
		"an unknown encoding":                 {"<%= Buffer.from('a').toString(data.text) %>", "line 1, column 22: toString: a value is missing, null, or of another type than the code takes it for", template.Value},
		"a number out of range":               {"<%= 'a'.repeat(-1) %>", "line 1, column 9: repeat: a number is out of range", template.Value},
		"no code":                             {"<%= data. %>", "line 1, column 11: unexpected token )", template.Syntax},
		"half of a statement":                 {"<% if (true) { %>x", "line 1, column 16: unexpected token )", template.Syntax},
		"a value that stands twice":           {"<% let a = 1; let a = 2 %>", "line 1, column 19: identifier 'a' has already been declared", template.Syntax},
		"text that is no UTF-8":               {"<%= '\\ud800' %>", "the result has half of a character, which UTF-8 cannot spell", template.Output},
		"a return":                            {"<% return %>", "the template returns from its own text: remove the return statement", template.Output},
		"calls without an end":                {"<% function f() { f() } f() %>", "line 1, column 19: calls are nested too deeply", template.Limit},
		"YAML that is none":                   {"<%= yaml.load('a: b: planted') %>", "line 1, column 5: the code throws an error", template.Value},
		"a function in YAML":                  {"<%= yaml.load('!!js/function \"function () {}\"') %>", "line 1, column 5: the code throws an error", template.Value},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := Render(t.Context(), template.Text{Field: "f", Source: c.source}, entries)
			if problem == nil {
				t.Fatalf("got the text %q, want a problem", got)
			}
			if problem.Sentence() != c.want || problem.Kind != c.kind {
				t.Errorf("got  %s (%s)\nwant %s (%s)", problem.Sentence(), problem.Kind, c.want, c.kind)
			}
		})
	}
}

// TestCheck finds what a text uses, without values.
func TestCheck(t *testing.T) {
	use := func(name string, column int) template.Use { return template.Use{Name: name, Line: 1, Column: column} }
	for name, c := range map[string]struct {
		source string
		want   template.Uses
	}{
		"no value":                         {"${1 + 1}", template.Uses{}},
		"entries by name and by brackets":  {"<%= data.a + data['b-c'] %>", template.Uses{Values: true, Entries: []template.Use{use("a", 10), use("b-c", 19)}}},
		"entries by a name that is made":   {"<%= data['a' + 1] %>", template.Uses{Values: true}},
		"all that templates have":          {"<% const [o, {p, q: [r], ...s}] = JSON.parse('[]'); for (const k in o) print(k, p, r, s, yaml, Buffer, _, atob, btoa, undefined, NaN) %>", template.Uses{}},
		"names of functions and of errors": {"<% function f(a, b = 1, ...c) { try { return g => g + a + b + c } catch ({e}) { return e } } f() %>", template.Uses{}},
		"labels and members are no names":  {"<% out: for (;;) { break out } %><%= ({x: 1, y() {}}).x %>", template.Uses{}},
		"names of Node":                    {"<%= process.env.A %><%= require('fs') %>", template.Uses{Unknown: []template.Use{use("process", 5), use("require", 25)}}},
		"a shell variable":                 {"echo ${HOME}", template.Uses{Unknown: []template.Use{use("HOME", 8)}}},
		"data of its own":                  {"<% { const data = {a: 1} } %><%= data.b %>", template.Uses{Values: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := Check(template.Text{Field: "f", Source: c.source})
			if problem != nil {
				t.Fatal(problem)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

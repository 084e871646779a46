package gotemplate

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/Masterminds/sprig/v3"
	"github.com/google/go-cmp/cmp"

	texts "github.com/secretgate/secretgate/shared/template"
)

var entries = []texts.Entry{
	{Name: "user", Data: []byte("ann")}, {Name: "a-b", Data: []byte("dashed")}, {Name: "json", Data: []byte(`{"b": 2, "a": "planted"}`)},
	{Name: "text", Data: []byte("planted")}, {Name: "bytes", Data: []byte{0xff}},
}

func mustCompile(t *testing.T, options texts.Options, list ...texts.Text) *Set {
	t.Helper()
	set, problems := Compile(list, options)
	if len(problems) > 0 {
		t.Fatalf("got the problems %v, want none", problems)
	}
	return set
}

// run compiles one text and renders it.
func run(t *testing.T, source string, options texts.Options, values []texts.Entry) (string, *texts.Problem) {
	t.Helper()
	set, problems := Compile([]texts.Text{{Field: "f", Source: source}}, options)
	if len(problems) > 0 {
		return "", &problems[0]
	}
	return set.Render(t.Context(), 0, values)
}

func TestRender(t *testing.T) {
	for name, c := range map[string]struct {
		source, want string
		options      texts.Options
	}{
		"entries":                         {`{{ .user }}:{{ index . "a-b" }}`, "ann:dashed", texts.Options{}},
		"a docker config":                 {`{"auth": {{ printf "%s:%s" .user .text | b64enc | quote }}}`, `{"auth": "YW5uOnBsYW50ZWQ="}`, texts.Options{}},
		"JSON and YAML":                   {`{{ $j := .json | fromJson }}{{ $j.a }} {{ toYaml $j }}`, "planted a: planted\nb: 2", texts.Options{}},
		"keys and values in their order":  {`{{ $j := .json | fromJson }}{{ keys $j }} {{ values $j }}`, "[a b] [planted 2]", texts.Options{}},
		"conditions and defaults":         {`{{ if eq .user "ann" }}yes{{ else }}no{{ end }} {{ default "x" "" }} {{ .user | upper | trunc 2 }}`, "yes x AN", texts.Options{}},
		"a name that is missing":          {`[{{ .nope }}]`, "[<no value>]", texts.Options{MissingKey: "default"}},
		"other delimiters":                {`<< .user >> {{ .user }}`, "ann {{ .user }}", texts.Options{Delimiters: [2]string{"<<", ">>"}}},
		"bytes":                           {`{{ .bytes }}{{ b64enc .bytes | b64dec }}`, "\xff\xff", texts.Options{}},
		"a template that is called twice": {`{{ define "x" }}{{ . }}{{ end }}{{ define "y" }}{{ template "x" . }}{{ template "x" . }}{{ end }}{{ template "y" .user }}`, "annann", texts.Options{}},
		"templates of its own":            {`{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" .user }}`, "<ann>", texts.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := run(t, c.source, c.options, entries)
			if problem != nil {
				t.Fatalf("got the problem %q, want %q", problem.Error(), c.want)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestFailures says where a template fails and of what, and no value.
func TestFailures(t *testing.T) {
	strict := texts.Options{MissingKey: "error"}
	for name, c := range map[string]struct {
		source, want string
		kind         texts.Kind
	}{
		"a missing entry":            {"a\n{{ .nope }}", "line 2, column 4: <.nope> is no entry that there is", texts.Value},
		"fail":                       {"{{ fail .text }}", `line 1, column 1: "fail" is no function that templates have: it would put what it is given into an error`, texts.Name},
		"the environment":            {`{{ env "HOME" }}`, `line 1, column 1: "env" is no function that templates have: it reads the environment`, texts.Name},
		"the clock":                  {"{{ now }}", `line 1, column 1: "now" is no function that templates have: it reads the clock or the machine's time zone`, texts.Name},
		"chance":                     {"{{ randAlphaNum 5 }}", `line 1, column 1: "randAlphaNum" is no function that templates have: it makes another text each time, so that each refresh would change the Secret`, texts.Name},
		"DNS":                        {"{{ getHostByName .text }}", `line 1, column 1: "getHostByName" is no function that templates have: it asks the network`, texts.Name},
		"what is none anywhere":      {"{{ planted }}", `line 1, column 1: "planted" is no function that templates have`, texts.Name},
		"a function that fails":      {"{{ mustFromJson .text }}", "line 1, column 4: <mustFromJson .text>: the function fails on the value that it is given", texts.Value},
		"an index that is too large": {"{{ index .text 99 }}", "line 1, column 4: <index .text 99>: the function fails on the value that it is given", texts.Value},
		"a member of a text":         {"{{ .text.planted }}", "line 1, column 9: <.text.planted>: a value is missing, or of another type than the template takes it for", texts.Value},
		"half of an action":          {"{{ if .user }}", "line 1, column 1: unexpected EOF", texts.Syntax},
		"a circle of templates": {`{{ define "a" }}{{ range .x }}{{ else }}{{ template "b" }}{{ end }}{{ end }}{{ define "b" }}{{ with . }}{{ if . }}{{ template "a" }}{{ end }}{{ end }}{{ end }}`,
			"line 1, column 127: the template calls itself, maybe by way of others: use range", texts.Limit},
		"templates that never end": {`{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`, "line 1, column 29: the template calls itself, maybe by way of others: use range", texts.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := run(t, c.source, strict, entries)
			if problem == nil {
				t.Fatalf("got %q, want the problem %q", got, c.want)
			}
			if problem.Sentence() != c.want || problem.Kind != c.kind {
				t.Errorf("got  %s (%s)\nwant %s (%s)", problem.Sentence(), problem.Kind, c.want, c.kind)
			}
		})
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, problem := mustCompile(t, texts.Options{}, texts.Text{Field: "f", Source: "x"}).Render(ctx, 0, nil)
	if problem == nil || problem.Kind != texts.Limit {
		t.Errorf("got %q and the problem %v, want that it takes too long", got, problem)
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		want   texts.Uses
	}{
		"no value":  {`{{ "x" | upper }}`, texts.Uses{}},
		"entries":   {"{{ .user }}\n{{ if .a }}{{ index . \"a-b\" }}{{ end }}", texts.Uses{Values: true, Entries: []texts.Use{{Name: "user", Line: 1, Column: 4}, {Name: "a", Line: 2, Column: 7}, {Name: "a-b", Line: 2, Column: 23}}}},
		"all":       {"{{ range . }}{{ .x }}{{ end }}", texts.Uses{Values: true}},
		"a pipe in": {"{{ (.user | upper) | lower }}", texts.Uses{Values: true, Entries: []texts.Use{{Name: "user", Line: 1, Column: 5}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := mustCompile(t, texts.Options{}, texts.Text{Field: "f", Source: c.source}).Check(0)
			if problem != nil {
				t.Fatal(problem)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestAllowedFunctionsAreSprigs finds a name that no function has, and one that depends on more than it is given.
func TestAllowedFunctionsAreSprigs(t *testing.T) {
	hermetic := sprig.HermeticTxtFuncMap()
	for name := range strings.FieldsSeq(allowed) {
		if hermetic[name] == nil || !reflect.ValueOf(hermetic[name]).IsValid() {
			t.Errorf("%s is no function of sprig that always gives the same", name)
		}
	}
}

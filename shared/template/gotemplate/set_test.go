package gotemplate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	texts "github.com/secretgate/secretgate/shared/template"
)

// asJSON are the values that templates of Vault Secrets Operator see.
var asJSON = []texts.Entry{
	{Name: "Secrets", Data: []byte(`{"user":"ann","pass":"pla<nted","port":5432,"big":12345678901234567890,"f":1.50,"on":true,"none":null,` +
		`"o":{"list":[1,{"deep":"x"}],"f":0.10}}`)},
	{Name: "Metadata", Data: []byte(`{"version":7,"custom_metadata":{"team":"a"}}`)},
	{Name: "Annotations", Data: []byte(`{"app/host":"db.example.com"}`)},
}

func TestValuesThatAreJSON(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"members":                        {`{{ .Secrets.user }} {{ get .Secrets "user" }} {{ index .Secrets "user" }}`, "ann ann ann"},
		"a member that is missing":       {`[{{ get .Secrets "nope" }}]`, "[]"},
		"what is nested stays so":        {`{{ .Secrets.o.f }} {{ (index .Secrets.o.list 1).deep }} {{ dig "o" "f" "none" .Secrets }} {{ dig "x" "f" "none" .Secrets }}`, "0.10 x 0.10 none"},
		"numbers keep their digits":      {`{{ .Secrets.big }} {{ .Secrets.f }} {{ printf "%s %v" .Secrets.port .Secrets.f }}`, "12345678901234567890 1.50 5432 1.50"},
		"numbers are calculated with":    {`{{ add1 .Secrets.port }} {{ int .Secrets.port }} {{ float64 .Secrets.f }} {{ eq (int .Secrets.port) 5432 }}`, "5433 5432 1.5 true"},
		"truth and nothing":              {`{{ if .Secrets.on }}{{ kindOf .Secrets.on }}{{ end }} {{ .Secrets.none | default "empty" }}`, "bool empty"},
		"objects of the object":          {`{{ get .Annotations "app/host" }} {{ .Metadata.version }} {{ dig "custom_metadata" "team" "" .Metadata }}`, "db.example.com 7 a"},
		"a range is in order":            {`{{ range $k, $v := .Secrets.o }}{{ $k }}={{ toJson $v }};{{ end }}`, `f=0.10;list=[1,{"deep":"x"}];`},
		"JSON again":                     {`{{ toJson .Secrets.o }} {{ toRawJson .Secrets.pass }}`, `{"f":0.10,"list":[1,{"deep":"x"}]} "pla<nted"`},
		"a copy that is changed":         {`{{ $c := mustDeepCopy .Secrets.o }}{{ $_ := set $c "host" (get .Annotations "app/host") }}{{ mustToPrettyJson $c }}`, "{\n  \"f\": 0.10,\n  \"host\": \"db.example.com\",\n  \"list\": [\n    1,\n    {\n      \"deep\": \"x\"\n    }\n  ]\n}"},
		"base64":                         {`{{ b64enc .Secrets.user }} {{ "YW5u" | b64dec }} {{ trim " a " }}`, "YW5u ann a"},
		"a URL of Vault's documentation": {`{{- printf "postgresql://%s:%s@%s" (get .Secrets "user") (get .Secrets "pass") (get .Annotations "app/host") -}}`, "postgresql://ann:pla<nted@db.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := run(t, c.source, texts.Options{JSON: true, MissingKey: "error"}, asJSON)
			if problem != nil {
				t.Fatalf("got the problem %q, want %q", problem.Error(), c.want)
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestFailuresOfJSON(t *testing.T) {
	for name, c := range map[string]struct{ source, value, want string }{
		"a value that is none":       {"x", "planted", "f: the value of v is not JSON"},
		"two values":                 {"x", `1 "planted"`, "f: the value of v is not JSON"},
		"a member that is missing":   {`{{ .v.nope }}`, `{"planted":1}`, "f: line 1, column 6: <.v.nope> is no entry that there is"},
		"a member of a text":         {`{{ .v.a.b }}`, `{"a":"planted"}`, "f: line 1, column 6: <.v.a.b>: a value is missing, or of another type than the template takes it for"},
		"a path through a text":      {`{{ dig "a" "b" "" .v }}`, `{"a":"planted"}`, `f: line 1, column 4: <dig "a" "b" "" .v>: the function fails on the value that it is given`},
		"a comparison with a number": {`{{ if eq .v 5 }}{{ end }}`, `5`, "f: line 1, column 7: <eq .v 5>: the function fails on the value that it is given"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := run(t, c.source, texts.Options{JSON: true, MissingKey: "error"}, []texts.Entry{{Name: "v", Data: []byte(c.value)}})
			if problem == nil || problem.Error() != c.want {
				t.Errorf("got %q and the problem %v, want %q", got, problem, c.want)
			}
		})
	}
}

// TestTextsOfOneObject calls what other texts have, and what the library defines.
func TestTextsOfOneObject(t *testing.T) {
	named := func(name, source string) texts.Text {
		return texts.Text{Field: "named." + name, Name: name, Source: source}
	}
	for name, c := range map[string]struct {
		list, library []texts.Text
		want          []string
	}{
		"the library of Vault's documentation": {
			[]texts.Text{{Source: `{{- template "url" . -}}`}, {Source: `{{ template "name" . }}!`}},
			[]texts.Text{named("helpers", "{{/*\n a comment\n*/}}\n{{- define \"url\" -}}\n{{- $h := get .Annotations \"app/host\" -}}\n{{- printf \"db://%s\" $h -}}\n{{- end -}}\n"+
				"{{ define \"name\" }}{{ .Secrets.user }}{{ end }}")},
			[]string{"db://db.example.com", "ann!"},
		},
		"a text calls another one by its name": {
			[]texts.Text{named("a", `a{{ template "b" .Secrets }}`), named("b", `{{ .user }}`)}, nil, []string{"aann", "<no value>"},
		},
		"a text calls what another one defines": {[]texts.Text{{Source: `{{ template "x" }}`}, {Source: `{{ define "x" }}1{{ end }}2`}}, nil, []string{"1", "2"}},
		"a library calls another one": {
			[]texts.Text{{Source: `{{ template "x" }}`}},
			[]texts.Text{named("", `{{ define "x" }}x{{ template "y" }}{{ template "z" }}{{ end }}`), named("z", `z`), named("", `{{ define "y" }}y{{ end }}`)},
			[]string{"xyz"},
		},
		"a text's own definition wins while it runs, wherever it is called": {
			[]texts.Text{{Source: `{{ define "x" }}own{{ end }}{{ template "x" }} {{ template "y" }}`}, {Source: `{{ template "x" }} {{ template "y" }}`}},
			[]texts.Text{named("", `{{ define "x" }}library{{ end }}{{ define "y" }}y:{{ template "x" }}{{ end }}`)},
			[]string{"own y:own", "own y:own"}, // for the other text, texts win over the library
		},
		"of two in the library, the later wins": {
			[]texts.Text{{Source: `{{ template "x" }}`}}, []texts.Text{named("", `{{ define "x" }}1{{ end }}`), named("", `{{ define "x" }}2{{ end }}`)}, []string{"2"},
		},
		"a text sees nothing that another one has changed": {
			[]texts.Text{{Source: `{{ $_ := set .Secrets "user" "eve" }}{{ .Secrets.user }}`}, {Source: `{{ .Secrets.user }}`}}, nil, []string{"eve", "ann"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := mustCompile(t, texts.Options{JSON: true, Library: c.library}, c.list...)
			if set.Len() != len(c.list)+len(c.library) {
				t.Errorf("got %d texts, want %d", set.Len(), len(c.list)+len(c.library))
			}
			var got []string
			for n := range c.list {
				text, problem := set.Render(t.Context(), n, asJSON)
				if problem != nil {
					t.Fatal(problem)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestProblemsOfOtherTexts are said where they are.
func TestProblemsOfOtherTexts(t *testing.T) {
	caller := texts.Text{Field: "f", Source: "a\n{{ template \"x\" . }}"}
	for name, c := range map[string]struct{ list, library, want string }{
		"a function that is not there":            {"{{ now }}", "\n{{ env `HOME` }}", `[f: line 1, column 1: "now" is no function that templates have: it reads the clock or the machine's time zone l: line 2, column 1: "env" is no function that templates have: it reads the environment]`},
		"a library that is none":                  {caller.Source, "{{ define `x` }}", "[l: line 1, column 1: unexpected EOF]"},
		"a circle through the library":            {"{{ define `y` }}{{ template `x` }}{{ end }}{{ template `y` }}", "{{ define `x` }}\n\n {{ template `y` }}{{ end }}", "l: line 3, column 14: the template calls itself, maybe by way of others: use range"},
		"a failure in the library":                {caller.Source, "{{ define `x` }}\n {{ .Secrets.pass.planted }}{{ end }}", "l: line 2, column 13: <.Secrets.pass.planted>: a value is missing, or of another type than the template takes it for"},
		"a call of what is not there":             {caller.Source, "{{ define `y` }}{{ end }}", `f: line 2, column 13: <{{template "x" .}}>: there is no such template`},
		"the library's call of what is not there": {caller.Source, "{{ define `x` }}{{ template `y` . }}{{ end }}", `l: line 1, column 29: <{{template "y" .}}>: there is no such template`},
	} {
		t.Run(name, func(t *testing.T) {
			set, problems := Compile([]texts.Text{{Field: "f", Source: c.list}}, texts.Options{
				JSON: true, Library: []texts.Text{{Field: "l", Source: c.library}},
			})
			var got string
			if len(problems) > 0 {
				for _, p := range problems {
					got += " " + p.Error()
				}
				got = "[" + got[1:] + "]"
			} else if text, problem := set.Render(t.Context(), 0, asJSON); problem != nil {
				got = problem.Error()
			} else {
				got = "rendered " + text
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestCheckOfTexts finds what is called and is not there. What a definition's dot is, is up to its callers.
func TestCheckOfTexts(t *testing.T) {
	set := mustCompile(t, texts.Options{Library: []texts.Text{{Field: "l", Source: "{{ .any }}{{ define `x` }}\n{{ .any }}{{ template `nope` }}{{ end }}"}}},
		texts.Text{Field: "f", Source: "{{ template `x` . }}{{ .user }}{{ if .on }}\n{{ template `z` }}{{ end }}"},
		texts.Text{Field: "g", Source: "{{ define `a` }}{{ .any }}{{ template `b` }}{{ template `x` }}{{ end }}"},
	)
	want := []texts.Uses{
		{
			Values: true, Entries: []texts.Use{{Name: "user", Line: 1, Column: 24}, {Name: "on", Line: 1, Column: 38}},
			Unknown: []texts.Use{{Name: `"z"`, Line: 2, Column: 13}},
		},
		{Unknown: []texts.Use{{Name: `"b"`, Line: 1, Column: 39}}},
		{Unknown: []texts.Use{{Name: `"nope"`, Line: 2, Column: 23}}},
	}
	for n := range set.Len() {
		got, problem := set.Check(n)
		if problem != nil {
			t.Fatal(problem)
		}
		if diff := cmp.Diff(want[n], got); diff != "" {
			t.Errorf("text %d: -want +got:\n%s", n, diff)
		}
	}
	circle := mustCompile(t, texts.Options{Library: []texts.Text{{Field: "l", Source: "{{ define `x` }}{{ template `x` }}{{ end }}"}}}, texts.Text{Field: "f", Source: "x"})
	if _, problem := circle.Check(0); problem != nil {
		t.Errorf("got the problem %v of a text that calls nothing", problem)
	}
	if _, problem := circle.Check(1); problem == nil || problem.Field != "l" || problem.Kind != texts.Limit {
		t.Errorf("got the problem %v, want that the library calls itself", problem)
	}
}

package render

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/worker"
)

func TestMain(m *testing.M) {
	worker.RunIfAsked()
	os.Exit(m.Run())
}

// templated reads the entry n, whose value is of the key k, and the entries of t.
func templated(t plan.Template) *plan.Plan {
	t.Engine = template.Lodash
	return &plan.Plan{Words: words, Entries: []plan.Entry{dataEntry("k")}, Template: t}
}

func code(part plan.Part, name, source string) plan.Made {
	return plan.Made{Text: template.Text{Field: "spec.template." + name, Source: source}, Part: part, Name: name}
}

func TestTemplates(t *testing.T) {
	var pool worker.Pool
	defer pool.Close()
	for _, tc := range []struct {
		name     string
		template plan.Template
		want     *Secret
		problems []string
	}{
		{"a text of each part", plan.Template{Made: []plan.Made{
			code(plan.InLabels, "l", "is-<%= data.n.length %>"), code(plan.InAnnotations, "a", "${'x'}"),
			code(plan.InData, "d", "<%= Buffer.from(data.n).toString('base64') %>\n"), code(plan.InStringData, "s", "pw=${data.n}"),
		}}, &Secret{
			Data:   map[string][]byte{"n": []byte("value"), "d": []byte("value"), "s": []byte("pw=value")},
			Labels: map[string]string{"l": "is-5"}, Annotations: map[string]string{"a": "x"},
		}, nil},
		{"what is read wins over data, and stringData over all", plan.Template{
			Data: map[string][]byte{"n": []byte("below"), "d": []byte("below")}, StringData: map[string][]byte{"s": []byte("static")},
			Made: []plan.Made{code(plan.InData, "n", "eA==${''}"), code(plan.InStringData, "n", "<%= data.n %>!"), code(plan.InStringData, "s", "${1}")},
		}, &Secret{
			Data:   map[string][]byte{"n": []byte("value!"), "d": []byte("below"), "s": []byte("1")},
			Labels: map[string]string{}, Annotations: map[string]string{},
		}, nil},
		{"a label that is none, and bytes that are not base64", plan.Template{Made: []plan.Made{
			code(plan.InLabels, "l", "<%= data.n %>/"), code(plan.InData, "d", "*${data.n}"),
		}}, nil, []string{
			"spec.template.l: what the template makes cannot be the value of a label: it must be 63 characters or less, " +
				"begin and end with a letter or digit, and have letters, digits, '-', '_' and '.' between",
			"spec.template.d: what the template makes is not base64: make it so, or use stringData for plain text",
		}},
		{"annotations that are too large", plan.Template{Made: []plan.Made{code(plan.InAnnotations, "a", "<%= 'x'.repeat(300000) %>")}}, nil,
			[]string{"spec: the annotations that templates make have more than 262144 bytes together"}},
		{"code that fails says where, and no value", plan.Template{Made: []plan.Made{code(plan.InStringData, "s", "a\n b <%= JSON.parse(data.n).x %>")}}, nil,
			[]string{"spec.template.s: line 2, column 8: JSON.parse: the text that it is given cannot be parsed"}},
		{"a Secret that is too large", plan.Template{Made: []plan.Made{
			code(plan.InStringData, "s", "<%= 'x'.repeat(600000) %>"), code(plan.InStringData, "u", "<%= 'x'.repeat(448576) %>"),
		}}, nil, []string{"spec: the values of the Secret have 1048581 bytes together; the API server accepts 1048576: split it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, errs := Render(t.Context(), templated(tc.template), read(map[string]string{"k": "value"}), nil, pool.Render)
			var problems []string
			for _, err := range errs {
				problems = append(problems, err.Error())
			}
			if diff := cmp.Diff(tc.problems, problems); diff != "" {
				t.Errorf("problems: -want +got:\n%s", diff)
			}
			if strings.Contains(strings.Join(problems, ""), "value/") || strings.Contains(strings.Join(problems, ""), "*value") {
				t.Error("a problem holds a value")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestGoTemplates renders as External Secrets Operator does, with exact bytes.
func TestGoTemplates(t *testing.T) {
	var pool worker.Pool
	defer pool.Close()
	each := func(source string) plan.Made {
		m := code(plan.InStringData, "", source)
		m.Field, m.Each = "spec.target.template.templateFrom[0].literal", true
		return m
	}
	one := func(name, source string) plan.Made { return code(plan.InStringData, name, source) }
	user, dashed, binary := dataEntry("user"), dataEntry("dashed"), dataEntry("binary")
	user.Name, dashed.Name, binary.Name = "user", "my-key", "binary"
	values := read(map[string]string{"user": "ann", "dashed": "planted", "binary": "\xff\x00"})
	for _, tc := range []struct {
		name    string
		hidden  bool
		made    []plan.Made
		want    map[string]string
		problem string
	}{
		{"entries feed templates alone", true, []plan.Made{one("url", `https://{{ .user }}:{{ index . "my-key" }}@host`)}, map[string]string{"url": "https://ann:planted@host"}, ""},
		{"entries stay, and templates win over them", false, []plan.Made{one("user", "{{ .user | upper }}")},
			map[string]string{"user": "ANN", "my-key": "planted", "binary": "\xff\x00"}, ""},
		{"bytes that are no text", true, []plan.Made{one("b", "{{ .binary }}"), one("c", `{{ "/wA=" | b64dec }}`)}, map[string]string{"b": "\xff\x00", "c": "\xff\x00"}, ""},
		{"a text of names and texts, in which numbers and the like are their text", true, []plan.Made{
			each("user: {{ .user }}\nport: 5432\nratio: 1.10\non: yes\nnone: null\nlines: |\n  a\n  b\n\"my.key\": {{ index . \"my-key\" | quote }}\n")},
			map[string]string{"user": "ann", "port": "5432", "ratio": "1.1", "true": "true", "none": "", "lines": "a\nb\n", "my.key": "planted"}, ""},
		{"an empty text of names and texts", true, []plan.Made{each("{{ if false }}x{{ end }}"), one("a", "b")}, map[string]string{"a": "b"}, ""},
		{"the later of two wins", true, []plan.Made{each("a: 1\nb: 1"), each("b: 2\nc: 2"), one("c", "3")}, map[string]string{"a": "1", "b": "2", "c": "3"}, ""},
		{"an entry that is missing", true, []plan.Made{one("a", "{{ .nope }}")}, nil, "spec.template.a: line 1, column 4: <.nope> is no entry that there is"},
		{"a text that is no YAML", true, []plan.Made{each(`{{ index . "my-key" }}`)}, nil,
			"spec.target.template.templateFrom[0].literal: what the template makes is not YAML of the form name: text, a line each: quote values, or make one entry of it"},
		{"a text of objects", true, []plan.Made{each(`a: {b: {{ index . "my-key" }}}`)}, nil,
			"spec.target.template.templateFrom[0].literal: what the template makes is not YAML of the form name: text, a line each: quote values, or make one entry of it"},
		{"a name that no Secret has", true, []plan.Made{each(`{{ index . "my-key" }}/x: a`)}, nil, "spec.target.template.templateFrom[0].literal: the template makes a name that no Secret can have: " +
			"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"},
		{"an annotation that is no text", true, []plan.Made{code(plan.InAnnotations, "a", "{{ .binary }}")}, nil,
			"spec.template.a: what the template makes is not UTF-8, as the value of an annotation must be"},
		{"too many names", true, []plan.Made{each("{{ range until 10001 }}n{{ . }}: x\n{{ end }}")}, nil,
			"spec.target.template.templateFrom[0].literal: the template makes more than 10000 names: split the object"},
		{"aliases that multiply", true, []plan.Made{each("a: &a [x, x, x, x, x, x, x, x, x]\n" + aliases(12))}, nil,
			"spec.target.template.templateFrom[0].literal: what the template makes is not YAML of the form name: text, a line each: quote values, or make one entry of it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &plan.Plan{Words: words, Entries: []plan.Entry{user, dashed, binary}, Template: plan.Template{
				Engine: template.Go, Options: template.Options{MissingKey: "error"}, Made: tc.made,
			}}
			for i := range p.Entries {
				if tc.hidden {
					p.Entries[i].Use = plan.InTemplates
				}
			}
			got, errs := Render(t.Context(), p, values, nil, pool.Render)
			if tc.problem != "" {
				if got != nil || len(errs) != 1 || errs[0].Error() != tc.problem {
					t.Errorf("got %v and the errors %v, want %q", got, errs, tc.problem)
				}
				return
			}
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(got.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// aliases are lists of nine aliases of the list before, so many.
func aliases(levels int) string {
	var b strings.Builder
	for i := range levels {
		name, before := string(rune('b'+i)), string(rune('a'+i))
		b.WriteString(name + ": &" + name + " [" + strings.Repeat("*"+before+", ", 8) + "*" + before + "]\n")
	}
	return b.String()
}

// TestTemplatesThatAreNotAnswered must not make a Secret without them.
func TestTemplatesThatAreNotAnswered(t *testing.T) {
	p := templated(plan.Template{Made: []plan.Made{code(plan.InStringData, "s", "${1}")}})
	for name, engine := range map[string]Templates{
		"an error": func(context.Context, *plan.Plan, []template.Entry) (template.Answer, error) {
			return template.Answer{Rendered: [][]byte{[]byte("x")}}, errors.New("no worker")
		},
		"too few texts": func(context.Context, *plan.Plan, []template.Entry) (template.Answer, error) {
			return template.Answer{}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := Render(t.Context(), p, read(map[string]string{"k": "v"}), nil, engine)
			if got != nil || len(errs) != 1 || !errs[0].Late || errs[0].Template != template.Busy {
				t.Errorf("got %v and %v, want one error that another attempt may not meet", got, errs)
			}
		})
	}
}

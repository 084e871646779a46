package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// read makes the values of reads by key.
func read(values map[string]string) Values {
	v := Values{}
	for key, value := range values {
		v[plan.Source{Read: plan.Read{Key: key}}] = []driver.Value{{Data: []byte(value)}}
	}
	return v
}

// words are those of ExternalSecrets.
var words = (&kes.Installation{}).Words()

func entries(list ...plan.Entry) *plan.Plan {
	return &plan.Plan{Words: words, Entries: list}
}

// definition is the plan of a SecretDefinition.
func definition(list ...plan.Entry) *plan.Plan {
	return &plan.Plan{Words: (&tuenti.Installation{}).Words(), Entries: list}
}

func dataEntry(key string) plan.Entry {
	return plan.Entry{Field: "spec.data[0]", Name: "n", Source: plan.Source{Read: plan.Read{Key: key}}}
}

func fromEntry(field, key string) plan.Entry {
	return plan.Entry{Field: field, Kind: plan.Members, Source: plan.Source{Read: plan.Read{Key: key}}}
}

func texts(data map[string][]byte) map[string]string {
	if data == nil {
		return nil
	}
	m := map[string]string{}
	for name, value := range data {
		m[name] = string(value)
	}
	return m
}

func TestRenderData(t *testing.T) {
	binary := func(e plan.Entry) plan.Entry { e.Binary = true; return e }
	property := func(e plan.Entry, p string) plan.Entry { e.Property = p; return e }
	named := func(e plan.Entry, name string) plan.Entry { e.Name = name; return e }
	for _, tc := range []struct {
		name   string
		plan   *plan.Plan
		values Values
		want   map[string]string
	}{
		{"a value is its bytes", entries(dataEntry("k")), read(map[string]string{"k": "v\x00\xff"}), map[string]string{"n": "v\x00\xff"}},
		{"an empty value is an empty entry", entries(dataEntry("k")), read(map[string]string{"k": ""}), map[string]string{"n": ""}},
		{"JSON without property stays as it is", entries(dataEntry("k")), read(map[string]string{"k": `{"a": 1}`}), map[string]string{"n": `{"a": 1}`}},
		{"a property is looked up", entries(property(dataEntry("k"), "a.b")), read(map[string]string{"k": `{"a":{"b":7}}`}), map[string]string{"n": "7"}},
		{"isBinary decodes base64", entries(binary(dataEntry("k"))), read(map[string]string{"k": "/+8="}), map[string]string{"n": "\xff\xef"}},
		{"isBinary decodes the alphabet for URLs", entries(binary(dataEntry("k"))), read(map[string]string{"k": "_-8="}), map[string]string{"n": "\xff\xef"}},
		{"isBinary passes over line ends", entries(binary(dataEntry("k"))), read(map[string]string{"k": "aGVs\r\nbG8=\n"}), map[string]string{"n": "hello"}},
		{"isBinary of nothing is nothing", entries(binary(dataEntry("k"))), read(map[string]string{"k": ""}), map[string]string{"n": ""}},
		{"isBinary decodes after the property was looked up", entries(binary(property(dataEntry("k"), "p"))),
			read(map[string]string{"k": `{"p":"aGVsbG8="}`}), map[string]string{"n": "hello"}},
		{"isBinary leaves bytes of the backend alone", entries(binary(dataEntry("k"))),
			Values{{Read: plan.Read{Key: "k"}}: {{Data: []byte("aGk="), Bytes: true}}}, map[string]string{"n": "aGk="}},
		{"a property in bytes of the backend is decoded by isBinary", entries(binary(property(dataEntry("k"), "p"))),
			Values{{Read: plan.Read{Key: "k"}}: {{Data: []byte(`{"p":"aGk="}`), Bytes: true}}}, map[string]string{"n": "hi"}},
		{"dataFrom makes an entry of each member", entries(fromEntry("spec.dataFrom[0]", "k")),
			read(map[string]string{"k": `{"s":"v","n":12345678901234567890,"b":false,"z":null,"o":{"y":1,"x":[2, 3]}}`}),
			map[string]string{"s": "v", "n": "12345678901234567890", "b": "false", "z": "null", "o": `{"y":1,"x":[2,3]}`}},
		{"dataFrom takes the last of two members of one name", entries(fromEntry("spec.dataFrom[0]", "k")), read(map[string]string{"k": `{"a":1,"a":2}`}), map[string]string{"a": "2"}},
		{"dataFromWithOptions decodes the whole object", entries(binary(fromEntry("spec.dataFromWithOptions[0]", "k"))),
			read(map[string]string{"k": "eyJhIjoiYiJ9"}), map[string]string{"a": "b"}},
		{"the last definition of a name wins",
			entries(fromEntry("spec.dataFrom[0]", "from"), fromEntry("spec.dataFrom[1]", "from2"), fromEntry("spec.dataFromWithOptions[0]", "with"), named(dataEntry("data"), "a")),
			read(map[string]string{"from": `{"a":"1","b":"1","c":"1","d":"1"}`, "from2": `{"b":"2"}`, "with": `{"a":"3","c":"3"}`, "data": "4"}),
			map[string]string{"a": "4", "b": "2", "c": "3", "d": "1"}},
		{"what is read wins over the template", &plan.Plan{Words: words, Entries: []plan.Entry{dataEntry("k")}, Template: plan.Template{Data: map[string][]byte{"n": []byte("t"), "m": []byte("t")}}},
			read(map[string]string{"k": "v"}), map[string]string{"n": "v", "m": "t"}},
		{"a path walk names entries by the last segment", entries(plan.Entry{Kind: plan.Tree, Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "/p", Path: true}}}),
			Values{{Read: plan.Read{Key: "/p", Path: true}}: {{Name: "/p/x/a", Data: []byte("1")}, {Name: "/p/b", Data: []byte("2")}}},
			map[string]string{"a": "1", "b": "2"}},
		{"what is read again later wins again",
			entries(fromEntry("spec.dataFrom[0]", "one"), fromEntry("spec.dataFrom[1]", "two"), fromEntry("spec.dataFrom[2]", "one")),
			read(map[string]string{"one": `{"a":"1"}`, "two": `{"a":"2","b":"2"}`}), map[string]string{"a": "1", "b": "2"}},
		{"1 MiB of values is accepted, whatever the names", entries(dataEntry("k")),
			read(map[string]string{"k": strings.Repeat("x", MaxSecretBytes)}), map[string]string{"n": strings.Repeat("x", MaxSecretBytes)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			secret, errs := Render(t.Context(), tc.plan, tc.values, nil, nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(secret.Data)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	const secret = "planted"
	const names = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', " +
		"regex used for validation is '[-._a-zA-Z0-9]+')"
	tree := plan.Entry{Kind: plan.Tree, Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "/p", Path: true}}}
	walked := func(names ...string) Values {
		var found []driver.Value
		for _, name := range names {
			found = append(found, driver.Value{Name: name, Data: []byte(secret)})
		}
		return Values{tree.Source: found}
	}
	for _, tc := range []struct {
		name   string
		plan   *plan.Plan
		values Values
		want   []string
	}{
		{"a property of what is not JSON", entries(plan.Entry{Field: "spec.data[3]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"}), read(map[string]string{"k": "planted {"}),
			[]string{"spec.data[3]: the value of k is not JSON, so it has no property p: remove property to use it as it is"}},
		{"a property that is missing, in KES's words", entries(plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"}), read(map[string]string{"k": `{"q":"planted"}`}),
			[]string{"spec.data[0]: Could not find property p in k: its value is a JSON object without it: check property"}},
		{"a property of an array", entries(plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"}), read(map[string]string{"k": `[{"p":"planted"}]`}),
			[]string{"spec.data[0]: Could not find property p in k: its value is a JSON array: begin property with a number in brackets, as in [0].name"}},
		{"a property of a text", entries(plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"}), read(map[string]string{"k": `"planted"`}),
			[]string{"spec.data[0]: Could not find property p in k: its value is no JSON object: remove property"}},
		{"a key that is missing in tuenti's words", definition(plan.Entry{Field: "spec.keysMap[a]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"}), read(map[string]string{"k": `{"q":"planted"}`}),
			[]string{"spec.keysMap[a]: Could not find property p in k: its value is a JSON object without it: check key"}},
		{"base64 in tuenti's words", definition(plan.Entry{Field: "spec.keysMap[a]", Binary: true, Source: plan.Source{Read: plan.Read{Key: "k"}}}, plan.Entry{Field: "spec.keysMap[b]", Binary: true, Source: plan.Source{Read: plan.Read{Key: "pem"}}}),
			read(map[string]string{"k": "planted", "pem": "-----BEGIN PRIVATE KEY-----\nplanted\n"}),
			[]string{"spec.keysMap[a]: the value of k is not base64, though encoding says so: the number of = at its end is wrong: write encoding: text, or store it as base64",
				"spec.keysMap[b]: the value of pem is PEM, not base64: write encoding: text"}},
		{"bytes that are not UTF-8", entries(plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "pw"}, fromEntry("spec.dataFrom[0]", "k")),
			read(map[string]string{"k": "{\"pw\":\"planted\xe9\"}"}),
			[]string{"spec.data[0]: property pw of k is not UTF-8, as JSON must be: store it so, or its bytes as base64",
				"spec.dataFrom[0]: a member of k is not UTF-8, as JSON must be: store it so, or its bytes as base64"}},
		{"half of a character", entries(plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "pw"}, fromEntry("spec.dataFrom[0]", "k")),
			read(map[string]string{"k": `{"pw":"planted\ud800"}`}),
			[]string{`spec.data[0]: property pw of k holds an escape of half a character (\ud800 to \udfff), which is no text: correct it in the backend`,
				`spec.dataFrom[0]: a member of k holds an escape of half a character (\ud800 to \udfff), which is no text: correct it in the backend`}},
		{"dataFrom of an empty object", entries(fromEntry("spec.dataFrom[0]", "k"), plan.Entry{Field: "spec.dataFromWithOptions[0]", Kind: plan.Members, Binary: true, Source: plan.Source{Read: plan.Read{Key: "b"}}}),
			read(map[string]string{"k": " { } ", "b": "e30="}),
			[]string{"spec.dataFrom[0]: the value of k is an empty object, which makes no entry: give it members, or remove this entry",
				"spec.dataFromWithOptions[0]: the value of b is an empty object, which makes no entry: give it members, or remove this entry"}},
		{"a path walk that finds nothing", entries(tree, plan.Entry{Kind: plan.Tree, Field: "spec.data[1]", Source: plan.Source{Read: plan.Read{Key: "/q", Path: true, Recursive: true}}}), Values{},
			[]string{"spec.data[0]: no parameter is below /p: check the path, or set recursive: true", "spec.data[1]: no parameter is below /q: check the path"}},
		{"a walked value that is not as it is meant to be, by its own name", entries(plan.Entry{Kind: plan.Tree, Field: "spec.data[0]", Source: tree.Source, Property: "p"}), walked("/p/x"),
			[]string{"spec.data[0]: the value of /p/x is not JSON, so it has no property p: remove property to use it as it is"}},
		{"names that would not be seen", entries(tree), walked("/p/b\n\x1b[31m" + strings.Repeat("x", 200)),
			[]string{"spec.data[0]: /p/b\ufffd\ufffd[31m" + strings.Repeat("x", 118) + "… cannot become an entry: " + names}},
		{"isBinary of what is not base64", entries(plan.Entry{Field: "spec.data[0]", Binary: true, Source: plan.Source{Read: plan.Read{Key: "k"}}}), read(map[string]string{"k": "planted!"}),
			[]string{"spec.data[0]: the value of k is not base64, though isBinary says so: it has other characters than base64 has: remove isBinary, or store it as base64"}},
		{"isBinary of a property that is a number of no base64", entries(plan.Entry{Field: "spec.data[0]", Binary: true, Property: "p", Source: plan.Source{Read: plan.Read{Key: "k"}}}), read(map[string]string{"k": `{"p":1.5}`}),
			[]string{"spec.data[0]: property p of k is not base64, though isBinary says so: it has other characters than base64 has: remove isBinary, or store it as base64"}},
		{"dataFrom of an array", entries(fromEntry("spec.dataFrom[0]", "k")), read(map[string]string{"k": `["planted"]`}),
			[]string{"spec.dataFrom[0]: the value of k is not a JSON object: use data, with a name, for plain values"}},
		{"dataFrom of null", entries(fromEntry("spec.dataFrom[0]", "k")), read(map[string]string{"k": `null`}),
			[]string{"spec.dataFrom[0]: the value of k is not a JSON object: use data, with a name, for plain values"}},
		{"dataFrom of text", entries(fromEntry("spec.dataFrom[0]", "k")), read(map[string]string{"k": secret}),
			[]string{"spec.dataFrom[0]: the value of k is not a JSON object: use data, with a name, for plain values"}},
		{"dataFromWithOptions of what is not base64", entries(plan.Entry{Field: "spec.dataFromWithOptions[0]", Kind: plan.Members, Binary: true, Source: plan.Source{Read: plan.Read{Key: "k"}}}), read(map[string]string{"k": `{"a":"planted"}`}),
			[]string{"spec.dataFromWithOptions[0]: the value of k is not base64, though isBinary says so: it has other characters than base64 has: " +
				"remove isBinary, or store it as base64"}},
		{"two values of a walk with one name", entries(tree), walked("/p/b/x", "/p/a/x"),
			[]string{"spec.data[0]: /p/a/x and /p/b/x would both become the entry x: read one of them by key"}},
		{"more bytes than a Secret holds", entries(dataEntry("k")), read(map[string]string{"k": strings.Repeat("x", MaxSecretBytes+1)}),
			[]string{"spec: the values of the Secret have 1048577 bytes together; the API server accepts 1048576: split it"}},
		{"a read that is missing", entries(dataEntry("k")), Values{}, []string{"spec.data[0]: k was not read"}},
		{"every entry that cannot be made is named", entries(
			plan.Entry{Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "p"},
			plan.Entry{Field: "spec.data[1]", Name: "fine", Source: plan.Source{Read: plan.Read{Key: "k"}}},
			plan.Entry{Field: "spec.data[2]", Source: plan.Source{Read: plan.Read{Key: "k"}}, Property: "q"}), read(map[string]string{"k": `{}`}),
			[]string{"spec.data[0]: Could not find property p in k: its value is a JSON object without it: check property",
				"spec.data[2]: Could not find property q in k: its value is a JSON object without it: check property"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made, errs := Render(t.Context(), tc.plan, tc.values, nil, nil)
			if made != nil {
				t.Error("a Secret was made all the same")
			}
			var got []string
			for _, err := range errs {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(strings.Join(got, "\n"), secret) {
				t.Error("a message holds the value")
			}
		})
	}
}

func TestNamesThatNoSecretMayHave(t *testing.T) {
	for name, member := range map[string]string{
		"a slash": "planted/x", "nothing": "", "a space": "planted x", "two dots": "..", "a letter beyond ASCII": "plantéd", "too many letters": strings.Repeat("x", 254),
	} {
		t.Run(name, func(t *testing.T) {
			made, errs := Render(t.Context(), entries(fromEntry("spec.dataFrom[0]", "k")), read(map[string]string{"k": `{"fine":1,"` + member + `":"v"}`}), nil, nil)
			if made != nil || len(errs) != 1 || !strings.Contains(errs[0].Problem, "k has a member whose name no Secret can have") {
				t.Fatalf("made %v, errors %v", made, errs)
			}
			// A member's name is part of the value.
			if member != "" && member != ".." && strings.Contains(errs[0].Problem, member) {
				t.Error("the message holds the member's name")
			}
		})
	}
}

func TestRenderTakesTheTemplate(t *testing.T) {
	immutable := true
	template := plan.Template{
		Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "1"},
		Type: "example.com/t", Immutable: &immutable, Data: map[string][]byte{"t": []byte("x")},
	}
	p := &plan.Plan{Words: words, Entries: []plan.Entry{dataEntry("k")}, Template: template}
	got, errs := Render(t.Context(), p, read(map[string]string{"k": "v"}), nil, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := &Secret{
		Data:   map[string][]byte{"t": []byte("x"), "n": []byte("v")},
		Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "1"}, Type: "example.com/t", Immutable: &immutable,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, changed := p.Template.Data["n"]; changed {
		t.Error("rendering changed the plan's own template")
	}
}

package render

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
)

func gjsonEntry(property string) plan.Entry {
	e := dataEntry("k")
	e.Property, e.Syntax = property, plan.GJSON
	return e
}

// TestGJSONDocumented has the examples of gjson's own page (SYNTAX.md), but those of what GJSONPath refuses.
func TestGJSONDocumented(t *testing.T) {
	const document = `{
  "name": {"first": "Tom", "last": "Anderson"},
  "age":37,
  "children": ["Sara","Alex","Jack"],
  "fav.movie": "Deer Hunter",
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
    {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}
  ],
  "vals": [{"a": 1, "b": "data"}, {"a": 2, "b": true}, {"a": 3, "b": false}, {"a": 10, "b": null}, {"a": 11}]
}`
	const murphys = `[{"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},` +
		`{"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}]`
	for _, tc := range []struct{ path, want string }{
		{`name.last`, `Anderson`},
		{`age`, `37`},
		{`children`, `["Sara","Alex","Jack"]`},
		{`children.0`, `Sara`},
		{`children.1`, `Alex`},
		{`friends.1`, `{"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]}`},
		{`friends.1.first`, `Roger`},
		{`child*.2`, `Jack`},
		{`c?ildren.0`, `Sara`},
		{`fav\.movie`, `Deer Hunter`},
		{`friends.#`, `3`},
		{`friends.#.age`, `[44,68,47]`},
		{`friends.#(last=="Murphy").first`, `Dale`},
		{`friends.#(last=="Murphy")#.first`, `["Dale","Jane"]`},
		{`friends.#(age>45)#.last`, `["Craig","Murphy"]`},
		{`friends.#(first%"D*").last`, `Murphy`},
		{`friends.#(first!%"D*").last`, `Craig`},
		{`children.#(!%"*a*")`, `Alex`},
		{`children.#(%"*a*")#`, `["Sara","Jack"]`},
		{`friends.#(nets.#(=="fb"))#.first`, `["Dale","Roger"]`},
		{`vals.#(b==~true)#.a`, `[2]`},
		{`vals.#(b==~false)#.a`, `[3,10,11]`},
		{`vals.#(b==~null)#.a`, `[10,11]`},
		{`vals.#(b==~*)#.a`, `[1,2,3,10]`},
		{`friends|0|first`, `Dale`},
		{`friends|#`, `3`},
		{`friends.#(last="Murphy")#`, murphys},
		{`friends.#(last="Murphy")#|0`, `{"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]}`},
		{`friends.#(last="Murphy")#.0`, `[]`},
		{`friends.#(last="Murphy")#|#`, `2`},
		{`children.@reverse`, `["Jack","Alex","Sara"]`},
		{`children.@reverse.0`, `Jack`},
		{`name.@keys`, `["first","last"]`},
		{`name.@values`, `["Tom","Anderson"]`},
		{`friends.#.nets.@this|@flatten|3`, `fb`},
		{`name.@valid.first`, `Tom`},
	} {
		t.Run(tc.path, func(t *testing.T) {
			e := gjsonEntry(tc.path)
			got, err := parsed(t, document).find(&e)
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q and the error %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestGJSONText(t *testing.T) {
	const document = " {\"text\": \"<a & b>\\n\\u00e9\", \"big\": 12345678901234567890, \"fraction\": 1.10, \"exponent\": 1e3, \"yes\": true, \"none\": null,\n" +
		` "empty": "", "object": {"z": 1,  "a": [1, 2 ]}, "a.b": "dotted", "a": {"b": "path"}, "twice": 1, "twice": 2, "list": [[1, "x"]],` +
		` "half": "x\ud800", "deep": {"half": "x\ud800"}, "inner": "{\"b\":1}"} ` + "\n"
	for _, tc := range []struct {
		name, property string
		first          plan.Syntax
		want           string
		err            error
	}{
		{"a text is unquoted", "text", plan.GJSON, "<a & b>\né", nil},
		{"a large number keeps its digits", "big", plan.GJSON, "12345678901234567890", nil},
		{"a fraction keeps its zero", "fraction", plan.GJSONPathFirst, "1.10", nil},
		{"an exponent stays one", "exponent", plan.GJSONPathFirst, "1e3", nil},
		{"a boolean is its text", "yes", plan.GJSONPathFirst, "true", nil},
		{"null is there, and empty", "none", plan.GJSON, "", nil},
		{"null is there, and empty, by its path", "none", plan.GJSONPathFirst, "", nil},
		{"an empty text", "empty", plan.GJSONPathFirst, "", nil},
		{"an object is what is written, with its spaces", "object", plan.GJSON, `{"z": 1,  "a": [1, 2 ]}`, nil},
		{"an object by its path is, too", "object", plan.GJSONPathFirst, `{"z": 1,  "a": [1, 2 ]}`, nil},
		{"an array is what is written", "object.a", plan.GJSON, `[1, 2 ]`, nil},
		{"the whole document without the space around it", "list.@this", plan.GJSON, `[[1, "x"]]`, nil},
		{"a member of exactly that name comes before a path", "a.b", plan.GJSON, "dotted", nil},
		{"a path comes before a member of exactly that name", "a.b", plan.GJSONPathFirst, "path", nil},
		{"a member of exactly that name after a path that leads nowhere", "text.x", plan.GJSONPathFirst, "", errNotFound},
		{"the last of two members of one name", "twice", plan.GJSON, "2", nil},
		{"the first of two at a path, as in gjson", "twice", plan.GJSONPathFirst, "1", nil},
		{"what is not there", "nowhere.x", plan.GJSON, "", errNotFound},
		{"lodash's brackets are no path", "list[0]", plan.GJSON, "", errNotFound},
		{"half of a character is no text", "half", plan.GJSON, "", errSurrogate},
		{"nor is it at a path", "deep.half", plan.GJSON, "", errSurrogate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := gjsonEntry(tc.property)
			e.Syntax = tc.first
			got, err := parsed(t, document).find(&e)
			if !errors.Is(err, tc.err) || string(got) != tc.want {
				t.Errorf("got %q and the error %v, want %q and %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestGJSONRefuses(t *testing.T) {
	for _, tc := range []struct{ name, value, property, want string }{
		{"garbage before an object, which gjson skips", `planted {"a":1}`, "a", "the value of k is not JSON, so it has no property a: remove property to use it as it is"},
		{"a path of an array", `[{"a":"planted"}]`, "a", "Could not find property a in k: its value is a JSON array: begin property with a number, as in 0.name"},
		{"a path into a text, in which gjson would look for an array", `"[1234]"`, "0", "Could not find property 0 in k: its value is no JSON object: remove property"},
		{"a missing member", `{"b":"planted"}`, "a", "Could not find property a in k: its value is a JSON object without it: check property"},
		{"a path that is not served", `{"b":"planted"}`, "b|@tostr", "property b|@tostr of k must not have the modifier @tostr: @this, @keys, @values, @reverse, @flatten and " +
			"@valid may be used, without arguments; use a template for the rest"},
		{"bytes that are not UTF-8", "{\"a\":{\"b\":\"planted\xe9\"}}", "a.b", "property a.b of k is not UTF-8, as JSON must be: store it so, or its bytes as base64"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made, errs := Render(t.Context(), entries(gjsonEntry(tc.property)), read(map[string]string{"k": tc.value}), nil, nil)
			if made != nil || len(errs) != 1 {
				t.Fatalf("got %v and the errors %v, want one error", made, errs)
			}
			if diff := cmp.Diff(tc.want, errs[0].Problem); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestGJSONCosts counts what hostile paths take, of documents that make the most of them.
func TestGJSONCosts(t *testing.T) {
	many := "[" + strings.Repeat("1,", 150_000) + "1]"
	for _, tc := range []struct{ name, document, path, problem string }{
		{"each item, again and again", many, strings.Repeat("#.", 15) + "#", ""},
		{"each item through modifiers", many, "#.@values|#.@keys|#.@values|#.@keys", ""},
		{"each item with a long path", many, "#." + strings.Repeat("a", 1000), ""},
		{"each item with a long path, of too many items", "[" + strings.Repeat("1,", 300_000) + "1]", "#." + strings.Repeat("a", 1000),
			"the JSON values up to this one have more than 200000 members: split them"},
		{"a long name against a long pattern", `{"` + strings.Repeat("a", 1_000_000) + `": 1}`, "*" + strings.Repeat("a", 1000) + "b*",
			"the entries up to this one go through more than 268435456 bytes: split the object"},
		{"nested arrays and nested queries", nestedArrays(5_000), strings.Repeat("#(", 16) + strings.Repeat(")", 16), ""},
		{"nested arrays, flattened", nestedArrays(5_000), "@flatten|@flatten|@reverse|@values", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := parsed(t, tc.document)
			e := gjsonEntry(tc.path)
			_, err := d.find(&e)
			if tc.problem == "" && err != nil && !errors.Is(err, errNotFound) || tc.problem != "" && fmt.Sprint(err) != tc.problem {
				t.Errorf("got the error %v, want %q", err, tc.problem)
			}
			if d.budget.spent == nil && d.budget.left < 0 {
				t.Errorf("%d bytes more than allowed were gone through", -d.budget.left)
			}
		})
	}
}

func nestedArrays(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func FuzzGJSON(f *testing.F) {
	for _, path := range []string{"a.b", `a.#(b=="c")#.d`, "a|@reverse|0", "*.?", `#.#(%"x*")`, `a\.b.@keys`, "#[a>1]#|#", "..", "@this.@flatten"} {
		f.Add([]byte(`{"a": [{"b": "c", "d": [1, null, "x"]}, [[]]], "a.b": 1}`), path)
	}
	f.Fuzz(func(t *testing.T, document []byte, path string) {
		d, err := parse(newBudget(t.Context()), document)
		if d == nil || err != nil {
			return
		}
		for _, syntax := range []plan.Syntax{plan.GJSON, plan.GJSONPathFirst} {
			e := gjsonEntry(path)
			e.Syntax = syntax
			found, err := d.find(&e)
			if err != nil && found != nil {
				t.Error("there is a value beside the error")
			}
			if errors.Is(err, errPath) {
				t.Errorf("gjson panicked at the path %q of %q", path, document)
			}
		}
	})
}

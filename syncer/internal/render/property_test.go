package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, text string) *document {
	t.Helper()
	d, err := parse(newBudget(t.Context()), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLookup(t *testing.T) {
	const document = ` {"a": {"b": [{"c": "deep"}, 2], "": "nothing"}, "a.b": "dotted", "x.y": {"z": "both"},
		"q": {"b.c": "quoted", "d\"e": "escaped"}, "": {"n": "first"}, "é": {"ü": "umlaut"},
		"number": 12345678901234567890, "float": 1.50, "exponent": 1e2, "negative": -0,
		"yes": true, "none": null, "empty": "", "text": "<a & b>\n",
		"object": {"z": 1, "a": {"y": [1,  2]}}, "array": [ "v", null ], "escapes": ["<", "\u00e9"]} `
	for _, tc := range []struct {
		name, property, want string
		err                  error
	}{
		{"a member", "text", "<a & b>\n", nil},
		{"a member of exactly that name comes before a path", "a.b", "dotted", nil},
		{"a path through objects and arrays", "a.b[0].c", "deep", nil},
		{"a number after a dot is an item too", "a.b.1", "2", nil},
		{"a name with a dot in quotes", `q["b.c"]`, "quoted", nil},
		{"single quotes", `q['b.c']`, "quoted", nil},
		{"an escaped quote in quotes", `q["d\"e"]`, "escaped", nil},
		{"a bare word in brackets", "a[b][0][c]", "deep", nil},
		{"a bracket that is not closed separates", "a[b[1", "2", nil},
		{"an empty name between dots", "a.", "nothing", nil},
		{"empty brackets are an empty name", "a[]", "nothing", nil},
		{"an empty name in front", ".n", "first", nil},
		{"letters beyond ASCII", "é.ü", "umlaut", nil},
		{"a number keeps its text", "number", "12345678901234567890", nil},
		{"a fraction keeps its zero", "float", "1.50", nil},
		{"an exponent stays one", "exponent", "1e2", nil},
		{"negative zero", "negative", "-0", nil},
		{"a boolean is its text", "yes", "true", nil},
		{"null is its text", "none", "null", nil},
		{"an empty string is empty", "empty", "", nil},
		{"an object is its compact JSON, keys in their order", "object", `{"z":1,"a":{"y":[1,2]}}`, nil},
		{"an array is its compact JSON", "array", `["v",null]`, nil},
		{"what is not a string keeps its escapes", "escapes", `["<","\u00e9"]`, nil},
		{"a missing member", "nowhere", "", errNotFound},
		{"a path that ends early", "a.b[0].c.d", "", errNotFound},
		{"a path whose first part is only a name with a dot", "x.y.z", "", errNotFound},
		{"an item beyond the end", "a.b[2]", "", errNotFound},
		{"an item before the beginning", "a.b[-1]", "", errNotFound},
		{"an item with a leading zero is none", "a.b[01]", "", errNotFound},
		{"an item with a sign is none", "a.b.+1", "", errNotFound},
		{"a member of null", "none.x", "", errNotFound},
		{"nothing but separators", "][", "", errNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parsed(t, document).lookup(tc.property)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error is %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLookupInOtherDocuments(t *testing.T) {
	for _, tc := range []struct {
		name, document, property, want string
		err                            error
	}{
		{"an array at the top", `["x", {"y": "z"}]`, "[1].y", "z", nil},
		{"the last of two members of one name", `{"a": 1, "a": 2}`, "a", "2", nil},
		{"a string has no members", `"text"`, "a", "", errNotFound},
		{"null has no members", `null`, "a", "", errNotFound},
		{"empty text is not JSON", ``, "a", "", errNotJSON},
		{"plain text is not JSON", `hello`, "a", "", errNotJSON},
		{"JSON with something behind is not JSON", `{"a": 1} x`, "a", "", errNotJSON},
		{"a pair of surrogates is one character", `{"a": "\ud83d\uDE00\\\"\u0000"}`, "a", "😀\\\"\x00", nil},
		{"a surrogate without its other half is no text", `{"a": "x\ud800"}`, "a", "", errSurrogate},
		{"the other half alone is none", `{"a": "\udc00\ud800"}`, "a", "", errSurrogate},
		{"two first halves are none", `{"a": "\ud800\ud800"}`, "a", "", errSurrogate},
		{"a half before another escape is none", `{"a": "\ud800\n"}`, "a", "", errSurrogate},
		{"a backslash before what looks like a half", `{"a": "\\ud800"}`, "a", `\ud800`, nil},
		{"JSON keeps its escapes, so that no half is lost", `{"a": ["\ud800"]}`, "a", `["\ud800"]`, nil},
		{"bytes that are not UTF-8", "{\"a\": \"caf\xe9\"}", "a", "", errNotUTF8},
		{"JSON that is not UTF-8", "{\"a\": [\"caf\xe9\"]}", "a", "", errNotUTF8},
		{"another member that is not UTF-8 is another's matter", "{\"b\": \"caf\xe9\", \"a\": \"fine\"}", "a", "fine", nil},
		{"the character that stands for what is not one is a character", "{\"a\": \"\ufffd\"}", "a", "\ufffd", nil},
		{"spaces everywhere", " [ { \"a\" : [ 1 , { \"b\" : \"]}\\\"\" } ] } ] \n", "[0].a[1].b", `]}"`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parsed(t, tc.document).lookup(tc.property)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error is %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A backend's owner must not be able to stop the syncer with a document.
func TestLookupInDeepDocuments(t *testing.T) {
	for _, tc := range []struct {
		name     string
		document string
		property string
		err      error
	}{
		{"9,999 arrays in one another are read", strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), "[0][0]", nil},
		{"10,001 arrays are too many to be read", strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), "[0]", errNotJSON},
		{"a million brackets that never close", strings.Repeat("[", 1_000_000), "[0]", errNotJSON},
		{"a path as long as the CRD allows", strings.Repeat(`{"a":`, 512) + "1" + strings.Repeat("}", 512), strings.Repeat("a.", 511) + "a", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := parsed(t, tc.document).lookup(tc.property); !errors.Is(err, tc.err) {
				t.Fatalf("error is %v, want %v", err, tc.err)
			}
		})
	}
}

// The expected segments are what lodash 4.17.21's toPath answers.
func TestPathIsLodashs(t *testing.T) {
	for property, want := range map[string][]string{
		"a":              {"a"},
		"a.b":            {"a", "b"},
		"a..b":           {"a", "", "b"},
		".a":             {"", "a"},
		"..a":            {"", "", "a"},
		"a.":             {"a", ""},
		"a[]":            {"a", ""},
		"a[].b":          {"a", "", "b"},
		"a[0][1]":        {"a", "0", "1"},
		"a[-1.5]":        {"a", "-1.5"},
		"a[b.c]":         {"a", "b", "c"},
		"a]b":            {"a", "b"},
		`a["b]"]`:        {"a", "b]"},
		`["a.b"].c`:      {"a.b", "c"},
		`['it\'s'][0]`:   {"it's", "0"},
		`a["unclosed].b`: {"a", `"unclosed`, "b"},
	} {
		if diff := cmp.Diff(want, path(property)); diff != "" {
			t.Errorf("path of %s (-want +got):\n%s", property, diff)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte(`{"a": {"b": [{"c": "deep"}, 2]}}`), "a.b[0].c")
	f.Add([]byte(`[[], "x"]`), `[1]["q\"]`)
	f.Add([]byte(`{"":{"":null}}`), ".[]..")
	f.Add([]byte("\xff"), "\xff[")
	f.Fuzz(func(t *testing.T, document []byte, property string) {
		got, err := parsed(t, string(document)).lookup(property)
		if json.Valid(document) == errors.Is(err, errNotJSON) {
			t.Errorf("valid JSON is %v, the error %v", json.Valid(document), err)
		}
		if err != nil && got != nil {
			t.Error("there is a value beside the error")
		}
	})
}

// FuzzDocument compares what a document is taken apart into with what encoding/json makes of it.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{` {"a" : [1, {"b": "]}\""}], "c":{}, "a":-1.5e3,"\u00e9\\":null } `, `[1,[2,"\\"],{"a":[]}]`, `"x"`, `{}`, `[ ]`, `0`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || !utf8.Valid(text) || bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) {
			return // of these encoding/json makes something else
		}
		d := parsed(t, string(text))
		l, err := d.open(d.root)
		if err != nil {
			t.Fatal(err)
		}
		raw := func(at span) string { return string(d.data[at.from:at.to]) }
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) == nil {
			for name, want := range members {
				if got, there := l.members[name]; !there || raw(got) != string(want) {
					t.Errorf("member %q is %q, want %q", name, raw(got), want)
				}
			}
		}
		var items []json.RawMessage
		if json.Unmarshal(text, &items) == nil {
			for i, want := range items {
				if got := l.items[i]; raw(got) != string(want) {
					t.Errorf("item %d is %q, want %q", i, raw(got), want)
				}
			}
		}
		if len(members) != len(l.members) || len(items) != len(l.items) {
			t.Errorf("%d members and %d items, want %d and %d", len(l.members), len(l.items), len(members), len(items))
		}
	})
}

package render

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// single is the entry of a portion of the value k.
func single(name string, portion plan.Portion, use plan.Use) plan.Entry {
	return plan.Entry{Field: "spec." + name, Name: name, Portion: portion, Use: use, Source: plan.Source{Read: plan.Read{Key: "k"}}}
}

// described is the value k, and what the backend says of it.
func described(value, metadata string) Values {
	v := driver.Value{Data: []byte(value)}
	if metadata != "" {
		v.Metadata = []byte(metadata)
	}
	return Values{{Read: plan.Read{Key: "k"}}: {v}}
}

// filtered are the members of the value k that patterns take.
func filtered(matching, excluding plan.List) plan.Entry {
	e := fromEntry("spec.data", "k")
	e.Use, e.Matching, e.Excluding = plan.InSecret, matching, excluding
	return e
}

// shownTo answers with what templates are given, a line each.
func shownTo(_ context.Context, _ *plan.Plan, entries []template.Entry) (template.Answer, error) {
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Name + "=" + string(e.Data) + "\n")
	}
	return template.Answer{Rendered: [][]byte{[]byte(b.String())}}, nil
}

func TestPortionsAndUses(t *testing.T) {
	const value, metadata = `{"user":"ann","n":12345678901234567890,"o":{"f":1.50}}`, `{"version": 7, "custom_metadata": null}`
	raw := single("_raw", plan.Answer, plan.InSecret)
	property := func(e plan.Entry, p string) plan.Entry { e.Property, e.Syntax = p, plan.GJSON; return e }
	tree := find(plan.Naming{Conversion: plan.Underscore}, "a")
	tree.Excluding = "b$"
	for _, tc := range []struct {
		name   string
		plan   *plan.Plan
		values Values
		want   map[string]string
	}{
		{"an answer is the bytes of both of its parts", entries(raw), described(value, metadata),
			map[string]string{"_raw": `{"data":` + value + `,"metadata":` + metadata + `}`}},
		{"an answer of which nothing is said is the value", entries(raw), described(value, ""), map[string]string{"_raw": value}},
		{"metadata", entries(single("m", plan.Metadata, plan.Everywhere)), described(value, metadata), map[string]string{"m": metadata}},
		{"metadata where the backend says nothing", entries(single("m", plan.Metadata, plan.Everywhere)), described(value, ""), map[string]string{"m": "{}"}},
		{"metadata of bytes is no bytes", entries(func() plan.Entry {
			e := single("m", plan.Metadata, plan.Everywhere)
			e.Property, e.Binary = "b", true
			return e
		}()), Values{{Read: plan.Read{Key: "k"}}: {{Data: []byte{0xff}, Bytes: true, Metadata: []byte(`{"b":"aGk="}`)}}}, map[string]string{"m": "hi"}},
		{"a property of each portion", entries(
			property(single("w", plan.WholeValue, plan.Everywhere), "n"), property(single("m", plan.Metadata, plan.Everywhere), "version"),
			property(single("a", plan.Answer, plan.Everywhere), "metadata.version"), property(single("d", plan.Answer, plan.Everywhere), "data.o.f"),
		), described(value, metadata), map[string]string{"w": "12345678901234567890", "m": "7", "a": "7", "d": "1.50"}},
		{"members of metadata, beside those of the value", entries(filtered("^o", ""), func() plan.Entry {
			e := filtered("", "")
			e.Portion = plan.Metadata
			return e
		}()), described(value, metadata), map[string]string{"o": `{"f":1.50}`, "version": "7", "custom_metadata": "null"}},
		{"members keep their digits", entries(filtered("", "")), described(value, metadata),
			map[string]string{"user": "ann", "n": "12345678901234567890", "o": `{"f":1.50}`}},
		{"members that one of the patterns is found in", entries(filtered("^n\nse", "")), described(value, ""), map[string]string{"user": "ann", "n": "12345678901234567890"}},
		{"members that no pattern excludes", entries(filtered("", "^n$\n^o")), described(value, ""), map[string]string{"user": "ann"}},
		{"what is excluded is not taken, though another pattern is found in it", entries(filtered("n|user", "^n$")), described(value, ""), map[string]string{"user": "ann"}},
		{"a name that no Secret has is no fault once it is excluded", entries(filtered("", "/")), described(`{"a/b":1,"a":2}`, ""), map[string]string{"a": "2"}},
		{"all members are excluded, and another entry is there", entries(filtered("", ".*"), raw), described(value, ""), map[string]string{"_raw": value}},
		{"names of a walk that no pattern excludes", entries(tree), walk(tree, "team/a", "1", "team/ab", "2"), map[string]string{"team_a": "1"}},
		{"entries for templates are no part of the Secret, and the others not shown to them", &plan.Plan{
			Words: words, Template: plan.Template{
				Engine: template.Go, Options: template.Options{JSON: true}, Made: []plan.Made{{Part: plan.InStringData, Name: "t"}},
				Inputs: map[string][]byte{"Labels": []byte(`{"a":"b"}`), "Both": []byte(`1`), "Annotations": []byte(`{}`)},
			},
			Entries: []plan.Entry{
				single("Secrets", plan.WholeValue, plan.InTemplates), single("Metadata", plan.Metadata, plan.InTemplates),
				filtered("user", ""), raw, single("Both", plan.WholeValue, plan.Everywhere),
			},
		}, described(value, metadata), map[string]string{
			"user": "ann", "_raw": `{"data":` + value + `,"metadata":` + metadata + `}`, "Both": value,
			"t": "Annotations={}\nLabels={\"a\":\"b\"}\nSecrets=" + value + "\nMetadata=" + metadata + "\nBoth=" + value + "\n",
		}},
		{"of the same members, once for templates and once for the Secret, both are made", &plan.Plan{
			Words: words, Template: plan.Template{Engine: template.Go, Made: []plan.Made{{Part: plan.InStringData, Name: "t"}}},
			Entries: []plan.Entry{filtered("user", ""), func() plan.Entry { e := filtered("user", ""); e.Use = plan.InTemplates; return e }()},
		}, described(value, metadata), map[string]string{"user": "ann", "t": "user=ann\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			secret, errs := Render(t.Context(), tc.plan, tc.values, nil, shownTo)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(secret.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPortionsThatCannotBeMade(t *testing.T) {
	templates := func(e ...plan.Entry) *plan.Plan {
		return &plan.Plan{Words: words, Entries: e, Template: plan.Template{
			Engine: template.Go, Options: template.Options{JSON: true}, Made: []plan.Made{{Part: plan.InStringData, Name: "t"}},
		}}
	}
	hidden := func(kind plan.EntryKind) plan.Entry {
		e := single("s", plan.WholeValue, plan.InTemplates)
		e.Kind = kind
		return e
	}
	large := `{"a":"` + strings.Repeat("planted", MaxSecretBytes/7) + `"}`
	for _, tc := range []struct {
		name   string
		plan   *plan.Plan
		values Values
		want   string
	}{
		{"an answer of a value that is not JSON", entries(single("_raw", plan.Answer, plan.InSecret)), described("planted", "{}"),
			"spec._raw: the value of k is not JSON, as a part of its answer must be: read it without"},
		{"a property that metadata has not", entries(func() plan.Entry {
			e := single("m", plan.Metadata, plan.InSecret)
			e.Property = "x"
			return e
		}()), described("planted", `{"planted":1}`), "spec.m: Could not find property x in the metadata of k: its value is a JSON object without it: check property"},
		{"members of what is none", entries(filtered("", ".*")), described(`["planted"]`, ""), "spec.data: the value of k is not a JSON object: use data, with a name, for plain values"},
		{"nothing but members that are excluded", entries(filtered("^x\n^y", "")), described(`{"planted":1}`, ""),
			"spec.data: nothing that is read makes an entry, since the patterns take no name (matching ^x, ^y): correct them, or what is read"},
		{"a member that no entry can be called by", entries(filtered("", "")), described(`{"a/b":"planted"}`, ""),
			"spec.data: k has a member whose name no Secret can have (a valid config key must consist of alphanumeric characters, '-', '_' or '.' " +
				"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')): use data to give it another"},
		{"an answer that is larger than a Secret", entries(single("_raw", plan.Answer, plan.InSecret), single("other", plan.Answer, plan.InTemplates)),
			described(large, "{}"), "spec: the values of the Secret have 1048603 bytes together; the API server accepts 1048576: split it"},
		{"a value that templates cannot parse", templates(hidden(plan.Single)), described("planted", ""), "spec.s: the value of k is not JSON, which templates take it for: store it so"},
		{"a member that templates cannot parse", templates(hidden(plan.Members)), described(`{"a":"planted"}`, ""),
			"spec.s: the value of the entry a is not JSON, which templates take it for: store it so"},
		{"a value with bytes that are no text", templates(hidden(plan.Single)), described("{\"a\":\"planted\xff\"}", ""),
			"spec.s: the value of k is not UTF-8, as JSON must be: store it so, or its bytes as base64"},
		{"a value with half of a character", templates(hidden(plan.Single)), described(`{"a":"planted\ud800"}`, ""),
			`spec.s: the value of k holds an escape of half a character (\ud800 to \udfff), which is no text: correct it in the backend`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			secret, errs := Render(t.Context(), tc.plan, tc.values, nil, shownTo)
			if secret != nil || len(errs) != 1 {
				t.Fatalf("made a Secret: %t, and got the errors %v, want one error", secret != nil, errs)
			}
			if got := errs[0].Error(); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestPortionsAreBounded has many answers made of one large value.
func TestPortionsAreBounded(t *testing.T) {
	var many []plan.Entry
	for i := range 100 {
		e := single("_raw", plan.Answer, plan.InTemplates)
		e.Name, e.Property = "n", strings.Repeat("a", i)+"."
		many = append(many, e)
	}
	r := newRenderer(t.Context(), entries(many...))
	_, errs := r.secret(t.Context(), described(`"`+strings.Repeat("x", 1<<19)+`"`, "{}"), nil)
	const want = "the entries up to this one have more than 4194304 bytes: split the object"
	if len(errs) == 0 || errs[len(errs)-1].Problem != want {
		t.Errorf("got %d errors, the last one %v, want %q", len(errs), errs[len(errs)-1:], want)
	}
}

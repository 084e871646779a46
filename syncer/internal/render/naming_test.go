package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// extract is the members of the value k by a Naming.
func extract(naming plan.Naming) plan.Entry {
	e := fromEntry("spec.dataFrom[0]", "k")
	naming.Field = "spec.dataFrom[0].rewrite"
	e.Naming, e.Syntax = &naming, plan.GJSON
	return e
}

// find is all that a walk found below team.
func find(naming plan.Naming, matching string) plan.Entry {
	e := extract(naming)
	e.Kind, e.Matching = plan.Tree, plan.ListOf(matching)
	e.Source.Read = plan.Read{Key: "team", Path: true, Recursive: true}
	return e
}

// walk is what a walk found: names and values in turns.
func walk(e plan.Entry, namesAndValues ...string) Values {
	var found []driver.Value
	for i := 0; i < len(namesAndValues); i += 2 {
		found = append(found, driver.Value{Name: namesAndValues[i], Data: []byte(namesAndValues[i+1])})
	}
	return Values{e.Source: found}
}

func replace(source, target string) plan.Rewrite {
	return plan.Rewrite{Regexp: &plan.RewriteRegexp{Source: source, Target: target}}
}

func merge(m plan.RewriteMerge) plan.Rewrite { return plan.Rewrite{Merge: &m} }

func rewrites(list ...plan.Rewrite) plan.Naming {
	return plan.Naming{Rewrites: list, Conversion: plan.Underscore}
}

func TestNaming(t *testing.T) {
	underscores := plan.Naming{Conversion: plan.Underscore}
	everything := find(underscores, "")
	for _, tc := range []struct {
		name   string
		entry  plan.Entry
		values Values
		want   map[string]string
	}{
		{"members keep their text: strings unquoted, null empty, the rest as it is written", extract(underscores),
			read(map[string]string{"k": `{"s":"v\n","n":12345678901234567890,"f":1.10,"b":false,"z":null,"o":{"y": 1, "x":[2,  3]}}`}),
			map[string]string{"s": "v\n", "n": "12345678901234567890", "f": "1.10", "b": "false", "z": "", "o": `{"y": 1, "x":[2,  3]}`}},
		{"characters that no entry has become _", extract(underscores), read(map[string]string{"k": `{"a/b c":"1","é":"2","x-y.z_9":"3"}`}),
			map[string]string{"a_b_c": "1", "_": "2", "x-y.z_9": "3"}},
		{"or their number", extract(plan.Naming{Conversion: plan.Unicode}), read(map[string]string{"k": `{"a/b":"1","é":"2","😀":"3"}`}),
			map[string]string{"a_U002f_b": "1", "_U00e9_": "2", "_U1f600_": "3"}},
		{"a member without a name makes no entry", extract(underscores), read(map[string]string{"k": `{"":"x","a":"1"}`}), map[string]string{"a": "1"}},
		{"the members of a property", func() plan.Entry { e := extract(underscores); e.Property = "a.b"; return e }(), read(map[string]string{"k": `{"a":{"b":{"c":"d"}}}`}), map[string]string{"c": "d"}},
		{"the members of a property that is JSON in a text", func() plan.Entry { e := extract(underscores); e.Property = "a"; return e }(), read(map[string]string{"k": `{"a":"{\"c\":\"d\"}"}`}), map[string]string{"c": "d"}},
		{"a pattern", extract(rewrites(replace("^db-(.*)$", "${1}_DB"))), read(map[string]string{"k": `{"db-user":"1","other":"2"}`}), map[string]string{"user_DB": "1", "other": "2"}},
		{"a target whose group is none, as $1_DB is called in Go", extract(rewrites(replace("^db-(.*)$", "x$1_DB"))), read(map[string]string{"k": `{"db-user":"1"}`}), map[string]string{"x": "1"}},
		{"patterns, one after the other", extract(rewrites(replace("[^a-z]", "-"), replace("^-+|-+$", ""))), read(map[string]string{"k": `{"/a/b/":"1"}`}), map[string]string{"a-b": "1"}},
		{"a name that a pattern empties makes no entry", extract(rewrites(replace("^x.*$", ""))), read(map[string]string{"k": `{"x1":"1","x2":"2","a":"3"}`}), map[string]string{"a": "3"}},
		{"a walk's full names", everything, walk(everything, "team/a", "1", "team/b/c", "2"), map[string]string{"team_a": "1", "team_b_c": "2"}},
		{"a walk's names by a pattern", find(rewrites(replace("^.*/", "")), ""), walk(everything, "team/a", "1", "team/b/c", "2"), map[string]string{"a": "1", "c": "2"}},
		{"those that match, before anything else looks at them", find(rewrites(replace("^.*/", "")), "-key$"),
			walk(everything, "team/a-key", "1", "team/x/a-key/no", "2", "other/a", "3", "team/a", "4"), map[string]string{"a-key": "1"}},
		{"a pattern is found anywhere in a name", find(underscores, "a"), walk(everything, "team/x", "1", "b", "2"), map[string]string{"team_x": "1"}},
		{"merged members", extract(rewrites(merge(plan.RewriteMerge{}))), read(map[string]string{"k": `{"y":{"b": 1.10,"c":null},"x":"{\"a\":\"<1>\"}"}`}),
			map[string]string{"a": "<1>", "b": "1.10", "c": ""}},
		{"a merged member without a name makes no entry", extract(rewrites(merge(plan.RewriteMerge{}))), read(map[string]string{"k": `{"x":{"":"v","a":"1"}}`}), map[string]string{"a": "1"}},
		{"a priority where nothing conflicts", extract(rewrites(merge(plan.RewriteMerge{Priority: []string{"x"}}))), read(map[string]string{"k": `{"x":{"a":"1"},"y":{"b":"2"}}`}),
			map[string]string{"a": "1", "b": "2"}},
		{"conflicts that are ignored: the later name wins", extract(rewrites(merge(plan.RewriteMerge{IgnoreConflict: true}))),
			read(map[string]string{"k": `{"y":{"a":2,"b":2},"x":{"a":1}}`}), map[string]string{"a": "2", "b": "2"}},
		{"a priority: the last of them wins over all", extract(rewrites(merge(plan.RewriteMerge{IgnoreConflict: true, Priority: []string{"y", "x"}}))),
			read(map[string]string{"k": `{"x":{"a":"x"},"y":{"a":"y","b":"y"},"z":{"a":"z","b":"z","c":"z"}}`}), map[string]string{"a": "x", "b": "y", "c": "z"}},
		{"a priority that is missing and ignored", extract(rewrites(merge(plan.RewriteMerge{IgnoreMissing: true, Priority: []string{"y"}}))),
			read(map[string]string{"k": `{"x":{"a":"x"}}`}), map[string]string{"a": "x"}},
		{"merged into one entry, beside the others", extract(rewrites(merge(plan.RewriteMerge{Into: "all"}))),
			read(map[string]string{"k": `{"y":{"b": 1.10, "z": [1, 2]},"x":{"a":"<1>","c":null}}`}),
			map[string]string{"x": `{"a":"<1>","c":null}`, "y": `{"b": 1.10, "z": [1, 2]}`, "all": `{"a":"<1>","b":1.10,"c":null,"z":[1,2]}`}},
		{"a walk merged, its names rewritten first", find(rewrites(replace("^team/", ""), merge(plan.RewriteMerge{IgnoreConflict: true, Priority: []string{"a"}})), ""),
			walk(everything, "team/a", `{"host":"a"}`, "team/b", `{"host":"b","port":1}`), map[string]string{"host": "a", "port": "1"}},
		{"values are decoded after they are merged", func() plan.Entry {
			e := extract(rewrites(merge(plan.RewriteMerge{})))
			e.Decoding = plan.Base64
			return e
		}(), read(map[string]string{"k": `{"x":{"a":"aGk="}}`}), map[string]string{"a": "hi"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			secret, errs := Render(t.Context(), entries(tc.entry), tc.values, nil, nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(secret.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNamingRefuses(t *testing.T) {
	underscores := plan.Naming{Conversion: plan.Underscore}
	everything := find(underscores, "")
	const name = "is none that an entry of a Secret can have"
	for _, tc := range []struct {
		name   string
		entry  plan.Entry
		values Values
		want   string
	}{
		{"two names that become one", extract(underscores), read(map[string]string{"k": `{"a/b":"planted","a b":"planted"}`}),
			"a b and a/b would both become a_b: change spec.dataFrom[0].rewrite so that they differ"},
		{"two names of a walk that a pattern makes one", find(rewrites(replace("^.*/", "")), ""), walk(everything, "team/y/a", "planted", "team/x/a", "planted"),
			"team/x/a and team/y/a would both become a: change spec.dataFrom[0].rewrite so that they differ"},
		{"a name that stays one that no Secret has", extract(rewrites(replace("x", "y"))), read(map[string]string{"k": `{"planted/x":"v"}`}), name},
		{"a name of dots alone", extract(underscores), read(map[string]string{"k": `{"..":"planted"}`}), name},
		{"a name that is too long", extract(underscores), read(map[string]string{"k": `{"` + strings.Repeat("planted", 40) + `":"v"}`}), name},
		{"a name that grows", extract(rewrites(replace("", strings.Repeat("x", 600)))), read(map[string]string{"k": `{"planted":"v"}`}),
			"a name in k, or what becomes of it, has more than 2048 bytes: change spec.dataFrom[0].rewrite"},
		{"a name that is longer than patterns are matched against", extract(rewrites(replace("x", "y"))), read(map[string]string{"k": `{"` + strings.Repeat("planted", 300) + `":"v"}`}),
			"a name in k, or what becomes of it, has more than 2048 bytes: change spec.dataFrom[0].rewrite"},
		{"a pattern that is none", extract(rewrites(replace("(", "y"))), read(map[string]string{"k": `{"planted":"v"}`}),
			"a source of spec.dataFrom[0].rewrite must be a regular expression (https://github.com/google/re2/wiki/Syntax): error parsing regexp: missing closing ): `(`"},
		{"a pattern of names that matches none", find(underscores, "^x$"), walk(everything, "team/a", "planted"), "no name that is read is one of those that the patterns take (matching ^x$): correct them, or what is read"},
		{"an object without members, and nothing else", extract(underscores), read(map[string]string{"k": `{}`}),
			"nothing that is read makes an entry: give the value members, or remove this entry"},
		{"a value that is no object", extract(underscores), read(map[string]string{"k": `["planted"]`}), "the value of k is not a JSON object: use data, with a name, for plain values"},
		{"a property that is no object", func() plan.Entry { e := extract(underscores); e.Property = "a"; return e }(), read(map[string]string{"k": `{"a":"planted"}`}),
			"property a of k is not a JSON object: use data, with a name, for plain values"},
		{"merged values that conflict", extract(rewrites(merge(plan.RewriteMerge{}))), read(map[string]string{"k": `{"x":{"a":"planted"},"y":{"a":"planted"}}`}),
			"x and y both have the member a: give it one value, or let spec.dataFrom[0].rewrite ignore the conflict"},
		{"a merged value that is no object", extract(rewrites(merge(plan.RewriteMerge{}))), read(map[string]string{"k": `{"x":"planted"}`}),
			"the value of x is not a JSON object, which spec.dataFrom[0].rewrite takes it for: correct the value, or what is read"},
		{"a priority that is missing", extract(rewrites(merge(plan.RewriteMerge{Priority: []string{"y"}}))), read(map[string]string{"k": `{"x":{"a":"planted"}}`}),
			"nothing is called y, which spec.dataFrom[0].rewrite names for its priority: correct that, or let it ignore what is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made, errs := Render(t.Context(), entries(tc.entry), tc.values, nil, nil)
			if made != nil || len(errs) != 1 {
				t.Fatalf("got %v and the errors %v, want one error", made, errs)
			}
			if got := errs[0].Problem; !strings.Contains(got, tc.want) || tc.want != name && got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if strings.Contains(errs[0].Error(), "planted") {
				t.Errorf("got %q, which holds what was read", errs[0].Error())
			}
		})
	}
}

func TestTaken(t *testing.T) {
	values := []driver.Value{{Name: "team/a"}, {Name: "team/b"}}
	for _, tc := range []struct {
		name, matching string
		want           []driver.Value
		problem        string
	}{
		{"no pattern takes all", "", values, ""},
		{"a pattern takes those that it is found in", "/b", values[1:], ""},
		{"a pattern that is none takes nothing", "(", nil, "a pattern of the names that are read must be a regular expression (https://github.com/google/re2/wiki/Syntax): error parsing regexp: missing closing ): `(`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := find(plan.Naming{}, tc.matching)
			got, err := Taken(&e, values)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err == nil) != (tc.problem == "") || err != nil && err.Error() != tc.problem {
				t.Errorf("got the error %v, want %q", err, tc.problem)
			}
		})
	}
}

// TestNamingCosts lets a tenant's pattern meet long names, with less left than it takes for all of them.
func TestNamingCosts(t *testing.T) {
	var found []string
	for i := range 100 {
		found = append(found, strings.Repeat("a", 1000)+strings.Repeat("b", i), "v")
	}
	for _, tc := range []struct {
		name  string
		entry plan.Entry
	}{
		{"a pattern of names", find(plan.Naming{}, "(x?){900}x{900}")},
		{"a pattern that is replaced", find(rewrites(replace("(x?){900}x{900}", "y")), "")},
		{"a replacement that grows", find(rewrites(replace("", strings.Repeat("$0", 1000))), "")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values := walk(find(plan.Naming{}, ""), found...)
			r := newRenderer(t.Context(), entries(tc.entry))
			r.budget.left = 10 << 20
			made, errs := r.secret(t.Context(), values, nil)
			const want = "the entries up to this one go through more than 268435456 bytes: split the object"
			if made != nil || len(errs) == 0 || errs[0].Problem != want {
				t.Errorf("got %v and the errors %v, want %q", made, errs, want)
			}
		})
	}
}

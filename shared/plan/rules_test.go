package plan_test

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestGJSONPath(t *testing.T) {
	for _, tc := range []struct{ name, path, problem string }{
		{"a name", "user", ""},
		{"names and items", "list.0.name", ""},
		{"an escaped dot", `fav\.movie`, ""},
		{"wildcards", "child*.n?me*", ""},
		{"a query", `friends.#(last=="Murphy")#.first`, ""},
		{"a query that compares by a pattern", `children.#(!%"*a*")`, ""},
		{"a nested query", `friends.#(nets.#(=="fb"))#.first`, ""},
		{"a query of gjson before 1.3", `friends.#[last=="Murphy"].first`, ""},
		{"pipes", "friends|#|@this", ""},
		{"modifiers that are served", "a.@reverse|@keys|@flatten|@values", ""},
		{"a name that begins as a modifier does", "schema.@type", ""},
		{"an address", `list.#(mail=="ann@join.example").x`, ""},
		{"a name that only begins like a modifier", "a.@digest", ""},
		{"another modifier", "a.@dig:b", "must not have the modifier @dig:"},
		{"another modifier at the beginning", "@pretty", "must not have the modifier @pretty:"},
		{"another modifier after a pipe", "a|@tostr|@tostr", "must not have the modifier @tostr:"},
		{"another modifier in a query", `a.#(b.@fromstr=="x")`, "must not have the modifier @fromstr:"},
		{"another modifier behind what looks like a quote", `x".@join`, "must not have the modifier @join:"},
		{"another modifier behind what looks like an escape", `x\.@group`, "must not have the modifier @group:"},
		{"a deep flattening", `@flatten:{"deep":true}`, `must not have the modifier @flatten:{"deep":true}:`},
		{"an item in brackets", "[0].name", "must not combine values"},
		{"an object of values", "{a,b}", "must not combine values"},
		{"an array of values in an array", "list.#.[a,b]", "must not combine values"},
		{"an array of values in a query", "list.#([a,b]).x", "must not combine values"},
		{"a value of its own", `a|!"x"`, "must not combine values"},
		{"lines", "..#.a", "must not begin with .."},
		{"too long", strings.Repeat("a", 1025), "must not have more than 1024 bytes"},
		{"too many arrays", strings.Repeat("#.", 17), "must not have more than 16 #"},
		{"too many modifiers", strings.Repeat("@this|", 5), "must not have more than 4 @"},
		{"too many stars", "*a*b*", "must not have more than 2 *"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := plan.GJSONPath(tc.path)
			if (got == "") != (tc.problem == "") || !strings.HasPrefix(got, tc.problem) {
				t.Errorf("got %q, want %q", got, tc.problem)
			}
		})
	}
}

func TestServerName(t *testing.T) {
	for name, ok := range map[string]bool{
		"vault.example.com": true, "vault": true, "10.0.0.1": true, "2001:db8::1": true,
		"": false, "Vault.example.com": false, "*.example.com": false, "vault.example.com:8200": false, "https://vault": false,
		"a b": false, "a\n": false, "2001:DB8::1": false, "fe80::1%eth0": false, ".": false, strings.Repeat("a", 300): false,
	} {
		if got := plan.ServerName(name); (got == "") != ok {
			t.Errorf("%q: got %q, want it accepted: %t", name, got, ok)
		}
	}
}

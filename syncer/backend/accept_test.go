package backend

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestNamesThatAWalkMayFind(t *testing.T) {
	const proxy = "; check the proxy or cache on the way to the backend"
	path := func(key string, recursive bool) plan.Read {
		return plan.Read{Key: key, Path: true, Recursive: recursive}
	}
	for name, test := range map[string]struct {
		walk  plan.Read
		found string
		want  string // what the error ends with; empty: it is passed on
	}{
		"directly below":                       {path("/a", false), "/a/b", ""},
		"deeper, where that was asked for":     {path("/a", true), "/a/b/c", ""},
		"below a path that ends with a slash":  {path("/a/", false), "/a/b", ""},
		"below the root":                       {path("/", false), "/b", ""},
		"below the root, without a slash":      {path("/", false), "b", ""},
		"below a path without a slash":         {path("a/b", true), "a/b/c/d", ""},
		"beside a path without a slash":        {path("a/b", true), "a/bc/d", `the answer has the name "a/bc/d", which was not asked for` + proxy},
		"beyond ASCII":                         {path("/a", false), "/a/Grüße", ""},
		"as long as a name may be":             {path("/a", false), "/a/" + strings.Repeat("b", 2045), ""},
		"deeper, where that was not asked for": {path("/a", false), "/a/b/c", `the answer has the name "/a/b/c", which was not asked for` + proxy},
		"elsewhere":                            {path("/a", true), "/b/c", `the answer has the name "/b/c", which was not asked for` + proxy},
		"beside, with the same beginning":      {path("/a", true), "/ab/c", `the answer has the name "/ab/c", which was not asked for` + proxy},
		"the path itself":                      {path("/a", true), "/a", `the answer has the name "/a", which was not asked for` + proxy},
		"the path itself, with a slash":        {path("/a", true), "/a/", `the answer has the name "/a/", which was not asked for` + proxy},
		"none":                                 {path("/a", true), "", `the answer has the name "", which was not asked for` + proxy},
		"with a control character":             {path("/a", true), "/a/b\x1b[31m", `the answer has the name "/a/b?[31m", which is not printable` + proxy},
		"with a character that turns the line": {path("/a", true), "/a/\u202eb", `the answer has the name "/a/?b", which is not printable` + proxy},
		"that is no text":                      {path("/a", true), "/a/\xff", `the answer has the name "/a/?", which is not printable` + proxy},
		"longer than any":                      {path("/a", true), "/a/" + strings.Repeat("b", 2046), "the answer has a name of more than 2,048 characters" + proxy},
	} {
		t.Run(name, func(t *testing.T) {
			d := able{walk: func() ([]driver.Value, error) { return []driver.Value{{Name: test.found, Data: []byte("x")}}, nil }}
			values, err := clientOf(d, nil).Get(t.Context(), plan.Source{Store: ssm, Read: test.walk})
			if test.want == "" {
				want := []driver.Value{{Name: test.found, Data: []byte("x")}}
				if diff := cmp.Diff(want, values); diff != "" || err != nil {
					t.Errorf("error %v, values (-want +got):\n%s", err, diff)
				}
				return
			}
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Kind != driver.Unavailable || !strings.HasSuffix(err.Error(), ": unavailable: "+test.want) {
				t.Errorf("got %v, want …unavailable: %s", err, test.want)
			}
		})
	}
}

func TestNamesThatAPrefixMayFind(t *testing.T) {
	for name, test := range map[string]struct {
		prefix, found string
		want          bool // it is passed on
	}{
		"one that begins so":           {"prod/d", "prod/db", true},
		"deeper":                       {"prod/", "prod/db/reader", true},
		"the prefix itself":            {"prod/db", "prod/db", true},
		"any, without a prefix":        {"", "prod", true},
		"with a slash at the front":    {"", "/prod", true},
		"elsewhere":                    {"prod/", "dev/prod/db", false},
		"in other case":                {"prod/", "Prod/db", false},
		"with a slash before it":       {"prod/", "/prod/db", false},
		"none":                         {"", "", false},
		"that is no text":              {"", "a\xff", false},
		"with a character of no width": {"", "a\u200b", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := able{walk: func() ([]driver.Value, error) { return []driver.Value{{Name: test.found, Data: []byte("x")}}, nil }}
			c := &Client{Drivers: map[plan.Backend]driver.Driver{backends.AWSSecretsManager: d}}
			store := plan.Store{Backend: backends.AWSSecretsManager}
			_, err := c.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: test.prefix, Path: true, Recursive: true}})
			if (err == nil) != test.want {
				t.Errorf("got error %v, want it passed on: %t", err, test.want)
			}
		})
	}
}

// A value of 900 kB for a version made status fail for ever, with three of them.
func TestVersionsAreBounded(t *testing.T) {
	long := driver.Value{Name: "/a/b", Data: []byte("x"), Version: "v\n" + strings.Repeat("1", 900<<10)}
	want := "v?" + strings.Repeat("1", 125) + "…"
	single := scripted(func(context.Context) (driver.Value, error) { return long, nil })
	d := able{
		scripted: single,
		walk:     func() ([]driver.Value, error) { return []driver.Value{long}, nil },
		batch: func(context.Context, []plan.Read) ([]driver.Result, error) {
			return []driver.Result{{Value: long}}, nil
		},
	}
	for _, read := range []plan.Read{{Key: "/a/b"}, {Key: "/a", Path: true}} {
		values, err := clientOf(d, nil).Get(t.Context(), plan.Source{Store: ssm, Read: read})
		if err != nil || values[0].Version != want {
			t.Errorf("%v: got error %v, values %.300v, want version %s", read, err, values, want)
		}
	}
	outcomes, err := clientOf(d, nil).GetBatch(t.Context(), ssm, []plan.Read{{Key: "/a/b"}})
	if err != nil || outcomes[0].Value.Version != want {
		t.Errorf("batch: got error %v, outcomes %.300v, want version %s", err, outcomes, want)
	}
}

func TestWhichValueOfAPathIsTooLarge(t *testing.T) {
	large := driver.Value{Name: "/a/" + strings.Repeat("n", 200), Data: make([]byte, MaxValueBytes+1)}
	d := able{walk: func() ([]driver.Value, error) { return []driver.Value{large}, nil }}
	_, err := clientOf(d, nil).Get(t.Context(), plan.Source{Store: ssm, Read: plan.Read{Key: "/a", Path: true}})
	want := `cannot read path "/a" from systemManager in region eu-west-1: not a valid request: the value of /a/` + strings.Repeat("n", 124) +
		"… has 1048577 bytes, but a Secret holds 1048576 at most; keep less in it, or name a path without it"
	if err == nil || err.Error() != want {
		t.Errorf("error (-want +got):\n%s", cmp.Diff(want, err))
	}
}

package hashivault_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// vouching is a Vault of tokens that it did not give to us.
type vouching struct {
	wire

	knows []string // tokens that it accepts
	ttl   int      // of each, in seconds
	mute  bool     // they may not look themselves up
}

func (v *vouching) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("X-Vault-Token")
	switch {
	case !slices.Contains(v.knows, token):
		v.fail = refuse(`{"errors":["permission denied","invalid token"]}`)
	case r.URL.Path == lookupPath && v.mute:
		v.fail = refuse(`{"errors":["permission denied"]}`)
	case r.URL.Path == lookupPath:
		v.fail = answers(http.StatusOK, map[string]string{lookupPath: fmt.Sprintf(`{"data":{"id":%q,"ttl":%d,"renewable":true}}`, token, v.ttl)})
	default:
		v.fail = nil
	}
	v.wire.ServeHTTP(w, r)
}

func refuse(body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// moment is when a token is read with, and what has changed until then.
type moment struct {
	after  time.Duration
	secret string // what the Secret holds from now on; empty: as before; "gone": nothing
	knows  string // the only token that Vault accepts from now on
	want   string // how the outcome begins; empty: the value
}

func TestATokenOfASecretIsLookedUpAndNeverRenewed(t *testing.T) {
	const lookedUp, again = "lookup first, read first", ", lookup first, read first"
	for name, test := range map[string]struct {
		ttl     int
		mute    bool
		moments []moment
		want    string // the requests
	}{
		"once, for reads that follow each other":  {moments: []moment{{}, {after: time.Minute}, {after: 4 * time.Minute}}, want: lookedUp + ", read first, read first"},
		"again after five minutes":                {moments: []moment{{}, {after: 5 * time.Minute}}, want: lookedUp + again},
		"sooner, where it ends sooner":            {ttl: 60, moments: []moment{{}, {after: 30 * time.Second}}, want: lookedUp + again},
		"though it is renewable and near its end": {ttl: 3600, moments: []moment{{}, {after: 59 * time.Minute}}, want: lookedUp + again},
		"not by a token that may not, which is read with": {
			mute: true, moments: []moment{{}, {after: time.Minute}}, want: lookedUp + ", read first",
		},
		"and another one takes its place within five minutes": {
			moments: []moment{{}, {after: 5 * time.Minute, secret: "second"}}, want: lookedUp + ", lookup second, read second",
		},
		"and at once, where Vault refuses the one before": {
			moments: []moment{{}, {secret: "second", knows: "second"}}, want: lookedUp + ", read first, lookup second, read second",
		},
		"and is used on while the Secret cannot be read": {
			moments: []moment{{}, {after: 10 * time.Minute, secret: "gone"}}, want: lookedUp + ", read first",
		},
		"for an hour at most": {
			moments: []moment{{}, {after: time.Hour, secret: "gone", want: "unauthenticated: no login: Secret team-a/none does not exist; create it"}}, want: lookedUp,
		},
		"and not beyond its end": {
			ttl: 120, moments: []moment{{}, {after: 2 * time.Minute, secret: "gone", want: "unauthenticated: no login: "}}, want: lookedUp,
		},
		"and one that is no more is said, and healed by another": {
			moments: []moment{
				{knows: "second", want: "unauthenticated: no login: permission denied; invalid token; write a token that Vault accepts into Secret team-a/token: tokens expire, and"},
				{secret: "second"},
			},
			want: "lookup first, lookup second, read second",
		},
	} {
		t.Run(name, func(t *testing.T) {
			credentials, begin := held{"Secret team-a/token/t": "first"}, time.Now()
			v, now := &vouching{knows: []string{"first", "second"}, ttl: test.ttl, mute: test.mute}, begin
			read := tokenReads(t, hashivault.Config{Address: serve(t, v).URL, Credentials: credentials.get, Now: func() time.Time { return now }})
			for _, m := range test.moments {
				if now = begin.Add(m.after); m.secret != "" {
					credentials["Secret team-a/token/t"] = m.secret
				}
				if m.secret == "gone" {
					delete(credentials, "Secret team-a/token/t")
				}
				if m.knows != "" {
					v.knows = []string{m.knows}
				}
				if got, want := read(), cmp.Or(m.want, value); !strings.HasPrefix(got, want) {
					t.Errorf("after %s: got %s, want %s…", m.after, got, want)
				}
			}
			if got := v.steps(); got != test.want {
				t.Errorf("requests %s\nwant     %s", got, test.want)
			}
		})
	}
}

// tokenReads reads by a token that a Secret holds.
func tokenReads(t *testing.T, config hashivault.Config) func() string {
	t.Helper()
	d, err := hashivault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return readsOf(t, d, plan.Store{Method: backends.VaultToken, Credential: aToken})
}

// What is no token is not sent, and what Vault says of one does not show it.
func TestATokenOfASecretIsNotShown(t *testing.T) {
	for name, test := range map[string]struct{ token, want, steps string }{
		"two lines":   {"planted\nX-Vault-Namespace: other", "unauthenticated: no login: what the Secret holds is no token of Vault's, which has neither spaces nor lines; ", ""},
		"two words":   {"planted token", "unauthenticated: no login: what the Secret holds is no token of Vault's", ""},
		"no ASCII":    {"plantedß", "unauthenticated: no login: what the Secret holds is no token of Vault's", ""},
		"one refused": {"planted", "unauthenticated: no login: the answer quotes the credential, and is not shown; ", "lookup planted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{fail: answers(http.StatusBadRequest, map[string]string{lookupPath: `{"errors":["bad planted"]}`})}
			var told string
			got := tokenReads(t, hashivault.Config{
				Address: serve(t, w).URL, Credentials: held{"Secret team-a/token/t": test.token}.get,
				Failed: func(_ string, err error) { told = fmt.Sprintf("%v %+v", err, errors.Unwrap(err)) },
			})()
			if !strings.HasPrefix(got, test.want) || strings.Contains(got+told, "planted") || w.steps() != test.steps {
				t.Errorf("got %s (Failed got %s) after %s\nwant %s… after %s", got, told, w.steps(), test.want, test.steps)
			}
		})
	}
}

func TestALookupThatSaysNothing(t *testing.T) {
	for name, body := range map[string]string{"nothing": "", "no time": `{"data":{"id":"first"}}`, "a time that is none": `{"data":{"ttl":"soon"}}`, "a page": "<html>"} {
		t.Run(name, func(t *testing.T) {
			w := &wire{fail: answers(http.StatusOK, map[string]string{lookupPath: body})}
			got := tokenReads(t, hashivault.Config{Address: serve(t, w).URL, Credentials: held{"Secret team-a/token/t": "first"}.get})()
			if !strings.HasPrefix(got, "unavailable: no login: the answer is not Vault's; ") || w.steps() != "lookup first" {
				t.Errorf("got %s after %s, want that it is no answer of Vault's", got, w.steps())
			}
		})
	}
}

// A token stays in the namespace that it was gotten in, and reads in another.
func TestALoginMayHaveANamespaceOfItsOwn(t *testing.T) {
	w, now := &wire{}, time.Now()
	d, err := hashivault.New(hashivault.Config{
		Address: serve(t, w).URL, Namespace: "home", JWTPath: file(t, "token", "jwt"), Now: func() time.Time { return now },
		Credentials: func(context.Context, plan.Credential) (string, error) { return "first", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	read := readsOf(t, d, plan.Store{Mount: "k8s", Role: "r", Namespace: "admin/team", Login: plan.Login{Namespace: "admin"}})
	for range 2 {
		if got := read(); got != value {
			t.Fatal(got)
		}
		now = now.Add(50 * time.Minute)
	}
	w.fail = answers(http.StatusForbidden, map[string]string{readPath: `{"errors":["permission denied"]}`})
	read()
	want := []string{
		"PUT /v1/auth/k8s/login admin", "GET /v1/kv/a admin/team token1", "PUT /v1/auth/token/renew-self admin token1", "GET /v1/kv/a admin/team token1",
		"PUT /v1/auth/token/renew-self admin token1", "GET /v1/kv/a admin/team token1", "GET /v1/auth/token/lookup-self admin token1",
	}
	if diff := gocmp.Diff(want, w.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	w.fail = answers(http.StatusForbidden, map[string]string{loginPath: `{"errors":["permission denied"]}`})
	other := readsOf(t, d, plan.Store{Mount: "k8s", Role: "other", Namespace: "admin/team", Login: plan.Login{Namespace: "admin"}})
	if got, want := other(), "unauthenticated: no login in namespace admin: permission denied; "; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
	w.seen = nil
	byToken := readsOf(t, d, plan.Store{Method: backends.VaultToken, Credential: aToken, Namespace: "team"})
	w.fail = answers(http.StatusOK, map[string]string{lookupPath: `{"data":{"ttl":0}}`})
	if got := byToken(); got != value {
		t.Fatal(got)
	}
	if diff := gocmp.Diff([]string{"GET /v1/auth/token/lookup-self team first", "GET /v1/kv/a team first"}, w.seen); diff != "" {
		t.Errorf("requests by a token (-want +got):\n%s", diff)
	}
}

// A namespace that is made again for another team has the token of its own Secret, not that of the one before.
func TestATokenOfASecretIsForgotten(t *testing.T) {
	credentials := held{"Secret team-a/token/t": "first"}
	v := &vouching{knows: []string{"first", "second"}}
	d, err := hashivault.New(hashivault.Config{Address: serve(t, v).URL, Credentials: credentials.get})
	if err != nil {
		t.Fatal(err)
	}
	store := plan.Store{Method: backends.VaultToken, Credential: aToken}
	read := readsOf(t, d, store)
	read()
	d.Forget(store)
	credentials["Secret team-a/token/t"] = "second"
	read()
	if got, want := v.steps(), "lookup first, read first, lookup second, read second"; got != want {
		t.Errorf("requests %s, want %s", got, want)
	}
}

// An admin's token may be a word, which is in many values.
func TestAValueMayHaveTheWordsOfAShortToken(t *testing.T) {
	w := &wire{fail: answers(http.StatusOK, map[string]string{lookupPath: `{"data":{"ttl":0}}`, readPath: `{"data":{"a":"root@example"}}`})}
	read := tokenReads(t, hashivault.Config{Address: serve(t, w).URL, Credentials: held{"Secret team-a/token/t": "root"}.get})
	if got, want := read(), `{"a":"root@example"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.fail = answers(http.StatusOK, map[string]string{readPath: `{"data":{"id":"root"}}`})
	if got := read(); !strings.HasPrefix(got, "invalid: the path is one of Vault's own") {
		t.Errorf("got %s, want the token kept back", got)
	}
}

var _ driver.Forgetter = (*hashivault.Driver)(nil)

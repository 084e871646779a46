package hashivault_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

const loginPath, readPath, renewPath, lookupPath = "/v1/auth/k8s/login", "/v1/kv/a", "/v1/auth/token/renew-self", "/v1/auth/token/lookup-self"

// answers is what some paths answer in place of the wire's own.
func answers(status int, bodies map[string]string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		body, ok := bodies[r.URL.Path]
		if ok {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
		return ok
	}
}

// steps are the requests that were seen, in short.
func (w *wire) steps() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	short := strings.NewReplacer("PUT "+loginPath, "login", "PUT "+renewPath+"  ", "renew ", "GET "+lookupPath+"  ", "lookup ", "GET "+readPath+"  ", "read ")
	return short.Replace(strings.Join(w.seen, ", "))
}

// Tokens of an hour, which are renewed with 20 minutes left, are read with at the beginning, after 50 and after 95 minutes.
func TestTokensThatCannotBeRenewed(t *testing.T) {
	const refused = `{"errors":["permission denied"]}`
	gives := func(seconds int, renewable bool) string {
		return fmt.Sprintf(`{"auth":{"client_token":"token1","lease_duration":%d,"renewable":%t}}`, seconds, renewable)
	}
	for name, test := range map[string]struct {
		status int
		bodies map[string]string
		want   string
		told   []string
	}{
		"one that can be is": {
			status: http.StatusOK, want: "login, read token1, renew token1, read token1, renew token1, read token1",
		},
		"one that says so makes way for a new one": {
			status: http.StatusOK, bodies: map[string]string{loginPath: gives(3600, false)},
			want: "login, read token1, login, read token1, login, read token1",
		},
		"one whose maximum cuts the renewal short makes way for a new one": {
			status: http.StatusOK, bodies: map[string]string{renewPath: gives(60, true)},
			want: "login, read token1, renew token1, login, read token2, renew token2, login, read token3",
		},
		"one that is given less ends earlier": {
			status: http.StatusOK, bodies: map[string]string{renewPath: gives(2400, true)},
			want: "login, read token1, renew token1, read token1, login, read token2",
		},
		"one whose renewal is refused makes way for a new one, and that is told": {
			status: http.StatusForbidden, bodies: map[string]string{renewPath: refused},
			want: "login, read token1, renew token1, login, read token2, renew token2, login, read token3",
			told: []string{"renew-self", "renew-self"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			w, begin := &wire{fail: answers(test.status, test.bodies)}, time.Now()
			now := begin
			read := reads(t, hashivault.Config{Address: serve(t, w).URL, Now: func() time.Time { return now },
				Failed: func(operation string, _ error) { told = append(told, operation) }})
			for _, after := range []time.Duration{0, 50 * time.Minute, 95 * time.Minute} {
				now = begin.Add(after)
				if got := read(); got != value {
					t.Fatal(got)
				}
			}
			if got := w.steps(); got != test.want || !slices.Equal(told, test.told) {
				t.Errorf("requests %s; reported %v\nwant     %s; reported %v", got, told, test.want, test.told)
			}
		})
	}
}

func TestWhatIsSetDecidesWhenTokensAreRenewed(t *testing.T) {
	for name, test := range map[string]struct {
		config hashivault.Config
		after  time.Duration
		body   string
	}{
		"nothing":                    {hashivault.Config{}, 40 * time.Minute, `{"increment":0}`},
		"the threshold":              {hashivault.Config{RenewThreshold: 5 * time.Minute}, 55 * time.Minute, `{"increment":0}`},
		"the refresh interval":       {hashivault.Config{RefreshInterval: time.Minute}, 57 * time.Minute, `{"increment":0}`},
		"the time that is asked for": {hashivault.Config{RenewIncrement: 30 * time.Minute}, 50 * time.Minute, `{"increment":1800}`},
	} {
		t.Run(name, func(t *testing.T) {
			w, now := &wire{}, time.Now()
			test.config.Address, test.config.Now = serve(t, w).URL, func() time.Time { return now }
			read := reads(t, test.config)
			for _, later := range []time.Duration{0, test.after - time.Second, time.Second} {
				now = now.Add(later)
				if got := read(); got != value {
					t.Fatal(got)
				}
			}
			if got, want := w.steps(), "login, read token1, read token1, renew token1, read token1"; got != want {
				t.Errorf("a second before and in time: %s, want %s", got, want)
			}
			if diff := cmp.Diff([]string{test.body}, w.renewals); diff != "" {
				t.Errorf("renewals (-want +got):\n%s", diff)
			}
		})
	}
}

// A token that may not look itself up might be revoked, unless Vault says more. That costs one login, and nothing from then on.
func TestDenialsOfATokenThatKnowsNothingOfItself(t *testing.T) {
	const refused = `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`
	w := &wire{fail: answers(http.StatusForbidden, map[string]string{readPath: refused, lookupPath: refused})}
	now := time.Now()
	read := reads(t, hashivault.Config{Address: serve(t, w).URL, Now: func() time.Time { return now }})
	for range 3 {
		if got := read(); !strings.HasPrefix(got, "denied: ") {
			t.Errorf("got %s, want a denial", got)
		}
		now = now.Add(time.Minute)
	}
	if got, want := w.steps(), "login, read token1, lookup token1, login, read token2, read token2, read token2"; got != want {
		t.Errorf("requests %s\nwant     %s", got, want)
	}
}

// Where Vault refuses each token, as a replica that lags behind does, not every read logs in.
func TestTokensThatAreRefusedOneAfterTheOther(t *testing.T) {
	w := &wire{fail: answers(http.StatusForbidden, map[string]string{readPath: `{"errors":["permission denied","invalid token"]}`})}
	read := reads(t, hashivault.Config{Address: serve(t, w).URL})
	for range 3 {
		if got := read(); !strings.HasPrefix(got, "unauthenticated: ") {
			t.Errorf("got %s", got)
		}
	}
	if got, want := w.steps(), "login, read token1, login, read token2, read token2, read token2"; got != want {
		t.Errorf("requests %s\nwant     %s", got, want)
	}
}

func TestALoginWithoutWhatItNeeds(t *testing.T) {
	for name, test := range map[string]struct {
		who  plan.Store
		want string
	}{
		"neither a role nor a mount":    {plan.Store{}, "no Vault role is given, and no mount of Vault's Kubernetes auth method"},
		"neither a role nor an AppRole": {plan.Store{Mount: "k8s"}, "no Vault role is given"},
		"a role at no mount":            {plan.Store{Role: "r"}, "no mount of Vault's Kubernetes auth method is given"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{}
			d, err := hashivault.New(hashivault.Config{Address: serve(t, w).URL, JWTPath: file(t, "token", "jwt")})
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Get(t.Context(), test.who, plan.Read{Key: "kv/a", EngineVersion: 1})
			if err == nil || d.Classify(err) != driver.Invalid || err.Error() != test.want || w.steps() != "" {
				t.Errorf("got %v after %s, want %s", err, w.steps(), test.want)
			}
		})
	}
}

// A login that succeeds with no token gives none: with an empty one, Vault would say that the path is to blame.
func TestALoginWithoutAToken(t *testing.T) {
	for name, body := range map[string]string{
		"an empty one": `{"auth":{"client_token":"","lease_duration":3600}}`, "no login": `{"data":{"a":"planted"}}`, "nothing": "", "a page": "<html>planted",
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{fail: answers(http.StatusOK, map[string]string{loginPath: body})}
			const want = "unavailable: no login: the answer is not Vault's; check VAULT_ADDR, and the proxy on the way"
			if got := reads(t, hashivault.Config{Address: serve(t, w).URL})(); got != want || w.steps() != "login" {
				t.Errorf("got %s after %s\nwant %s", got, w.steps(), want)
			}
		})
	}
}

func TestServer(t *testing.T) {
	w := &wire{fail: answers(http.StatusOK, map[string]string{"/v1/sys/health": `{"version":"1.2.3","cluster_id":"i","cluster_name":"n","sealed":false}`})}
	d, err := hashivault.New(hashivault.Config{Address: serve(t, w).URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Server(t.Context(), plan.Store{})
	if want := (hashivault.Server{Version: "1.2.3", ClusterID: "i", ClusterName: "n"}); err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

// An answer without an end is read no further than any value can be, and given up.
func TestAnswersAreBounded(t *testing.T) {
	ended := make(chan struct{})
	w := &wire{}
	mux := http.NewServeMux()
	mux.Handle("/", w)
	mux.HandleFunc(readPath, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		_, err := io.WriteString(w, `{"data":{"a":"`)
		for part := strings.Repeat("planted", 10000); err == nil; {
			_, err = io.WriteString(w, part)
		}
	})
	const want = "invalid: the answer is larger than any value that a Secret can hold; keep less under one key"
	if got := reads(t, hashivault.Config{Address: serve(t, mux).URL})(); got != want {
		t.Errorf("got %.200s, want %s", got, want)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is left open")
	}
}

// Vault says when to ask again where its quotas are told to (enable_rate_limit_response_headers), and so do proxies before it.
func TestWhenToAskAgain(t *testing.T) {
	for what, path := range map[string]string{"a login": loginPath, "a read": readPath} {
		t.Run("after "+what, func(t *testing.T) {
			w := &wire{fail: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != path {
					return false
				}
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}}
			d, err := hashivault.New(hashivault.Config{Address: serve(t, w).URL, JWTPath: file(t, "token", "jwt")})
			if err != nil {
				t.Fatal(err)
			}
			who := plan.Store{Mount: "k8s", Role: "r"}
			_, err = d.Get(t.Context(), who, plan.Read{Key: "kv/a", EngineVersion: 1})
			var postponed interface{ RetryAfter() time.Duration }
			if !errors.As(err, &postponed) || postponed.RetryAfter() != 7*time.Second || d.Classify(err) != driver.Throttled {
				t.Errorf("got %v of kind %s, want throttled for 7s", err, d.Classify(err))
			}
		})
	}
}

// By HTTP/2, which Vault and proxies speak by TLS, an answer that is cut is no EOF.
func TestAnswersThatAreCutShort(t *testing.T) {
	for when, path := range map[string]string{"at the login": "/v1/auth/k8s/login", "at the read": "/v1/kv/a"} {
		t.Run(when, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("/", &wire{})
			mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"data":{"a":"planted`)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			server := httptest.NewUnstartedServer(mux)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			got := reads(t, hashivault.Config{Address: server.URL, ExtraCACerts: certificate(t, server)})()
			if !strings.HasPrefix(got, "unavailable: ") || !strings.Contains(got, "stream error") {
				t.Errorf("got %s", got)
			}
		})
	}
}

package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// serve starts a server and counts the connections that it takes.
func serve(t *testing.T, handler http.HandlerFunc) (d *Driver, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		connections.Add(1)
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	d, err := New(Config{AccessKeyID: "id", AccessKeySecret: "secret", Endpoint: server.URL, STSEndpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return d, connections
}

var own, aRole = plan.Store{}, plan.Store{Role: "acs:ram::1:role/r"}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var fail atomic.Bool
	d, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if fail.Load() {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"Code":"Throttling","Message":"m","RequestId":"x"}`))
			return
		}
		_, _ = w.Write([]byte(`{"SecretData":"v","SecretDataType":"text","VersionId":"1"}`))
	})
	for i := range 20 {
		fail.Store(i%2 == 1)
		if _, err := d.Get(t.Context(), own, plan.Read{Key: "k"}); (err != nil) != fail.Load() {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("20 reads opened %d connections, want 1", n)
	}
}

// TestCancelledCalls ends a read, and one that waits for a session: the caller is let go, and the server sees the read's
// connection closed. The session goes on to be begun for others.
func TestCancelledCalls(t *testing.T) {
	asked, gone := make(chan string, 2), make(chan struct{}, 2)
	release := make(chan struct{})
	d, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("Action")
		select {
		case <-r.Context().Done():
			gone <- struct{}{}
		case <-release:
		}
	})
	for want, store := range map[string]plan.Store{"GetSecretValue": own, "AssumeRole": aRole} {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := d.Get(ctx, store, plan.Read{Key: "k"})
			result <- err
		}()
		if got := <-asked; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", want, err)
		}
		if store == own {
			<-gone
		}
	}
	close(release)
}

func TestAnswersWithoutSense(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   driver.Kind
		says   string
	}{
		"a code that is a number":     {500, `{"Code":500,"Message":["planted"]}`, driver.Unavailable, "HTTP status 500 without an answer of Alibaba Cloud's"},
		"an error that is a list":     {400, `["planted"]`, driver.Unavailable, "HTTP status 400 without an answer of Alibaba Cloud's"},
		"an error without a message":  {404, `{"Code":"Forbidden.ResourceNotFound"}`, driver.NotFound, "Forbidden.ResourceNotFound"},
		"a value that is an object":   {200, `{"SecretData":{"a":"planted"}}`, driver.Unavailable, "the answer is not Alibaba Cloud's"},
		"an answer without a value":   {200, `{"RequestId":"planted"}`, driver.Unavailable, "the answer holds no value"},
		"an answer without an end":    {200, `{"SecretData":"planted`, driver.Unavailable, "the answer is not Alibaba Cloud's"},
		"nothing at all, and success": {204, ``, driver.Unavailable, "HTTP status 204 without an answer of Alibaba Cloud's"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})
			_, err := d.Get(t.Context(), own, plan.Read{Key: "k"})
			if err == nil || d.Classify(err) != test.want || err.Error() != test.says {
				t.Errorf("got %v, want %s: %s", err, test.want, test.says)
			}
			if _, err := d.Get(t.Context(), aRole, plan.Read{Key: "k"}); err == nil {
				t.Error("the same for a session is taken for one")
			}
		})
	}
}

// asked serves both services, each at a place of its own, and notes what they are asked, and with which key and token.
func asked(t *testing.T, kms http.HandlerFunc) (d *Driver, seen func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	at := func(name string, answer http.HandlerFunc) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			q := r.URL.Query()
			all = append(all, strings.Join([]string{name, q.Get("Action"), q.Get("AccessKeyId"), q.Get("SecurityToken")}, " "))
			answer(w, r)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	n := 0
	sts := at("sts", func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t%d"}}`, n)
	})
	d, err := New(Config{AccessKeyID: "id", AccessKeySecret: "secret", Endpoint: at("kms", kms), STSEndpoint: sts})
	if err != nil {
		t.Fatal(err)
	}
	return d, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func TestWhoIsAskedAsWhom(t *testing.T) {
	d, seen := asked(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"SecretData":"v"}`)) })
	for _, store := range []plan.Store{aRole, aRole, own} {
		if _, err := d.Get(t.Context(), store, plan.Read{Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"sts AssumeRole id ", "kms GetSecretValue STS.a t1", "kms GetSecretValue STS.a t1", "kms GetSecretValue id "}
	if diff := cmp.Diff(want, seen()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A session that KMS refuses is begun anew, but where it refuses each, not by each read.
func TestRefusedSessions(t *testing.T) {
	for _, code := range []string{"InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound", "Forbidden.AccessKeyDisabled"} {
		t.Run(code, func(t *testing.T) {
			d, seen := asked(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"Code":%q}`, code)
			})
			for range 2 {
				_, err := d.Get(t.Context(), aRole, plan.Read{Key: "k"})
				var postponed interface{ RetryAfter() time.Duration }
				if d.Classify(err) != driver.Unauthenticated || !errors.As(err, &postponed) || postponed.RetryAfter() != 7*time.Second {
					t.Errorf("got %v of kind %s, to ask again after 7 seconds", err, d.Classify(err))
				}
			}
			want := []string{
				"sts AssumeRole id ", "kms GetSecretValue STS.a t1", "sts AssumeRole id ", "kms GetSecretValue STS.a t2", "kms GetSecretValue STS.a t2",
			}
			if diff := cmp.Diff(want, seen()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSessionsThatLackSomething(t *testing.T) {
	for name, answer := range map[string]string{
		"an id":    `{"Credentials":{"AccessKeySecret":"planted","SecurityToken":"planted"}}`,
		"a secret": `{"Credentials":{"AccessKeyId":"STS.a","SecurityToken":"planted"}}`,
		"a token":  `{"Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"planted"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
			_, err := d.Get(t.Context(), aRole, plan.Read{Key: "k"})
			if err == nil || err.Error() != "no session: the answer is not Alibaba Cloud's" || d.Classify(err) != driver.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The URL is the signed request.
func TestErrorsDoNotQuoteTheURL(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a connection that is cut":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a redirect without a place": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMovedPermanently) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/x?"+r.URL.RawQuery, http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := serve(t, answer)
			for _, store := range []plan.Store{own, aRole} {
				_, err := d.Get(t.Context(), store, plan.Read{Key: "k"})
				if err == nil || d.Classify(err) != driver.Unavailable || strings.Contains(err.Error(), "Signature") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestHalfAKeyIsNone(t *testing.T) {
	for _, config := range []Config{{AccessKeyID: "id"}, {AccessKeySecret: "secret"}} {
		config.Endpoint = "kms.example"
		d, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, store := range []plan.Store{own, aRole} {
			if _, err := d.Get(t.Context(), store, plan.Read{Key: "k"}); !errors.Is(err, errNoKey) {
				t.Errorf("with %+v: got %v", config, err)
			}
		}
	}
}

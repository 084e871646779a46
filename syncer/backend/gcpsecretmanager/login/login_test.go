package login

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/shared/plan"
)

// exchange gives tokens of an hour's life for a cluster's, numbered from 1.
type exchange struct{ asked int }

func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	e.asked++
	answer := fmt.Sprintf(`{"access_token":"t%d","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`, e.asked)
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// federated are credentials that the exchange gives tokens for.
func federated(t *testing.T) map[string]any {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/a", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.googleapis.com/v1/token", "credential_source": map[string]string{"file": token},
	}
}

func serviceAccount(t *testing.T) map[string]any {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"type": "service_account", "project_id": "own", "private_key_id": "k", "client_email": "a@own.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"token_uri":   "https://oauth2.googleapis.com/token",
	}
}

func with(credentials map[string]any, name, value string) map[string]any {
	more := maps.Clone(credentials)
	more[name] = value
	return more
}

// leave writes credentials where gcloud leaves them, in an environment that names no others.
func leave(t *testing.T, credentials map[string]any) {
	t.Helper()
	for _, name := range []string{"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_UNIVERSE_DOMAIN"} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	dir := filepath.Join(home, ".config", "gcloud")
	text, err := json.Marshal(credentials)
	if err := errors.Join(err, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "application_default_credentials.json"), text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestLogins(t *testing.T) {
	account, cluster := serviceAccount(t), federated(t)
	const service = "secretmanager.googleapis.com:443"
	type login struct {
		Target, Project, QuotaProject string
		Asked                         int // requests for a token
	}
	for name, test := range map[string]struct {
		credentials map[string]any
		env, value  string
		endpoint    string
		withProject bool
		want        login
	}{
		"a service account's key signs its tokens itself":        {credentials: account, withProject: true, want: login{Target: service, Project: "own"}},
		"a project that is not asked for is not looked for":      {credentials: account, want: login{Target: service}},
		"a key of another universe":                              {credentials: with(account, "universe_domain", "u.example"), want: login{Target: "secretmanager.u.example:443"}},
		"an endpoint of one's own":                               {credentials: account, endpoint: "sm.example:8443", want: login{Target: "sm.example:8443"}},
		"a cluster's token is exchanged, and belongs to nowhere": {credentials: cluster, withProject: true, want: login{Target: service, Asked: 1}},
		"where it belongs may be set": {
			credentials: cluster, withProject: true, env: "GOOGLE_CLOUD_PROJECT", value: "set", want: login{Target: service, Project: "set", Asked: 1},
		},
		"who pays is in the file":   {credentials: with(cluster, "quota_project_id", "payer"), want: login{Target: service, QuotaProject: "payer", Asked: 1}},
		"or set in the environment": {credentials: account, env: "GOOGLE_CLOUD_QUOTA_PROJECT", value: "payer", want: login{Target: service, QuotaProject: "payer"}},
	} {
		t.Run(name, func(t *testing.T) {
			leave(t, test.credentials)
			if test.env != "" {
				t.Setenv(test.env, test.value)
			}
			e := &exchange{}
			var got login
			all := New(Config{Endpoint: test.endpoint, Client: &http.Client{Transport: e}, Timeout: time.Minute})
			store := plan.Store{Container: "p"}
			if test.withProject {
				store.Container = ""
			}
			err := all.Do(t.Context(), store, func(l *Login) error {
				if !strings.HasPrefix(l.Headers["authorization"], "Bearer ") {
					t.Error("there is no token")
				}
				got = login{l.Target(""), l.Project, l.Headers["x-goog-user-project"], e.asked}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("login (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokensAreReplacedBeforeTheirEndAndWhenRefused(t *testing.T) {
	leave(t, federated(t))
	synctest.Test(t, func(t *testing.T) {
		e := &exchange{}
		all := New(Config{Endpoint: "sm.example:443", Client: &http.Client{Transport: e}, Timeout: time.Minute})
		var got []string
		call := func(answer error) {
			_ = all.Do(context.Background(), plan.Store{Container: "p"}, func(l *Login) error {
				got = append(got, strings.TrimPrefix(l.Headers["authorization"], "Bearer "))
				return answer
			})
		}
		refused := status.Error(codes.Unauthenticated, "x")
		call(nil)
		<-time.After(56 * time.Minute)
		call(nil)
		<-time.After(time.Minute) // 3 minutes are left
		call(nil)
		call(refused) // it was good before, so another is tried
		call(refused) // that one was never good, so it makes way for the next call's
		call(status.Error(codes.PermissionDenied, "x"))
		call(nil)
		if diff := cmp.Diff([]string{"t1", "t1", "t2", "t2", "t3", "t4", "t5", "t5"}, got); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
	})
}

package login

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// keyed is a Store with the key of a Secret.
var keyed = plan.Store{
	Backend: backend.GCPSecretManager, Container: "p",
	Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: "team", Name: "login", Key: "key.json"},
}

func TestWhereALoginIsGoodFor(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint, universe string
		region             string
		want               string
	}{
		"the world":                    {"", "googleapis.com", "", "secretmanager.googleapis.com:443"},
		"a region":                     {"", "googleapis.com", "europe-west1", "secretmanager.europe-west1.rep.googleapis.com:443"},
		"a region of another universe": {"", "u.example", "u-east1", "secretmanager.u-east1.rep.u.example:443"},
		"an endpoint":                  {"sm.example:8443", "", "", "sm.example:8443"},
		"an endpoint, for a region":    {"sm.example:8443", "", "europe-west1", "sm.example:8443"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &Login{endpoint: test.endpoint, universe: test.universe}
			if got := l.Target(test.region); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// What the environment says of who pays and of the project is for the syncer's own credentials.
func TestKeysOfStores(t *testing.T) {
	account := serviceAccount(t)
	for name, test := range map[string]struct {
		key         map[string]any
		env, value  string
		endpoint    string
		want        string // the host, and who pays
		refusedWith string
	}{
		"a key":                          {key: account, want: "secretmanager.googleapis.com:443 "},
		"a key that names who pays":      {key: with(account, "quota_project_id", "payer"), want: "secretmanager.googleapis.com:443 payer"},
		"an environment that names that": {key: account, env: "GOOGLE_CLOUD_QUOTA_PROJECT", value: "syncers", want: "secretmanager.googleapis.com:443 "},
		"a key of another universe": {
			key: with(account, "universe_domain", "evil.example"), refusedWith: "denied: no credentials: the key is of another universe",
		},
		"a key of the installation's universe": {
			key: with(account, "universe_domain", "u.example"), env: "GOOGLE_CLOUD_UNIVERSE_DOMAIN", value: "u.example", want: "secretmanager.u.example:443 ",
		},
		"a key of another universe, for an endpoint": {
			key: with(account, "universe_domain", "u.example"), endpoint: "sm.example:443", want: "sm.example:443 ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			leave(t, federated(t))
			if test.env != "" {
				t.Setenv(test.env, test.value)
			}
			text, err := json.Marshal(test.key)
			if err != nil {
				t.Fatal(err)
			}
			e := &exchange{}
			all := New(Config{
				Endpoint: test.endpoint, Client: &http.Client{Transport: e}, Timeout: time.Minute,
				Credentials: func(context.Context, plan.Credential) (string, error) { return string(text), nil },
			})
			var got string
			err = all.Do(t.Context(), keyed, func(l *Login) error {
				got = l.Target("") + " " + l.Headers["x-goog-user-project"]
				return nil
			})
			if refused, ok := err.(*Error); ok { //nolint:errorlint // what Do says that it returns
				got = ""
				if said := refused.Kind().String() + ": " + refused.Error(); test.refusedWith == "" || !strings.HasPrefix(said, test.refusedWith) {
					t.Errorf("got %s, want %s", said, test.refusedWith)
				}
			}
			if got != test.want || e.asked != 0 {
				t.Errorf("got %q after %d requests, want %q after none", got, e.asked, test.want)
			}
		})
	}
}

func TestStoresAreCheckedBeforeAnyLogin(t *testing.T) {
	account := keyed
	account.Method, account.Mount = backend.GCPWorkloadIdentity, "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c"
	account.Credential = plan.Credential{Kind: plan.AccountCredential, Namespace: "team", Name: "reader", Audiences: "p.svc.id.goog"}
	change := func(s plan.Store, how func(*plan.Store)) plan.Store {
		how(&s)
		return s
	}
	for name, test := range map[string]struct {
		store plan.Store
		want  error
	}{
		"the syncer's own":                {plan.Store{}, nil},
		"a key":                           {keyed, nil},
		"a ServiceAccount":                {account, nil},
		"the syncer's, as another":        {plan.Store{Role: "a@p.iam.gserviceaccount.com"}, errUnused},
		"the syncer's, by workload":       {plan.Store{Method: backend.GCPWorkloadIdentity}, errMethod},
		"a key, as another":               {change(keyed, func(s *plan.Store) { s.Role = "a@p.iam.gserviceaccount.com" }), errUnused},
		"a key with an identifier":        {change(keyed, func(s *plan.Store) { s.Login.Identifier = s.Credential }), errUnused},
		"a key, and no project":           {change(keyed, func(s *plan.Store) { s.Container = "" }), errNoProject},
		"a ServiceAccount with tags":      {change(account, func(s *plan.Store) { s.Login.Tags = "a=b" }), errUnused},
		"a ServiceAccount of no cluster":  {change(account, func(s *plan.Store) { s.Mount = "" }), errPool},
		"a ServiceAccount without a pool": {change(account, func(s *plan.Store) { s.Credential.Audiences = "" }), errPool},
		"a ServiceAccount of two pools":   {change(account, func(s *plan.Store) { s.Credential.Audiences = "a\nb" }), errPool},
		"an unknown method":               {change(keyed, func(s *plan.Store) { s.Method = "Password" }), errMethod},
		"an installed credential":         {plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "n"}}, errMethod},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Check(test.store); !cmp.Equal(got, test.want, cmp.Comparer(func(a, b error) bool { return a == b })) { //nolint:errorlint // the very error
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestTheServersThatExchangeTokens(t *testing.T) {
	store := keyed
	store.Method, store.Mount, store.Role = backend.GCPWorkloadIdentity, "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c", "a@p.iam.gserviceaccount.com"
	store.Credential = plan.Credential{Kind: plan.AccountCredential, Namespace: "team", Name: "reader", Audiences: "p.svc.id.goog"}
	for name, test := range map[string]struct {
		sts, iam, universe string
		want               []string
	}{
		"Google's": {want: []string{
			"https://sts.googleapis.com/v1/token", "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken",
		}},
		"private ones": {sts: "sts.example:443", iam: "iam.example:8443", want: []string{
			"https://sts.example:443/v1/token", "https://iam.example:8443/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken",
		}},
		"those of a universe": {universe: "u.example", want: []string{
			"https://sts.u.example/v1/token", "https://iamcredentials.u.example/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			leave(t, federated(t))
			t.Setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", test.universe)
			e := &servers{}
			all := New(Config{
				STS: test.sts, IAM: test.iam, Client: &http.Client{Transport: e}, Timeout: time.Minute,
				Credentials: func(context.Context, plan.Credential) (string, error) { return "a.b.c", nil },
			})
			err := all.Do(t.Context(), store, func(*Login) error { return nil })
			refused, ok := err.(*Error) //nolint:errorlint // what Do says that it returns
			if !ok || refused.Kind() != driver.Denied || !strings.Contains(refused.Error(), " answered the request for a token with HTTP status 403") {
				t.Errorf("got %v, want that the last one refuses", err)
			}
			if diff := cmp.Diff(test.want, e.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// servers exchange a token, and let it act as no service account.
type servers struct {
	exchange
	asked []string
}

func (s *servers) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.String())
	answer, err := s.exchange.RoundTrip(r)
	if strings.Contains(r.URL.Path, "generateAccessToken") {
		answer.StatusCode = http.StatusForbidden
	}
	return answer, err
}

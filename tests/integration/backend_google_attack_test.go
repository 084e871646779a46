package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

func googleAccountOf(team int) string {
	return fmt.Sprintf("reader%d@team%d.iam.gserviceaccount.com", team, team)
}

// googleWorkload is a Store of a team, whose ServiceAccount acts as the service account of a team.
func googleWorkload(team int) plan.Store {
	store := googleStore(fmt.Sprint("team", team))
	store.Method, store.Mount, store.Role = backends.GCPWorkloadIdentity, googleProvider, googleAccountOf(team)
	store.Credential = plan.Credential{
		Kind: plan.AccountCredential, Namespace: fmt.Sprint("team", team), Name: "reader", Audiences: googlePool,
	}
	return store
}

// tokensOf issues tokens of ServiceAccounts, as the API server of a cluster does.
func tokensOf(t *testing.T, c *cluster) credential.Source {
	t.Helper()
	return func(_ context.Context, of plan.Credential) (string, error) {
		return c.issue(t, "system:serviceaccount:"+of.Namespace+":"+of.Name, string(of.Audiences), time.Hour), nil
	}
}

// teams lets each of three teams act as a service account that may read what is the team's in its project.
func (l *googleLab) teams(t *testing.T, c *cluster) {
	t.Helper()
	err := l.Google().IAM().PutPool(iam.Pool{Audience: "identitynamespace:" + googlePool + ":" + googleProvider, Issuer: podIssuer, Keys: c.keys})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		project := fmt.Sprint("projects/team", i)
		for _, account := range []iam.Account{
			{Email: googleAccountOf(i), Permissions: permission.Set{readGoogle(fmt.Sprintf("%s/secrets/team%d-*", project, i)), listGoogle(project)}},
			{Email: fmt.Sprintf("serviceAccount:%s[team%d/reader]", googlePool, i), Permissions: permission.Set{
				{Actions: []string{google.ActAs}, Resources: []string{"projects/-/serviceAccounts/" + googleAccountOf(i)}},
			}},
		} {
			if err := l.Google().IAM().PutAccount(account); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestGoogleStoresConform runs the conformance suite with stores that log in by tokens of ServiceAccounts.
func TestGoogleStoresConform(t *testing.T) {
	l, c := startGoogle(t), newCluster(t)
	l.teams(t, c)
	source := tokensOf(t, c)
	strange := googleWorkload(0)
	strange.Credential.Namespace = "strangers"
	h := l.harness(t)
	h.New = func(t *testing.T) driver.Driver { return l.driverOf(t, l.endpoint, source) }
	h.At = func(t *testing.T, url string) driver.Driver { return l.driverOf(t, l.behindTLS(t, url), source) }
	h.Through = func(t *testing.T, change func([]byte) []byte) driver.Driver {
		return l.driverOf(t, l.changing(t, change), source)
	}
	h.Stores = []plan.Store{googleWorkload(0), googleWorkload(1), googleWorkload(2)}
	h.Refused = map[string]plan.Store{"a ServiceAccount that may not act as the service account": strange}
	h.Unproved = map[string]func(*testing.T) driver.Driver{
		"with tokens of another cluster": func(t *testing.T) driver.Driver {
			return l.driverOf(t, l.endpoint, tokensOf(t, newCluster(t)))
		},
		"with tokens for another audience": func(t *testing.T) driver.Driver {
			return l.driverOf(t, l.endpoint, func(ctx context.Context, of plan.Credential) (string, error) {
				of.Audiences = "vault"
				return source(ctx, of)
			})
		},
	}
	h.Logins = func(*testing.T) int {
		return l.Counters().Sum(counter.Key{Service: "iamcredentials", Operation: "GenerateAccessToken", Code: "OK"})
	}
	h.Expire = func(*testing.T) { l.Google().ExpireTokens() }
	backendtest.Run(t, h)
}

// TestGoogleStoresShareNothing has a team write a store that names the service account and the project of another team's.
func TestGoogleStoresShareNothing(t *testing.T) {
	l, c := startGoogle(t), newCluster(t)
	l.teams(t, c)
	l.put(t, secretmanager.Secret{Name: "team1-a", String: planted})
	key, err := l.Google().IAM().NewKey(googleAccountOf(2), l.url+google.TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	issue := tokensOf(t, c)
	d := l.driverOf(t, l.endpoint, func(ctx context.Context, of plan.Credential) (string, error) {
		if of.Kind == plan.SecretCredential {
			return string(key), nil
		}
		return issue(ctx, of)
	})
	read := func(store plan.Store) string {
		value, err := d.Get(t.Context(), store, googleRead("team1-a"))
		if err != nil {
			return d.Classify(err).String()
		}
		return string(value.Data)
	}
	acted := func() int { return l.Google().IAM().Minted(googleAccountOf(1)) }
	theirs := googleWorkload(1)
	if got := read(theirs); got != planted || acted() != 1 {
		t.Fatalf("got %q with %d tokens, want the value with one", got, acted())
	}
	for name, change := range map[string]func(*plan.Store){
		"a ServiceAccount of another namespace": func(s *plan.Store) { s.Credential.Namespace = "team2" },
		"another ServiceAccount":                func(s *plan.Store) { s.Credential.Name = "other" },
		"the ServiceAccount itself":             func(s *plan.Store) { s.Role = "" },
		"a key of another service account": func(s *plan.Store) {
			s.Method, s.Mount, s.Role, s.Credential = "", "", "", plan.Credential{Kind: plan.SecretCredential, Namespace: "team2", Name: "k", Key: "k"}
		},
		"a key, and their service account": func(s *plan.Store) {
			s.Method, s.Credential = "", plan.Credential{Kind: plan.SecretCredential, Namespace: "team2", Name: "k", Key: "k"}
		},
		"no credential, but their service account": func(s *plan.Store) { s.Method, s.Mount, s.Credential = "", "", plan.Credential{} },
	} {
		t.Run(name, func(t *testing.T) {
			attack := theirs
			change(&attack)
			if got := read(attack); got == planted {
				t.Error("the value of the other team is read")
			}
			if n := acted(); n != 1 {
				t.Errorf("%d tokens of the service account were given, want the other team's alone", n)
			}
		})
	}
	if forgetter, ok := d.(driver.Forgetter); ok {
		forgetter.Forget(googleWorkload(2))
		read(theirs)
		kept := acted()
		forgetter.Forget(theirs)
		read(theirs)
		if again := acted(); kept != 1 || again != 2 {
			t.Errorf("%d tokens were given before the store was forgotten, and %d after, want 1 and 2", kept, again)
		}
	} else {
		t.Error("the driver forgets nothing")
	}
}

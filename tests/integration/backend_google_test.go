package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

func (l *googleLab) harness(t *testing.T) backendtest.Harness {
	t.Helper()
	strange := func(text string) func(*testing.T) driver.Driver {
		return func(t *testing.T) driver.Driver {
			t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.file(t, "key.json", []byte(text)))
			return l.driver(t, l.endpoint)
		}
	}
	return backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return l.driver(t, l.endpoint) },
		At:  func(t *testing.T, url string) driver.Driver { return l.driver(t, l.behindTLS(t, url)) },
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return l.driver(t, l.changing(t, change))
		},
		Stores: []plan.Store{googleStore("team0"), googleStore("team1"), googleStore("team2")},
		Key:    googleKeyOf,
		Read:   googleRead,
		Path: func(store int, name string, _ bool) plan.Read {
			return plan.Read{Key: googleKeyOf(store, name+"/"), Path: true}
		},
		Prefixes: true,
		Put: func(t *testing.T, key, text string) {
			l.putInAll(t, secretmanager.Secret{Name: key, String: text})
		},
		PutJSON: func(t *testing.T, key, object string) {
			l.putInAll(t, secretmanager.Secret{Name: key, String: object})
		},
		PutBinary: func(t *testing.T, key string, content []byte) {
			l.putInAll(t, secretmanager.Secret{Name: key, Binary: content})
		},
		Delete: func(_ *testing.T, key string) {
			for i := range 3 {
				l.Google().DeleteSecrets(fmt.Sprint("team", i), key)
			}
		},
		Refused: map[string]plan.Store{
			"a project that grants nothing":    googleStore("closed"),
			"a project that does not exist":    googleStore("nowhere"),
			"a project that is called by path": googleStore("team0:x"),
		},
		Unproved: map[string]func(*testing.T) driver.Driver{
			"with a key file that is not there": func(t *testing.T) driver.Driver {
				t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
				return l.driver(t, l.endpoint)
			},
			"with a file that is no key":  strange("planted-in-a-file"),
			"with JSON that is no key":    strange(`{"type": "service_account", "private_key": "planted-in-a-file"}`),
			"with credentials of no type": strange(`{"private_key": "planted-in-a-file"}`),
			"with a key that Google knows nothing of": func(t *testing.T) driver.Driver {
				other := startGoogleAccount(t)
				t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", other)
				return l.driver(t, l.endpoint)
			},
			"with a key that was deleted": func(t *testing.T) driver.Driver {
				const gone = "gone@team0.iam.gserviceaccount.com"
				if err := l.Google().IAM().PutAccount(iam.Account{Email: gone}); err != nil {
					t.Fatal(err)
				}
				t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, gone))
				if err := l.Google().IAM().RemoveKeys(gone); err != nil {
					t.Fatal(err)
				}
				return l.driver(t, l.endpoint)
			},
		},
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage}, driver.Unavailable),
			l.fault("calls are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of Google's own", fault.Fault{Kind: fault.Error, Code: "INTERNAL", Message: "Internal error encountered."}, driver.Unavailable),
			l.fault("the key that encrypts it is disabled", fault.Fault{
				Kind: fault.Error, Code: "FAILED_PRECONDITION", Message: "projects/p/locations/l/keyRings/r/cryptoKeys/k is not enabled.",
			}, driver.Denied),
		},
		Credentials: []string{"planted-in-a-file", "PRIVATE KEY", "ya29.", "eyJ"},
	}
}

// startGoogleAccount is a key of the same account at another Google.
func startGoogleAccount(t *testing.T) (file string) {
	t.Helper()
	other := clouds.New(clouds.Options{})
	if err := other.Google().IAM().PutAccount(iam.Account{Email: googleReader}); err != nil {
		t.Fatal(err)
	}
	l := &googleLab{Server: other}
	return l.key(t, googleReader)
}

func TestGoogleSecretManagerConforms(t *testing.T) {
	l := startGoogle(t)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	backendtest.Run(t, l.harness(t))
}

// TestGoogleWorkloadIdentityConforms reads with tokens of the metadata server, as pods with workload identity do.
func TestGoogleWorkloadIdentityConforms(t *testing.T) {
	l := startGoogle(t)
	l.Google().Attach(googleReader)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(l.url, "http://"))
	h := l.harness(t)
	h.Logins = func(*testing.T) int {
		return l.Counters().Sum(counter.Key{Service: "metadata", Operation: "Token", Code: "OK"})
	}
	h.Expire = func(*testing.T) { l.Google().ExpireTokens() }
	backendtest.Run(t, h)
}

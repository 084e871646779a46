package integration

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

func TestGoogleSecretManagerVersions(t *testing.T) {
	l := startGoogle(t)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	store := l.Google().Secrets()
	for _, text := range []string{"first", "second", "third", "fourth", "fifth"} {
		l.put(t, secretmanager.Secret{Name: "team0-rotated", String: text})
	}
	for _, err := range []error{
		store.SetAlias("team0", "team0-rotated", "stable", 2),
		store.SetState("team0", "team0-rotated", 3, secretmanager.Disabled),
		store.SetState("team0", "team0-rotated", 4, secretmanager.Destroyed),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d := l.driver(t, l.endpoint)
	for name, c := range map[string]struct{ project, version, want string }{
		"latest is the newest":                           {"team0", "latest", "5 fifth"},
		"a number names a version":                       {"team0", "1", "1 first"},
		"an alias names a version, and tells its number": {"team0", "stable", "2 second"},
		"the project's number is as good as its id":      {"100", "1", "1 first"},
		"a number that never was is not found":           {"team0", "9", "not_found"},
		"an alias that never was is not found":           {"team0", "unstable", "not_found"},
		"a disabled version is not found":                {"team0", "3", "not_found"},
		"a destroyed version is not found":               {"team0", "4", "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := d.Get(t.Context(), googleStore(c.project), plan.Read{Key: "team0-rotated", Version: c.version})
			got := value.Version + " " + string(value.Data)
			if err != nil {
				got = d.Classify(err).String()
			}
			if got != c.want {
				t.Errorf("got %q, want %q (%v)", got, c.want, err)
			}
		})
	}
}

// kindOf reads and says how that went.
func kindOf(t *testing.T, d driver.Driver, store plan.Store, key string) string {
	t.Helper()
	_, err := d.Get(t.Context(), store, googleRead(key))
	if err != nil {
		return d.Classify(err).String()
	}
	return "ok"
}

func TestGoogleProjectOfTheCredentials(t *testing.T) {
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "planted"})
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	if got := kindOf(t, l.driver(t, l.endpoint), googleStore(""), "team0-a"); got != "ok" {
		t.Errorf("the project of the key file: %s", got)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(l.url, "http://"))
	if err := l.Google().PutSecrets(google.LabProject, secretmanager.Secret{Name: "of-the-machine", String: "planted"}); err != nil {
		t.Fatal(err)
	}
	if got := kindOf(t, l.driver(t, l.endpoint), googleStore(""), "of-the-machine"); got != "ok" {
		t.Errorf("the project of the metadata server: %s", got)
	}
}

// A key file may be replaced while the syncer runs, as a Secret that is mounted is.
func TestGoogleKeyIsReplaced(t *testing.T) {
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "planted"})
	file := l.key(t, googleReader)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	d := l.driver(t, l.endpoint)
	read := func() string { return kindOf(t, d, googleStore("team0"), "team0-a") }
	got := []string{read()}
	if err := l.Google().IAM().RemoveKeys(googleReader); err != nil {
		t.Fatal(err)
	}
	got = append(got, read())
	fresh, err := os.ReadFile(l.key(t, googleReader))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	got = append(got, read(), read())
	if diff := cmp.Diff([]string{"ok", "unauthenticated", "ok", "ok"}, got); diff != "" {
		t.Errorf("with the first key, after it was deleted, with the second (-want +got):\n%s", diff)
	}
	// The refused key was tried once more, since it had been good.
	if n := l.Counters().Sum(counter.Key{Service: "secretmanager", Code: "UNAUTHENTICATED"}); n != 2 {
		t.Errorf("%d calls were refused, want 2", n)
	}
}

func TestGoogleMetadataServer(t *testing.T) {
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "planted"})
	l.Google().Attach(googleReader)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(l.url, "http://"))
	l.get(t, "while it answers", "ok")
	l.Google().Attach("")
	l.get(t, "while no account is attached", "unauthenticated")
	l.Google().Attach(googleReader)
	if _, err := l.Faults().Add(fault.Fault{Kind: fault.Garbage, Service: "metadata"}); err != nil {
		t.Fatal(err)
	}
	l.get(t, "while it answers garbage", "unavailable")
	l.Faults().Clear()
	l.get(t, "afterwards", "ok")
}

func (l *googleLab) get(t *testing.T, when, want string) {
	t.Helper()
	if got := kindOf(t, l.driver(t, l.endpoint), googleStore("team0"), "team0-a"); got != want {
		t.Errorf("%s: %s, want %s", when, got, want)
	}
}

// TestGoogleWorkloadIdentityFederation is how pods of other clouds prove who they are: their cluster's token in a file is
// exchanged for one of Google's.
func TestGoogleWorkloadIdentityFederation(t *testing.T) {
	const audience = "//iam.googleapis.com/projects/100/locations/global/workloadIdentityPools/lab/providers/cluster"
	const issuer, subject = "https://oidc.example", "system:serviceaccount:secretgate:syncer"
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "planted"})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Google().IAM().PutPool(iam.Pool{Audience: audience, Issuer: issuer, Keys: jose.JSONWebKeySet{
		Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	err = l.Google().IAM().PutAccount(iam.Account{
		Email:       "principal://iam.googleapis.com/projects/100/locations/global/workloadIdentityPools/lab/subject/" + subject,
		Permissions: permission.Set{readGoogle("projects/team0/secrets/*")},
	})
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	config, err := json.Marshal(map[string]any{
		"type": "external_account", "audience": audience, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": l.url + google.ExchangePath, "credential_source": map[string]string{"file": token},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.file(t, "federation.json", config))
	for _, c := range []struct{ name, subject, audience, want string }{
		{"the cluster's token", subject, "https:" + audience, "ok"},
		{"a token of another ServiceAccount", "system:serviceaccount:secretgate:webhook", "https:" + audience, "unauthenticated"},
		{"a token for another audience", subject, "https://kubernetes.default.svc", "unauthenticated"},
	} {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: issuer, Subject: c.subject, Audience: jwt.Audience{c.audience}, Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l.get(t, c.name, c.want)
		if c.want != "ok" {
			continue
		}
		if got := kindOf(t, l.driver(t, l.endpoint), googleStore(""), "team0-a"); got != "invalid" {
			t.Errorf("without a project, which such credentials do not have: %s, want invalid", got)
		}
	}
}

// Google says when to ask again, and that reaches the caller.
func TestGoogleRetryAfter(t *testing.T) {
	l := startGoogle(t)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	if _, err := l.Faults().Add(fault.Fault{Kind: fault.Throttle, RetryAfter: fault.Duration(7 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.GCPSecretManager: l.driver(t, l.endpoint)}}
	_, err := client.Get(t.Context(), plan.Source{Store: googleStore("team0"), Read: googleRead("team0-a")})
	failed, ok := err.(*backend.Error) //nolint:errorlint // what Get says that it returns
	if !ok || failed.Kind != driver.Throttled || failed.RetryAfter != 7*time.Second {
		t.Errorf("got %+v, want to be throttled for 7 s", err)
	}
	if n := l.Counters().Sum(counter.Key{Service: "secretmanager"}); n != 1 {
		t.Errorf("the driver called %d times, want 1: to try again is the caller's business", n)
	}
}

// A syncer that does not use Google makes the driver all the same, and Google's own logging must not show what it reads.
func TestGoogleDriverIsQuiet(t *testing.T) {
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "planted-value"})
	t.Setenv("GOOGLE_SDK_GO_LOGGING_LEVEL", "debug")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	said := capture(t, func() { l.get(t, "with logging", "ok") })
	for _, secret := range []string{"planted-value", "eyJ", "PRIVATE KEY"} {
		if bytes.Contains(said, []byte(secret)) {
			t.Errorf("what is printed holds %q", secret)
		}
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	before := l.Counters().Sum(counter.Key{})
	l.driver(t, l.endpoint)
	if n := l.Counters().Sum(counter.Key{}) - before; n != 0 {
		t.Errorf("making a driver made %d calls", n)
	}
}

// capture returns what is printed meanwhile.
func capture(t *testing.T, do func()) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "printed")
	printed, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = printed, printed
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	do()
	if err := printed.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

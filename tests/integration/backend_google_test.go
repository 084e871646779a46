package integration

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const googleReader = "reader@team0.iam.gserviceaccount.com"

// googleLab is an emulated Google Cloud of a test's own: three projects, and an account that may read in project i what is
// called team<i>-….
type googleLab struct {
	*clouds.Server
	authority *authority.Authority
	ca        string // file
	endpoint  string // of gRPC, host:port
	url       string // of token endpoint and metadata server
}

func startGoogle(t *testing.T) *googleLab {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	l := &googleLab{Server: clouds.New(clouds.Options{}), authority: ca}
	l.ca = l.file(t, "ca.pem", ca.PEM())
	secured := httptest.NewUnstartedServer(l.Server)
	secured.EnableHTTP2, secured.TLS = true, l.tls(t)
	secured.StartTLS()
	t.Cleanup(secured.Close)
	l.endpoint = secured.Listener.Addr().String()
	plain := httptest.NewServer(l.Server)
	t.Cleanup(plain.Close)
	l.url = plain.URL

	account := iam.Account{Email: googleReader}
	for i := range 3 {
		l.project(t, fmt.Sprint("team", i), fmt.Sprint(100+i))
		account.Permissions = append(account.Permissions, readGoogle(fmt.Sprintf("projects/team%d/secrets/team%d-*", i, i)))
	}
	l.project(t, "closed", "200")
	if err := l.Google().IAM().PutAccount(account); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_QUOTA_PROJECT", "HTTPS_PROXY", "HTTP_PROXY",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	return l
}

func (l *googleLab) tls(t *testing.T) *tls.Config {
	t.Helper()
	certificate, err := l.authority.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
}

func (l *googleLab) file(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (l *googleLab) project(t *testing.T, id, number string) {
	t.Helper()
	if err := l.Google().Secrets().PutProject(id, number); err != nil {
		t.Fatal(err)
	}
}

// key makes a key for an account, and a file of it.
func (l *googleLab) key(t *testing.T, email string) (file string) {
	t.Helper()
	text, err := l.Google().IAM().NewKey(email, l.url+google.TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	return l.file(t, "key.json", text)
}

// driver makes a driver with the credentials of the environment.
func (l *googleLab) driver(t *testing.T, endpoint string) driver.Driver {
	t.Helper()
	d, err := gcpsecretmanager.New(gcpsecretmanager.Config{Endpoint: endpoint, ExtraCACerts: l.ca})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// behindTLS makes a driver of what is at a URL without TLS, which gRPC does not go without.
func (l *googleLab) behindTLS(t *testing.T, url string) driver.Driver {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", l.h2(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = caller.Close() }()
				upstream, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")) //nolint:noctx // ends with the test's listener
				if err != nil {
					return
				}
				defer func() { _ = upstream.Close() }()
				go func() { _, _ = io.Copy(upstream, caller) }()
				_, _ = io.Copy(caller, upstream)
			}()
		}
	}()
	return l.driver(t, listener.Addr().String())
}

func (l *googleLab) h2(t *testing.T) *tls.Config {
	config := l.tls(t)
	config.NextProtos = []string{"h2"}
	return config
}

func (l *googleLab) put(t *testing.T, secret secretmanager.Secret) {
	t.Helper()
	if err := l.Google().PutSecrets(googleProjectOf(secret.Name), secret); err != nil {
		t.Fatal(err)
	}
}

// googleProjectOf is the project of a secret that is called team<i>-….
func googleProjectOf(name string) string {
	project, _, _ := strings.Cut(name, "-")
	return project
}

func readGoogle(resource string) permission.Allow {
	return permission.Allow{Actions: []string{"secretmanager.versions.access"}, Resources: []string{resource}}
}

func googleStore(project string) plan.Store {
	return plan.Store{Backend: backends.GCPSecretManager, Container: project}
}

func googleRead(key string) plan.Read { return plan.Read{Key: key, Version: "latest"} }

func (l *googleLab) fault(name string, f fault.Fault, want driver.Kind) backendtest.Fault {
	f.Service = "secretmanager"
	return backendtest.Fault{Name: name, Want: want, Begin: func(t *testing.T) func() {
		if _, err := l.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
		return l.Faults().Clear
	}}
}

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
		At:  l.behindTLS,
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(l.authority.PEM())
			server := damaging(t, "https://"+l.endpoint, &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
			}, change)
			server.EnableHTTP2, server.TLS = true, l.tls(t)
			server.StartTLS()
			t.Cleanup(server.Close)
			return l.driver(t, server.Listener.Addr().String())
		},
		Stores: []plan.Store{googleStore("team0"), googleStore("team1"), googleStore("team2")},
		Key:    func(store int, name string) string { return fmt.Sprintf("team%d-%s", store, name) },
		Read:   googleRead,
		Put: func(t *testing.T, key, text string) {
			l.put(t, secretmanager.Secret{Name: key, String: text})
		},
		PutJSON: func(t *testing.T, key, object string) {
			l.put(t, secretmanager.Secret{Name: key, String: object})
		},
		PutBinary: func(t *testing.T, key string, content []byte) {
			l.put(t, secretmanager.Secret{Name: key, Binary: content})
		},
		Delete: func(_ *testing.T, key string) { l.Google().DeleteSecrets(googleProjectOf(key), key) },
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

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
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
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
		account.Permissions = append(account.Permissions, readGoogle(fmt.Sprintf("projects/team%d/secrets/team%d-*", i, i)),
			listGoogle(fmt.Sprint("projects/team", i)))
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
	return l.driverOf(t, endpoint, nil)
}

// driverOf makes a driver with credentials of the cluster, too.
func (l *googleLab) driverOf(t *testing.T, endpoint string, source credential.Source) driver.Driver {
	t.Helper()
	d, err := gcpsecretmanager.New(gcpsecretmanager.Config{
		Endpoint: endpoint, STSEndpoint: l.endpoint, IAMEndpoint: l.endpoint, ExtraCACerts: l.ca, Credentials: source,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// behindTLS adds TLS to what is at a URL without it, since gRPC does not go without.
func (l *googleLab) behindTLS(t *testing.T, url string) (endpoint string) {
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
	return listener.Addr().String()
}

// changing makes an endpoint whose answers are changed on their way.
func (l *googleLab) changing(t *testing.T, change func([]byte) []byte) (endpoint string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(l.authority.PEM())
	server := damaging(t, "https://"+l.endpoint, &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}, change)
	server.EnableHTTP2, server.TLS = true, l.tls(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
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

// putInAll writes a secret into each project, so that permissions alone tell them apart.
func (l *googleLab) putInAll(t *testing.T, secret secretmanager.Secret) {
	t.Helper()
	for i := range 3 {
		if err := l.Google().PutSecrets(fmt.Sprint("team", i), secret); err != nil {
			t.Fatal(err)
		}
	}
}

// googleKeyOf is a name that only the identity of one store may read. Names have no slashes.
func googleKeyOf(store int, name string) string {
	return fmt.Sprintf("team%d-%s", store, strings.ReplaceAll(name, "/", "--"))
}

// googleProjectOf is the project of a secret that is called team<i>-….
func googleProjectOf(name string) string {
	project, _, _ := strings.Cut(name, "-")
	return project
}

func readGoogle(resource string) permission.Allow {
	return permission.Allow{Actions: []string{"secretmanager.versions.access"}, Resources: []string{resource}}
}

func listGoogle(parent string) permission.Allow {
	return permission.Allow{Actions: []string{"secretmanager.secrets.list"}, Resources: []string{parent}}
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

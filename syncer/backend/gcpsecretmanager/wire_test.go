package gcpsecretmanager

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// service answers as Secret Manager does, and notes what it is asked, and by how many connections.
type service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	net.Listener

	mu          sync.Mutex
	connections int
	asked       []string // name and routing header
	refusal     error    // the answer to all; nil: values
}

// refuse makes the service answer all that follows with an error.
func (s *service) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
}

func (s *service) Accept() (net.Conn, error) {
	connection, err := s.Listener.Accept()
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections++
	}
	return connection, err
}

func (s *service) AccessSecretVersion(
	ctx context.Context, r *secretmanagerpb.AccessSecretVersionRequest,
) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.GetName()+" "+strings.Join(metadata.ValueFromIncomingContext(ctx, "x-goog-request-params"), ","))
	if s.refusal != nil {
		return nil, s.refusal
	}
	return &secretmanagerpb.AccessSecretVersionResponse{Name: r.GetName(), Payload: &secretmanagerpb.SecretPayload{Data: []byte("a")}}, nil
}

// serve starts a service, and makes a driver for it that has such credentials.
func serve(t *testing.T, held any) (*service, *Driver) {
	t.Helper()
	identity := httptest.NewTLSServer(nil) // lends its certificate
	t.Cleanup(identity.Close)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Listener: listener}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&identity.TLS.Certificates[0])))
	secretmanagerpb.RegisterSecretManagerServiceServer(server, s)
	go func() { _ = server.Serve(s) }()
	t.Cleanup(server.Stop)
	write := func(name string, text []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "HTTPS_PROXY"} {
		t.Setenv(name, "")
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", write("credentials.json", text))
	d, err := New(Config{
		Endpoint:     listener.Addr().String(),
		ExtraCACerts: write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: identity.Certificate().Raw})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

func accountKey(t *testing.T, project string) map[string]string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": "k", "client_email": "a@own.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"token_uri":   "https://oauth2.googleapis.com/token",
	}
}

func TestRequests(t *testing.T) {
	s, d := serve(t, accountKey(t, "own"))
	for _, project := range []string{"given", "", "given"} {
		if _, err := d.Get(t.Context(), plan.Store{Container: project}, plan.Read{Key: "a", Version: "latest"}); err != nil {
			t.Fatal(err)
		}
	}
	const given = "projects/given/secrets/a/versions/latest name=projects%2Fgiven%2Fsecrets%2Fa%2Fversions%2Flatest"
	want := []string{given, strings.ReplaceAll(given, "given", "own"), given}
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.asked); diff != "" || s.connections != 1 {
		t.Errorf("by %d connections, want 1 (-want +got):\n%s", s.connections, diff)
	}
}

func TestCredentialsThatBelongToNoProject(t *testing.T) {
	s, d := serve(t, accountKey(t, ""))
	_, err := d.Get(t.Context(), plan.Store{}, plan.Read{Key: "a", Version: "latest"})
	if got := d.Classify(err); got != driver.Invalid || d.Explain(err) != errNoProject.Problem || len(s.asked) != 0 {
		t.Errorf("got %v of kind %s after asking for %v", err, got, s.asked)
	}
}

// TestTheTokenEndpoint is one by TLS of a CA of one's own, and one that redirects: the server it names must not learn the request.
func TestTheTokenEndpoint(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	cluster := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(cluster, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   driver.Kind // Unknown: none
	}{
		"that gives a token": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"t","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`)
		}, driver.Unknown},
		"that leads elsewhere": {http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect).ServeHTTP, driver.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := httptest.NewTLSServer(test.answer)
			t.Cleanup(endpoint.Close)
			_, d := serve(t, map[string]any{
				"type": "external_account", "audience": "//iam.googleapis.com/a", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
				"token_url": endpoint.URL, "credential_source": map[string]string{"file": cluster},
			})
			_, err := d.Get(t.Context(), plan.Store{Container: "p"}, plan.Read{Key: "a", Version: "latest"})
			if (err != nil) != (test.want != driver.Unknown) || err != nil && d.Classify(err) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

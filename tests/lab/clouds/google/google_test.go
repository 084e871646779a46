package google_test

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/auth/credentials"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	transport "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	reader = "reader@my-gsm-secret-project.iam.gserviceaccount.com"
	other  = "other@my-gsm-secret-project.iam.gserviceaccount.com"
	secret = "projects/my-gsm-secret-project/secrets/dev-a/versions/latest"
)

// lab is an emulator over TLS, and one over plain HTTP, at a time that tests move.
type lab struct {
	*google.Cloud
	faults   fault.Set
	counters counter.Set
	now      time.Time
	secured  *httptest.Server
	plain    *httptest.Server
}

func start(t *testing.T) *lab {
	t.Helper()
	l := &lab{now: time.Now()}
	l.Cloud = google.New(func() time.Time { return l.now }, &l.faults, &l.counters)
	l.secured = httptest.NewUnstartedServer(l.Cloud)
	l.secured.EnableHTTP2 = true
	l.secured.StartTLS()
	t.Cleanup(l.secured.Close)
	l.plain = httptest.NewServer(l.Cloud)
	t.Cleanup(l.plain.Close)
	dev := permission.Set{{Actions: []string{"secretmanager.versions.access"}, Resources: []string{"projects/*/secrets/dev-*"}}}
	for _, err := range []error{
		l.IAM().PutAccount(iam.Account{Email: reader, Permissions: dev}),
		l.IAM().PutAccount(iam.Account{Email: other}),
		l.Secrets().PutProject("other-project", "77"),
		l.PutSecrets(google.LabProject, store.Secret{Name: "dev-a", String: "planted"}, store.Secret{Name: "prod-a", String: "planted"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *lab) tls() transport.TransportCredentials {
	roots := x509.NewCertPool()
	roots.AddCert(l.secured.Certificate())
	return transport.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
}

// access calls AccessSecretVersion with an Authorization header and says how that went: OK, or the code and its reason.
func (l *lab) access(t *testing.T, authorization, name string) string {
	t.Helper()
	connection, err := grpc.NewClient(l.secured.Listener.Addr().String(), grpc.WithTransportCredentials(l.tls()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx := t.Context()
	if authorization != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", authorization)
	}
	_, err = secretmanagerpb.NewSecretManagerServiceClient(connection).AccessSecretVersion(ctx,
		&secretmanagerpb.AccessSecretVersionRequest{Name: name})
	return said(err)
}

func said(err error) string {
	answer := status.Convert(err)
	text := answer.Code().String()
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			text += " " + info.GetReason()
		}
	}
	return text
}

// keyOf makes a key for an account.
func (l *lab) keyOf(t *testing.T, email string) (id string, key *rsa.PrivateKey, file []byte) {
	t.Helper()
	file, err := l.IAM().NewKey(email, l.plain.URL+google.TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	var parts struct {
		ID  string `json:"private_key_id"`
		PEM string `json:"private_key"`
	}
	if err := json.Unmarshal(file, &parts); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(parts.PEM))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", parsed)
	}
	return parts.ID, key, file
}

// Google's own client is served, and our reading of its protocol is not ours alone.
func TestGooglesOwnClient(t *testing.T) {
	l := start(t)
	_, _, file := l.keyOf(t, reader)
	found, err := credentials.NewCredentialsFromJSON(credentials.ServiceAccount, file, &credentials.DetectOptions{Scopes: []string{iam.Scope}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := secretmanager.NewClient(t.Context(), option.WithEndpoint(l.secured.Listener.Addr().String()),
		option.WithAuthCredentials(found), option.WithGRPCDialOption(grpc.WithTransportCredentials(l.tls())))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	client.CallOptions.AccessSecretVersion = nil
	read := func(name string) string {
		_, err := client.AccessSecretVersion(context.Background(), &secretmanagerpb.AccessSecretVersionRequest{Name: name})
		return said(err)
	}
	got := []string{read(secret), read("projects/my-gsm-secret-project/secrets/prod-a/versions/1")}
	for _, f := range []fault.Fault{{Kind: fault.Outage}, {Kind: fault.Throttle}, {Kind: fault.Cut}, {Kind: fault.Garbage}, {Kind: fault.Error, Code: "ABORTED"}} {
		f.Service, f.Key = "secretmanager", "dev-a"
		if _, err := l.faults.Add(f); err != nil {
			t.Fatal(err)
		}
		got = append(got, read(secret))
		l.faults.Clear()
	}
	want := "OK, PermissionDenied IAM_PERMISSION_DENIED, Unavailable, ResourceExhausted RATE_LIMIT_EXCEEDED, Internal, Unknown, Aborted"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	// The client asked the token endpoint for its token, once.
	if n := l.IAM().Minted(reader); n != 1 {
		t.Errorf("%d tokens were minted, want 1", n)
	}
}

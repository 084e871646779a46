// Package gcpsecretmanager reads Google Secret Manager, as application default credentials allow.
// https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
package gcpsecretmanager

import (
	"context"
	"crypto/x509"
	"fmt"
	"hash/crc32"
	"net/url"
	"path"
	"sync"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Config of the driver. The zero value reads Google's Secret Manager with the credentials that Google's own tools would find
// (GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server), through the proxy of HTTPS_PROXY and NO_PROXY.
type Config struct {
	// Endpoint replaces Google's: host, host:port or https://host:port, spoken to by gRPC over TLS. --gcp-endpoint.
	Endpoint string
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Timeout of a search for credentials and of a request for a token, which go on when their first caller gives up; 0
	// means 10 s.
	Timeout time.Duration
}

// Driver reads Secret Manager.
type Driver struct {
	roots  *x509.CertPool // nil: the system's
	logins *logins

	mu         sync.Mutex
	connection *grpc.ClientConn // made by the first read, shared by all
}

// New makes a driver. It calls nobody and looks for no credentials: a syncer that does not use Google needs none.
func New(config Config) (*Driver, error) {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	endpoint, err := target(config.Endpoint)
	if err != nil {
		return nil, err
	}
	roots, err := transport.Roots(config.ExtraCACerts)
	if err != nil {
		return nil, err
	}
	return &Driver{roots: roots, logins: &logins{endpoint: endpoint, client: httpClient(roots, config.Timeout), timeout: config.Timeout}}, nil
}

// Get reads one version of a secret: a number, an alias or latest. Where the service refuses credentials that it accepted
// before (their key was replaced, their token ended early), they are looked for again and the call is made once more.
func (d *Driver) Get(ctx context.Context, scope plan.Scope, read plan.Read) (driver.Value, error) {
	value, used, err := d.attempt(ctx, scope, read)
	if status.Code(err) == codes.Unauthenticated && used.worked.Load() {
		value, _, err = d.attempt(ctx, scope, read)
	}
	return value, err
}

// attempt makes the call with the login that it returns, and forgets that if the service refuses it.
func (d *Driver) attempt(ctx context.Context, scope plan.Scope, read plan.Read) (driver.Value, *login, error) {
	session, err := d.logins.session(ctx, scope.Project == "")
	if err != nil {
		return driver.Value{}, nil, err
	}
	value, err := d.read(ctx, session, scope, read)
	if status.Code(err) == codes.Unauthenticated {
		d.logins.drop(session.login)
	}
	return value, session.login, err
}

func (d *Driver) read(ctx context.Context, s session, scope plan.Scope, read plan.Read) (driver.Value, error) {
	project := scope.Project
	if project == "" {
		project = s.project
	}
	if project == "" {
		return driver.Value{}, errNoProject
	}
	connection, err := d.connect(s.target)
	if err != nil {
		return driver.Value{}, err
	}
	name := fmt.Sprintf("projects/%s/secrets/%s/versions/%s", project, read.Key, read.Version)
	// What the service routes by: https://google.aip.dev/client-libraries/4222.
	ctx = metadata.AppendToOutgoingContext(ctx, "x-goog-request-params", "name="+url.QueryEscape(name))
	answer, err := secretmanagerpb.NewSecretManagerServiceClient(connection).AccessSecretVersion(ctx,
		&secretmanagerpb.AccessSecretVersionRequest{Name: name}, grpc.PerRPCCredentials(s.bearer))
	if err != nil {
		return driver.Value{}, failed(err)
	}
	s.worked.Store(true)
	return value(answer)
}

// value checks the answer and takes the value from it. Secret Manager keeps bytes and does not tell what they mean, so
// those that are UTF-8 are text, as KES has it, in which isBinary finds base64; others are bytes.
func value(answer *secretmanagerpb.AccessSecretVersionResponse) (driver.Value, error) {
	payload := answer.GetPayload()
	if payload == nil {
		return driver.Value{}, errNoPayload
	}
	if sum := payload.DataCrc32C; sum != nil && *sum != int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli))) {
		return driver.Value{}, errCorrupt
	}
	// The name is projects/P/secrets/K/versions/N, with the number N that an alias stood for.
	return driver.Value{
		Data: payload.GetData(), Bytes: !utf8.Valid(payload.GetData()), Version: path.Base(answer.GetName()),
	}, nil
}

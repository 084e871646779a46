// Package gcpsecretmanager reads Google Secret Manager, as application default credentials allow.
// https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
package gcpsecretmanager

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"hash/crc32"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
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
	logins *login.Logins

	mu         sync.Mutex
	connection *grpc.ClientConn // made by the first read, shared by all
}

// New makes a driver. It makes no calls and looks for no credentials: a syncer that does not use Google needs none.
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
	client := transport.Client(transport.HTTP(roots), config.Timeout, maxToken)
	return &Driver{roots: roots, logins: login.New(endpoint, client, config.Timeout)}, nil
}

// Get reads one version of a secret: a number, an alias or latest.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	if err := driver.CheckStore(store); err != nil {
		return driver.Value{}, err
	}
	var answer *secretmanagerpb.AccessSecretVersionResponse
	err := d.logins.Do(ctx, store.Container == "", func(l *login.Login) (err error) {
		project := cmp.Or(store.Container, l.Project)
		if project == "" {
			return errNoProject
		}
		name := fmt.Sprintf("projects/%s/secrets/%s/versions/%s", project, read.Key, read.Version)
		answer, err = d.call(ctx, l, name)
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	if !isAnswer(store.Container, read, answer.GetName()) {
		return driver.Value{}, driver.ErrOther
	}
	return value(answer)
}

// nameForm is a version's name in an answer, with the number of its project and of the version that an alias stands for.
var nameForm = regexp.MustCompile(`\Aprojects/([^/]+)/secrets/([^/]+)/versions/([^/]+)\z`)

// isAnswer reports whether the name in an answer is the requested one, as far as that can be known: of a project that was requested by its
// id, the answer has the number.
func isAnswer(project string, read plan.Read, name string) bool {
	told := nameForm.FindStringSubmatch(name)
	return len(told) > 3 && !areTwo(told[1], project) && told[2] == read.Key && !areTwo(told[3], read.Version)
}

// areTwo reports whether two texts are numbers, and not the same one.
func areTwo(a, b string) bool {
	one, err1 := strconv.ParseUint(a, 10, 64)
	other, err2 := strconv.ParseUint(b, 10, 64)
	return err1 == nil && err2 == nil && one != other
}

func (d *Driver) call(ctx context.Context, l *login.Login, name string) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	connection, err := d.connect(l.Target)
	if err != nil {
		return nil, err
	}
	// What the service routes by: https://google.aip.dev/client-libraries/4222.
	ctx = metadata.AppendToOutgoingContext(ctx, "x-goog-request-params", "name="+url.QueryEscape(name))
	answer, err := secretmanagerpb.NewSecretManagerServiceClient(connection).AccessSecretVersion(ctx,
		&secretmanagerpb.AccessSecretVersionRequest{Name: name}, grpc.PerRPCCredentials(bearer(l.Headers)))
	return answer, postponed(err)
}

// value checks the answer and takes the value from it. Secret Manager keeps bytes and does not tell what they mean, so
// those that are UTF-8 are text, as KES has it, in which isBinary finds base64; others are bytes.
func value(answer *secretmanagerpb.AccessSecretVersionResponse) (driver.Value, error) {
	payload := answer.GetPayload()
	if payload == nil {
		return driver.Value{}, driver.ErrNoValue
	}
	if sum := payload.DataCrc32C; sum != nil && *sum != int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli))) {
		return driver.Value{}, errCorrupt
	}
	// The name is projects/P/secrets/K/versions/N, with the number N that an alias stood for.
	return driver.Value{
		Data: payload.GetData(), Bytes: !utf8.Valid(payload.GetData()), Version: path.Base(answer.GetName()),
	}, nil
}

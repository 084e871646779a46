// Package gcpsecretmanager reads Google Secret Manager, as application default credentials or those of a Store allow.
// https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
package gcpsecretmanager

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
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
	"k8s.io/utils/lru"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Config of the driver. The zero value reads Google's Secret Manager with the credentials that Google's own tools would find
// (GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server), through the proxy of HTTPS_PROXY and NO_PROXY.
type Config struct {
	// Endpoint replaces Google's, those of regions included: host, host:port or https://host:port, spoken to by gRPC over TLS.
	// --gcp-endpoint.
	Endpoint string
	// STSEndpoint and IAMEndpoint replace those by which a token of a ServiceAccount is exchanged: the Security Token Service and the IAM
	// Service Account Credentials API, of the same form, spoken to by HTTP over TLS. --gcp-sts-endpoint, --gcp-iam-endpoint.
	STSEndpoint, IAMEndpoint string
	// ExtraCACerts is a PEM file of CAs to trust beside the system's. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// Timeout of a search for credentials and of a request for a token, which go on when their first caller gives up; 0
	// means 10 s.
	Timeout time.Duration
}

// Driver reads Secret Manager.
type Driver struct {
	roots  *x509.CertPool // nil: the system's
	logins *login.Logins

	mu          sync.Mutex
	connections *lru.Cache // *grpc.ClientConn by host and port, each made by the first read and shared by all
}

// New makes a driver. It makes no calls and looks for no credentials: a syncer that does not use Google needs none.
func New(config Config) (*Driver, error) {
	config.Timeout = cmp.Or(config.Timeout, 10*time.Second)
	endpoint, err1 := target("--gcp-endpoint", config.Endpoint)
	sts, err2 := target("--gcp-sts-endpoint", config.STSEndpoint)
	iam, err3 := target("--gcp-iam-endpoint", config.IAMEndpoint)
	roots, err4 := transport.Roots(config.ExtraCACerts)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return &Driver{
		roots: roots,
		logins: login.New(login.Config{
			Endpoint: endpoint, STS: sts, IAM: iam, Client: transport.Client(transport.HTTP(roots), config.Timeout, maxToken),
			Credentials: config.Credentials, Timeout: config.Timeout,
		}),
		connections: lru.NewWithEvictionFunc(maxConnections, hangUp),
	}, nil
}

// check refuses a Store that says what the driver cannot do. Nothing is sent for it.
func check(store plan.Store) error {
	rest := store
	rest.Method, rest.Login = "", plan.Login{} // package login judges them
	if err := driver.CheckStore(rest, plan.SecretCredential, plan.AccountCredential); err != nil {
		return err
	}
	if store.Location != "" && !plan.IsHostLabel(store.Location) {
		return errRegion
	}
	return login.Check(store)
}

// Forget implements driver.Forgetter. The login of the syncer's own stays.
func (d *Driver) Forget(store plan.Store) { d.logins.Forget(store) }

// at is where a Store keeps its secrets: https://google.aip.dev/122.
type at struct {
	service secretmanagerpb.SecretManagerServiceClient
	login   *login.Login
	parent  string
}

// do makes calls as a Store says.
func (d *Driver) do(ctx context.Context, store plan.Store, call func(at) error) error {
	if err := check(store); err != nil {
		return err
	}
	return d.logins.Do(ctx, store, func(l *login.Login) error {
		project := cmp.Or(store.Container, l.Project)
		if project == "" {
			return errNoProject
		}
		connection, err := d.connect(l.Target(store.Location))
		if err != nil {
			return err
		}
		parent := "projects/" + project
		if store.Location != "" {
			parent += "/locations/" + store.Location
		}
		return call(at{secretmanagerpb.NewSecretManagerServiceClient(connection), l, parent})
	})
}

// Get reads one version of a secret: a number, an alias or latest.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (value driver.Value, err error) {
	err = d.do(ctx, store, func(a at) (err error) {
		value, err = a.access(ctx, store, read)
		return err
	})
	return value, err
}

func (a at) access(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	name := fmt.Sprintf("%s/secrets/%s/versions/%s", a.parent, read.Key, read.Version)
	answer, err := a.service.AccessSecretVersion(routed(ctx, "name", name),
		&secretmanagerpb.AccessSecretVersionRequest{Name: name}, grpc.PerRPCCredentials(bearer(a.login.Headers)))
	if err != nil {
		return driver.Value{}, postponed(err)
	}
	if !isAnswer(store, read, answer.GetName()) {
		return driver.Value{}, driver.ErrOther
	}
	return valueOf(answer)
}

// routed adds what the service routes by: https://google.aip.dev/client-libraries/4222.
func routed(ctx context.Context, field, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-goog-request-params", field+"="+url.QueryEscape(name))
}

// nameForm is a secret's name in an answer, or that of its version, with the number of its project and of the version that an alias stands
// for.
var nameForm = regexp.MustCompile(`\Aprojects/([^/]+)(?:/locations/([^/]+))?/secrets/([^/]+)(?:/versions/([^/]+))?\z`)

// isAnswer reports whether the name in an answer is the requested one, as far as that can be known: of a project that was requested by its
// id, the answer has the number.
func isAnswer(store plan.Store, read plan.Read, name string) bool {
	secret, version, ok := parse(store, name)
	return ok && secret == read.Key && version != "" && !areTwo(version, read.Version)
}

// parse finds a secret and its version in a name of an answer, which is of the Store.
func parse(store plan.Store, name string) (secret, version string, ok bool) {
	told := nameForm.FindStringSubmatch(name)
	if len(told) < 5 || areTwo(told[1], store.Container) || told[2] != store.Location {
		return "", "", false
	}
	return told[3], told[4], true
}

// areTwo reports whether two texts are numbers, and not the same one.
func areTwo(a, b string) bool {
	one, err1 := strconv.ParseUint(a, 10, 64)
	other, err2 := strconv.ParseUint(b, 10, 64)
	return err1 == nil && err2 == nil && one != other
}

// valueOf checks the answer and takes the value from it. Secret Manager keeps bytes and does not tell what they mean, so
// those that are UTF-8 are text, as KES has it, in which isBinary finds base64; others are bytes.
func valueOf(answer *secretmanagerpb.AccessSecretVersionResponse) (driver.Value, error) {
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

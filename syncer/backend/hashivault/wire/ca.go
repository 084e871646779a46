package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

// How long a CA of the cluster's is used before it is read again, and how much longer while the API server does not give it.
const (
	freshCA = 5 * time.Minute
	keptCA  = time.Hour
)

// maxCAs is how many are kept. Beyond it the one goes that was not used for longest.
const maxCAs = 256

var (
	// errNoCA is the fault of the store's author.
	errNoCA = &driver.Error{
		Kind: driver.Invalid, Problem: "the CA of the store holds no certificate", Hint: "write PEM certificates there",
	}
	errCAFrom = &driver.Error{
		Kind: driver.Invalid, Problem: "the store keeps its CA in neither a Secret nor a ConfigMap", Hint: "refer to one of them",
	}
	// ErrNoSource says that Stores may refer to nothing in the cluster.
	ErrNoSource = &driver.Error{
		Kind: driver.Invalid, Problem: "this syncer reads no credentials of the cluster", Hint: "use the installation's login",
	}
)

// newCAs makes the cache of CAs that Secrets and ConfigMaps hold.
func newCAs(c Config) *session.Cache[plan.Credential, string] {
	now := c.Now
	if now == nil {
		now = time.Now
	}
	return &session.Cache[plan.Credential, string]{
		Obtain: func(ctx context.Context, from plan.Credential, _ session.Session[string]) (read session.Session[string], err error) {
			text, err := readCA(ctx, c.Credentials, from)
			if err != nil {
				return read, err
			}
			return session.Session[string]{Value: text, Renew: now().Add(freshCA), Expires: now().Add(keptCA)}, nil
		},
		Timeout: c.Timeout, Max: maxCAs, Now: now,
	}
}

func readCA(ctx context.Context, source credential.Source, from plan.Credential) (string, error) {
	switch {
	case from.Kind != plan.SecretCredential && from.Kind != plan.ConfigMapCredential:
		return "", errCAFrom
	case source == nil:
		return "", ErrNoSource
	}
	text, err := source(ctx, from)
	if err != nil {
		return "", err
	}
	if _, err := pool(text); err != nil {
		return "", &driver.Error{
			Kind: driver.Invalid, Problem: "the key " + driver.Word(from.Key) + " of " + CAIn(from) + " holds no certificate",
			Hint: "write PEM certificates there",
		}
	}
	return text, nil
}

// CAIn names where a store keeps its CA.
func CAIn(from plan.Credential) string {
	return string(from.Kind) + " " + driver.Word(from.Namespace) + "/" + driver.Word(from.Name)
}

func pool(text string) (*x509.CertPool, error) {
	certificates := x509.NewCertPool()
	if !certificates.AppendCertsFromPEM([]byte(text)) {
		return nil, errNoCA
	}
	return certificates, nil
}

// Reread reads the CA of a server again, where the cluster keeps that, and reports whether it is another one now.
func (c *Clients) Reread(ctx context.Context, server Server) bool {
	if !server.caElsewhere() {
		return false
	}
	before, err := c.cas.Get(ctx, server.CAFrom)
	if err != nil {
		return false
	}
	c.Forget(server)
	after, err := c.cas.Get(ctx, server.CAFrom)
	return err == nil && after != before
}

// Forget drops the CA of a server, where the cluster keeps that.
func (c *Clients) Forget(server Server) {
	if server.caElsewhere() {
		c.cas.Forget(server.CAFrom)
	}
}

// Untrusted reports whether a server's certificate is of no CA that is trusted.
func Untrusted(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted
}

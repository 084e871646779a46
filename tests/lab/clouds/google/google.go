// Package google emulates Google's Secret Manager, the endpoints that hand out access tokens, and the metadata server of its
// machines, as Google's SDKs speak to them: authentication, permissions and errors are Google's. The services stand in
// folders of their own; this package is the door before them: it tells them apart, proves callers, lets faults strike, and
// counts. Secret Manager is gRPC, so it needs a server with TLS and HTTP/2; the others are met at any.
package google

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// Name is the cloud's name in counters and faults.
const Name = "google"

// Cloud is the emulated Google Cloud. Make it with New.
type Cloud struct {
	clock    func() time.Time
	faults   *fault.Set
	counters *counter.Set

	identities iam.Directory
	secrets    *secretmanager.Store

	mu sync.Mutex
	// attached is the service account that the metadata server speaks for, served what it hands out.
	attached string
	served   servedToken
}

// New returns a Google Cloud with the lab's project and service account (see seed) and no secrets.
func New(clock func() time.Time, faults *fault.Set, counters *counter.Set) *Cloud {
	c := &Cloud{clock: clock, faults: faults, counters: counters, secrets: secretmanager.New()}
	c.seed()
	return c
}

// Serves reports whether a request is for this cloud.
func Serves(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), grpcType) ||
		strings.HasPrefix(r.URL.Path, metadataPath) || strings.HasPrefix(r.URL.Path, "/google/") ||
		r.URL.Path == stsPath || strings.HasPrefix(r.URL.Path, actAsPath)
}

// ServeHTTP answers one call.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, metadataPath):
		c.serveMetadata(w, r)
	case strings.HasPrefix(r.URL.Path, "/google/"), r.URL.Path == stsPath:
		c.serveTokens(w, r)
	case strings.HasPrefix(r.URL.Path, actAsPath):
		c.serveActAs(w, r)
	default:
		c.serveGRPC(w, r)
	}
}

// IAM returns the identities, to add to.
func (c *Cloud) IAM() *iam.Directory { return &c.identities }

// Secrets returns the secrets, to add to.
func (c *Cloud) Secrets() *secretmanager.Store { return c.secrets }

// PutSecrets adds a version to each secret of a project, and creates those that do not exist. If one is refused, none is
// written.
func (c *Cloud) PutSecrets(project string, secrets ...secretmanager.Secret) error {
	return c.secrets.Put(project, false, secrets...)
}

// DeleteSecrets removes secrets of a project; names that do not exist are passed over.
func (c *Cloud) DeleteSecrets(project string, names ...string) {
	if len(names) > 0 {
		c.secrets.Delete(project, names...)
	}
}

// Attach lets the metadata server speak for a service account, as workload identity does; empty: for none.
func (c *Cloud) Attach(email string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attached, c.served = email, servedToken{}
}

// ExpireTokens ends all access tokens now.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served = servedToken{}
	c.identities.ExpireTokens()
}

var _ http.Handler = (*Cloud)(nil)

// Package login finds the credentials that Google's own tools would find, or takes those that a Store says, and keeps a token of theirs.
// https://cloud.google.com/docs/authentication/application-default-credentials
package login

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"cloud.google.com/go/auth"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

const (
	// scope is what every use of Google Cloud's APIs needs; what may be read is decided by roles.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// renewBefore is how long before its end a token is replaced, as Google's libraries do.
	renewBefore = 225 * time.Second
)

// silent is the logger of Google's libraries: else tokens are logged where GOOGLE_SDK_GO_LOGGING_LEVEL asks for it.
var silent = slog.New(slog.DiscardHandler)

// Login is a token that is valid now, and where it is good for.
type Login struct {
	// Headers are what each call carries.
	Headers map[string]string
	// Project is the credentials' own, where it was asked for.
	Project string

	endpoint, universe string
	// worked is whether the service has ever accepted the token.
	worked atomic.Bool
}

// Target is the service's host:port, in a region or, for none, of the whole world:
// https://cloud.google.com/secret-manager/regional-secrets/create-regional-secret.
func (l *Login) Target(region string) string {
	switch {
	case l.endpoint != "":
		return l.endpoint
	case region != "":
		return "secretmanager." + region + ".rep." + l.universe + ":443"
	}
	return "secretmanager." + l.universe + ":443"
}

// Config of the logins.
type Config struct {
	// Endpoint of Secret Manager, host:port; empty: that of the credentials' universe.
	Endpoint string
	// STS and IAM are where Google exchanges tokens of ServiceAccounts: the Security Token Service and the IAM Service Account Credentials
	// API, each host or host:port; empty: those of the installation's universe.
	STS, IAM string
	// Client requests tokens.
	Client *http.Client
	// Credentials gets what Stores refer to in the cluster; nil: they may refer to nothing there.
	Credentials credential.Source
	// Timeout of a search for credentials and a request for a token.
	Timeout time.Duration
}

// Logins keeps the logins, one for each Store that says how to log in, and one of the syncer's.
type Logins struct {
	config Config
	held   *session.Cache[request, *Login]
}

// request is which login is wanted. Stores that differ in anything never share one; those that leave it to the syncer share its own.
type request struct {
	store       plan.Store // zero: the syncer's own
	withProject bool       // the credentials' project is asked for
}

// New makes Logins. It makes no calls.
func New(c Config) *Logins {
	l := &Logins{config: c}
	l.held = &session.Cache[request, *Login]{Obtain: l.obtain, Timeout: c.Timeout}
	return l
}

func requestOf(store plan.Store) request {
	r := request{withProject: store.Container == ""}
	if store.Credential.OfCluster() {
		r.store = store
	}
	return r
}

// Do makes a call for a Store that Check accepts. Where the service refuses credentials that it accepted before (their key was replaced,
// their token ended early), they are looked for again and the call is made once more. Others are looked for again by the next call: their
// file or Secret may be replaced by then.
func (l *Logins) Do(ctx context.Context, store plan.Store, call func(*Login) error) error {
	return l.held.Do(ctx, requestOf(store), func(used *Login) (refused bool, err error) {
		err = call(used)
		switch {
		case err == nil:
			used.worked.Store(true)
		case status.Code(err) == codes.Unauthenticated && used.worked.Load():
			return true, err
		case status.Code(err) == codes.Unauthenticated:
			l.held.Drop(func(other *Login) bool { return other == used })
		}
		return false, err
	})
}

// Forget drops the login of a Store. That of the syncer's own stays.
func (l *Logins) Forget(store plan.Store) {
	if store.Credential.OfCluster() {
		l.held.Forget(requestOf(store))
	}
}

// obtain finds the credentials anew each time, since they may have been replaced.
func (l *Logins) obtain(ctx context.Context, r request, _ session.Session[*Login]) (begun session.Session[*Login], err error) {
	found, err := l.credentials(ctx, r.store)
	if err != nil {
		return begun, &Error{Err: err}
	}
	made, token, err := l.open(ctx, found, r.withProject)
	if err != nil {
		return begun, &Error{Err: err, Found: true, Asked: found.asked()}
	}
	return session.Until(made, time.Now(), token.Expiry, renewBefore), nil
}

// held are credentials, and what is known of them beside.
type held struct {
	*auth.Credentials
	// payer is the project that pays for the calls; empty: none is named.
	payer func(ctx context.Context) string
	// asked is the host that was asked for a token at last; empty: that is not known.
	asked func() string
}

func (l *Logins) open(ctx context.Context, found *held, withProject bool) (*Login, *auth.Token, error) {
	made := &Login{endpoint: l.config.Endpoint}
	var err error
	if made.endpoint == "" {
		if made.universe, err = found.UniverseDomain(ctx); err != nil {
			return nil, nil, err
		}
	}
	token, err := found.Token(ctx)
	if err == nil && withProject {
		made.Project, err = found.ProjectID(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	made.Headers = map[string]string{"authorization": "Bearer " + token.Value}
	if payer := found.payer(ctx); payer != "" {
		made.Headers["x-goog-user-project"] = payer
	}
	return made, token, nil
}

// universe is the installation's: https://cloud.google.com/docs/authentication/universe-domain.
func universe() string { return cmp.Or(os.Getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN"), "googleapis.com") }

// Package login finds the credentials that Google's own tools would find, and keeps a token of theirs.
// https://cloud.google.com/docs/authentication/application-default-credentials
package login

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/secretgate/secretgate/syncer/backend/session"
)

const (
	// scope is what every use of Google Cloud's APIs needs; what may be read is decided by roles.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// renewBefore is how long before its end a token is replaced, as Google's libraries do.
	renewBefore = 225 * time.Second
)

// Login is a token that is valid now, and where it is good for.
type Login struct {
	// Target is the service's host:port.
	Target string
	// Headers are what each call carries.
	Headers map[string]string
	// Project is the credentials' own, where it was asked for.
	Project string
	// worked is whether the service has ever accepted the token.
	worked atomic.Bool
}

// Logins keeps the syncer's login.
type Logins struct {
	endpoint string
	client   *http.Client
	held     *session.Cache[bool, *Login] // by whether the credentials' project is asked for
}

// New makes Logins for an endpoint, host:port; empty: that of the credentials' universe. Tokens are requested by a client, within
// a timeout. New itself makes no calls.
func New(endpoint string, client *http.Client, timeout time.Duration) *Logins {
	l := &Logins{endpoint: endpoint, client: client}
	l.held = &session.Cache[bool, *Login]{Obtain: l.obtain, Timeout: timeout}
	return l
}

// Do makes a call. Where the service refuses credentials that it accepted before (their key was replaced, their token ended
// early), they are looked for again and the call is made once more. Others are looked for again by the next call: their file
// may be replaced by then.
func (l *Logins) Do(ctx context.Context, withProject bool, call func(*Login) error) error {
	return l.held.Do(ctx, withProject, func(used *Login) (refused bool, err error) {
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

// obtain finds the credentials anew each time, since they may have been replaced.
func (l *Logins) obtain(ctx context.Context, withProject bool, _ session.Session[*Login]) (begun session.Session[*Login], err error) {
	found, err := l.search(ctx)
	if err != nil {
		return begun, &Error{Err: err}
	}
	made, token, err := l.open(ctx, found, withProject)
	if err != nil {
		return begun, &Error{Err: err, Found: true}
	}
	return session.Until(made, time.Now(), token.Expiry, renewBefore), nil
}

func (l *Logins) open(ctx context.Context, found *auth.Credentials, withProject bool) (*Login, *auth.Token, error) {
	made := &Login{Target: l.endpoint}
	if l.endpoint == "" {
		universe, err := found.UniverseDomain(ctx)
		if err != nil {
			return nil, nil, err
		}
		made.Target = "secretmanager." + universe + ":443"
	}
	token, err := found.Token(ctx)
	if err == nil && withProject {
		made.Project, err = found.ProjectID(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	made.Headers = map[string]string{"authorization": "Bearer " + token.Value}
	if project, err := found.QuotaProjectID(ctx); err == nil && project != "" {
		made.Headers["x-goog-user-project"] = project
	}
	return made, token, nil
}

// search looks where Google's libraries look. A service account's key signs its own tokens; no call is made for them.
func (l *Logins) search(ctx context.Context) (*auth.Credentials, error) {
	silent := slog.New(slog.DiscardHandler) // else tokens are logged where GOOGLE_SDK_GO_LOGGING_LEVEL asks for it
	if !namesFile() && !metadata.NewWithOptions(&metadata.Options{Logger: silent, UseDefaultClient: true}).OnGCEWithContext(ctx) {
		// Not left to the SDK, which never looks again: a pod on GKE may be up some seconds before its metadata server.
		return nil, ErrNoCredentials
	}
	return credentials.DetectDefault(&credentials.DetectOptions{
		Scopes: []string{scope}, UseSelfSignedJWT: true, Client: l.client, Logger: silent,
	})
}

// namesFile reports whether credentials are in a file, where the SDK looks before it asks the metadata server.
func namesFile() bool {
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return true
	}
	home, _ := os.UserHomeDir()
	_, err := os.Stat(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"))
	return err == nil
}

package gcpsecretmanager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"
	"golang.org/x/sync/singleflight"
)

// scope is what every use of Google Cloud's APIs needs; what may be read is decided by roles.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// login is credentials that were found, and where they are good for.
type login struct {
	*auth.Credentials
	target string // host:port
	// worked is whether the service has ever accepted them.
	worked atomic.Bool
}

// session is a login with a token that is valid now.
type session struct {
	*login
	bearer  bearer
	project string // the credentials' own, where it was asked for
}

// logins finds credentials and keeps them.
type logins struct {
	endpoint string // host:port; empty: that of the credentials' universe
	client   *http.Client
	timeout  time.Duration
	flight   singleflight.Group

	mu      sync.Mutex
	current *login
}

// session returns a session, if need be after finding credentials or requesting a token. However many wait for that, it is
// done once, and goes on when one of them gives up: the SDK alone would let them queue, each with a time of its own.
func (l *logins) session(ctx context.Context, withProject bool) (session, error) {
	done := l.flight.DoChan(strconv.FormatBool(withProject), func() (_ any, err error) {
		defer func() {
			if recover() != nil { // singleflight would end the process
				err = &loginError{err: errors.New("the login panicked")}
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
		defer cancel()
		return l.obtain(ctx, withProject)
	})
	select {
	case result := <-done:
		s, _ := result.Val.(session)
		return s, result.Err
	case <-ctx.Done():
		return session{}, ctx.Err()
	}
}

func (l *logins) obtain(ctx context.Context, withProject bool) (session, error) {
	found, err := l.login(ctx)
	if err != nil {
		return session{}, err
	}
	s := session{login: found}
	token, err := found.Token(ctx)
	if err == nil && withProject {
		s.project, err = found.ProjectID(ctx)
	}
	if err != nil {
		l.drop(found) // their file may be replaced by the next time
		return session{}, &loginError{err: err, found: true}
	}
	s.bearer = bearer{"authorization": "Bearer " + token.Value}
	if project, err := found.QuotaProjectID(ctx); err == nil && project != "" {
		s.bearer["x-goog-user-project"] = project
	}
	return s, nil
}

// login returns the login that is kept, or looks for one. Nothing is held meanwhile, so that others can go on.
func (l *logins) login(ctx context.Context) (*login, error) {
	l.mu.Lock()
	current := l.current
	l.mu.Unlock()
	if current != nil {
		return current, nil
	}
	found, err := l.search(ctx)
	if err != nil {
		return nil, &loginError{err: err}
	}
	made := &login{Credentials: found, target: l.endpoint}
	if l.endpoint == "" {
		universe, err := found.UniverseDomain(ctx)
		if err != nil {
			return nil, &loginError{err: err, found: true}
		}
		made.target = "secretmanager." + universe + ":443"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		l.current = made
	}
	return l.current, nil
}

// drop forgets credentials, unless others have already taken their place.
func (l *logins) drop(used *login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == used {
		l.current = nil
	}
}

// search looks where Google's libraries look. A service account's key signs its own tokens; nobody is called for them.
func (l *logins) search(ctx context.Context) (*auth.Credentials, error) {
	silent := slog.New(slog.DiscardHandler) // else tokens are logged where GOOGLE_SDK_GO_LOGGING_LEVEL asks for it
	if !namesFile() && !metadata.NewWithOptions(&metadata.Options{Logger: silent, UseDefaultClient: true}).OnGCEWithContext(ctx) {
		// Not left to the SDK, which never looks again: a pod on GKE may be up some seconds before its metadata server.
		return nil, errNoCredentials
	}
	return credentials.DetectDefault(&credentials.DetectOptions{
		Scopes: []string{scope}, UseSelfSignedJWT: true, Client: l.client, Logger: silent,
	})
}

// namesFile tells whether credentials are in a file, where the SDK looks before it asks the metadata server.
func namesFile() bool {
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return true
	}
	home, _ := os.UserHomeDir()
	_, err := os.Stat(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"))
	return err == nil
}

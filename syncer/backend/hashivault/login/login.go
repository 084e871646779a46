// Package login keeps Vault's tokens, one per identity: renewed before their end, begun anew after a revocation.
package login

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

// The operations that Config.Failed is called with.
const (
	OperationLogin = "login"
	OperationRenew = "renew-self"
)

// Config of the logins: see the driver's.
type Config struct {
	JWTPath          string
	RoleID, SecretID string
	AppRoleMount     string
	Credentials      credential.Source // nil: no Store may refer to a credential
	RenewThreshold   time.Duration
	RenewIncrement   time.Duration
	Failed           func(operation string, err error)
	RefreshInterval  time.Duration
	Timeout          time.Duration
	Now              func() time.Time
}

// Logins keeps one token per identity.
type Logins struct {
	clients *wire.Clients
	config  Config
	tokens  *session.Cache[identity, *token]
	refused *refusals
}

// New makes Logins; it makes no calls.
func New(clients *wire.Clients, c Config) *Logins {
	if c.Now == nil {
		c.Now = time.Now
	}
	l := &Logins{clients: clients, config: c, refused: newRefusals()}
	l.tokens = &session.Cache[identity, *token]{Obtain: l.obtain, Timeout: c.Timeout, GracePeriod: session.GracePeriod, Now: c.Now}
	return l
}

// Do makes a call to a server with the token of a Store's identity, and once more with a new one where Vault refuses the token, or with
// another CA where the cluster keeps another one by now than the one that does not fit.
func (l *Logins) Do(ctx context.Context, at wire.Server, s plan.Store, call func(client *api.Client, token string) error) error {
	id, err := l.identity(at, s)
	if err != nil {
		return err
	}
	err = l.do(ctx, at, id, call)
	if wire.Untrusted(err) && l.clients.Reread(ctx, at) {
		return l.do(ctx, at, id, call)
	}
	return err
}

func (l *Logins) do(ctx context.Context, at wire.Server, id identity, call func(client *api.Client, token string) error) error {
	again := false
	return l.tokens.Do(ctx, id, func(t *token) (refused bool, err error) {
		client, err := l.clients.Of(ctx, at)
		if err != nil {
			return false, err
		}
		err = call(client, t.text)
		if wire.Forbidden(err) && again {
			t.trusted.Store(true) // a new token is refused, too: it is the path
			return false, err
		}
		again = true
		return wire.Forbidden(err) && l.revoked(ctx, id, t, err), err
	})
}

// EnsureToken makes sure that a Store's identity has a valid token, as the next read would: it renews the token when that is due, or
// logs in again. It returns when the token expires; the zero time: never.
func (l *Logins) EnsureToken(ctx context.Context, at wire.Server, s plan.Store) (expires time.Time, err error) {
	id, err := l.identity(at, s)
	if err != nil {
		return time.Time{}, err
	}
	held, err := l.tokens.Session(ctx, id)
	return held.Expires, err
}

// Forget drops the token of a Store's identity, and the CA that the cluster keeps for it.
func (l *Logins) Forget(at wire.Server, s plan.Store) {
	l.clients.Forget(at)
	if id, err := l.identity(at, s); err == nil {
		l.tokens.Forget(id)
	}
}

// revoked reports whether a refused token is invalid, or only may not read the path. Not all versions of Vault say which, so the
// token is looked up; a role without Vault's default policy may not even do that.
func (l *Logins) revoked(ctx context.Context, id identity, t *token, refusal error) bool {
	if wire.InvalidToken(refusal) {
		return true
	}
	if t.trusted.Load() {
		return false
	}
	client, err := l.clients.Of(ctx, id.server)
	if err != nil {
		return false
	}
	_, err = wire.As(client, t.text).Auth().Token().LookupSelfWithContext(ctx)
	return wire.Forbidden(err)
}

func (l *Logins) obtain(ctx context.Context, id identity, old session.Session[*token]) (session.Session[*token], error) {
	if old.Value != nil && old.Value.renewable && l.config.Now().Before(old.Expires) {
		if renewed, ok := l.renew(ctx, id, old.Value); ok {
			return renewed, nil
		}
	}
	begun, err := l.login(ctx, id)
	if err != nil {
		refused := &Error{Err: err}
		if id.server.Namespace != id.reads {
			refused.Namespace = id.server.Namespace
		}
		err = refused
		l.failed(OperationLogin, err)
		return session.Session[*token]{}, err
	}
	return begun, nil
}

func (l *Logins) failed(operation string, err error) {
	if l.config.Failed != nil {
		l.config.Failed(operation, err)
	}
}

func (l *Logins) renew(ctx context.Context, id identity, t *token) (_ session.Session[*token], ok bool) {
	client, err := l.clients.Of(ctx, id.server)
	if err != nil {
		return session.Session[*token]{}, false
	}
	secret, err := wire.As(client, t.text).Auth().Token().RenewSelfWithContext(ctx, int(l.config.RenewIncrement.Seconds()))
	if err != nil {
		l.failed(OperationRenew, err)
	}
	if err != nil || secret == nil || secret.Auth == nil {
		return session.Session[*token]{}, false
	}
	ttl := time.Duration(secret.Auth.LeaseDuration) * time.Second
	return t.session(l.config.Now(), ttl, l.config), t.isRenewal(ttl, l.config)
}

// login is of https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login, which is that of jwt, or of
// https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle. A token of Vault's itself needs none.
func (l *Logins) login(ctx context.Context, id identity) (begun session.Session[*token], err error) {
	client, err := l.clients.Of(ctx, id.server)
	if err != nil {
		return begun, err
	}
	with, err := l.proof(ctx, id)
	switch {
	case err != nil:
		return begun, err
	case id.method == backend.VaultToken:
		return l.given(ctx, client, with)
	}
	tried := l.refused.attempt(id, with)
	if err := l.refused.err(tried, l.config.Now()); err != nil {
		return begun, err
	}
	defer func() { l.refused.learn(tried, err, l.config.Now()) }()
	var answered http.Header
	client = wire.As(client, "").WithResponseCallbacks(func(answer *api.Response) { answered = answer.Header })
	secret, err := client.Logical().WriteWithContext(ctx, "auth/"+id.mount+"/login", with.body())
	switch {
	case err != nil:
		return begun, with.failure(err, answered)
	case secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "":
		return begun, wire.ErrGarbage
	}
	ttl := time.Duration(secret.Auth.LeaseDuration) * time.Second
	t := &token{text: secret.Auth.ClientToken, renewable: secret.Auth.Renewable, full: ttl}
	return t.session(l.config.Now(), ttl, l.config), nil
}

package hashivault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/singleflight"

	"github.com/secretgate/secretgate/shared/plan"
)

const (
	podJWTPath     = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	appRoleDefault = "approle"
)

// identity is who logs in where. Without a role it is the syncer's AppRole.
type identity struct{ mount, role string }

// logins keeps one token per identity.
type logins struct {
	client *api.Client
	config Config
	flight singleflight.Group

	mu       sync.Mutex
	sessions map[identity]session
}

func (l *logins) identity(i plan.Identity) (identity, error) {
	switch {
	case i.VaultRole == "" && l.config.RoleID != "":
		mount := l.config.AppRoleMount
		if mount == "" {
			mount = appRoleDefault
		}
		return identity{mount: mount}, nil
	case i.VaultRole == "":
		return identity{}, errNoRole
	case i.VaultMount == "":
		return identity{}, errNoMount
	}
	return identity{mount: i.VaultMount, role: i.VaultRole}, nil
}

// token returns a token that works as far as is known, and is not the one that Vault rejected. However many wait for a
// renewal or a login, it is made once, and goes on when one of them gives up.
func (l *logins) token(ctx context.Context, id identity, rejected string) (string, error) {
	if s := l.session(id, rejected); s.next(l.config.Now(), l.config) == use {
		return s.token, nil
	}
	done := l.flight.DoChan(id.mount+"\n"+id.role, func() (_ any, err error) {
		defer func() {
			if recover() != nil { // singleflight would end the process
				err = &loginError{err: fmt.Errorf("the login panicked")}
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.config.Timeout)
		defer cancel()
		return l.obtain(ctx, id, rejected)
	})
	select {
	case result := <-done:
		token, _ := result.Val.(string)
		return token, result.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (l *logins) obtain(ctx context.Context, id identity, rejected string) (string, error) {
	old := l.session(id, rejected)
	switch old.next(l.config.Now(), l.config) {
	case use:
		return old.token, nil
	case renew:
		if s, ok := l.renew(ctx, old); ok {
			l.store(id, s)
			return s.token, nil
		}
	}
	s, err := l.login(ctx, id)
	if err != nil && l.config.Failed != nil {
		l.config.Failed(OperationLogin, &loginError{err: err})
	}
	if err != nil && old.expires.After(l.config.Now()) {
		// The old token still works. Its remaining time is divided up, so that not every read tries to log in.
		old.spare = l.config.Now().Add(old.expires.Sub(l.config.Now()) / 4)
		l.store(id, old)
		return old.token, nil
	}
	if err != nil {
		return "", &loginError{err: err}
	}
	l.store(id, s)
	return s.token, nil
}

func (l *logins) renew(ctx context.Context, s session) (session, bool) {
	secret, err := as(l.client, s.token).Auth().Token().RenewSelfWithContext(ctx, int(l.config.RenewIncrement.Seconds()))
	if err != nil && l.config.Failed != nil {
		l.config.Failed(OperationRenew, err)
	}
	if err != nil || secret == nil || secret.Auth == nil {
		return session{}, false
	}
	return s.renewed(l.config.Now(), time.Duration(secret.Auth.LeaseDuration)*time.Second, l.config)
}

// login is of https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login or, without a role, of
// https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle.
func (l *logins) login(ctx context.Context, id identity) (session, error) {
	body := map[string]any{"role_id": l.config.RoleID, "secret_id": l.config.SecretID}
	if id.role != "" {
		jwt, err := l.jwt()
		if err != nil {
			return session{}, err
		}
		body = map[string]any{"role": id.role, "jwt": jwt}
	}
	secret, err := as(l.client, "").Logical().WriteWithContext(ctx, "auth/"+id.mount+"/login", body)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return session{}, errGarbage
	case err != nil:
		return session{}, err
	case secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "":
		return session{}, errGarbage
	}
	a := secret.Auth
	return started(l.config.Now(), a.ClientToken, time.Duration(a.LeaseDuration)*time.Second, a.Renewable), nil
}

// jwt reads the file each time: kubelet replaces it before the token in it expires.
func (l *logins) jwt() (string, error) {
	path := l.config.JWTPath
	if path == "" {
		path = podJWTPath
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoJWT, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// revoked tells, of a token that was refused, whether the token or only the path is to blame. Vault says which, but not
// all its versions do, so the token is looked up; a role without Vault's default policy may not even do that.
func (l *logins) revoked(ctx context.Context, id identity, token string, refusal error) bool {
	if saysInvalidToken(refusal) {
		return true
	}
	if l.session(id, "").trusted {
		return false
	}
	_, err := as(l.client, token).Auth().Token().LookupSelfWithContext(ctx)
	return forbidden(err)
}

// trustRefusals notes that a new token was refused, too: it was the path.
func (l *logins) trustRefusals(id identity) {
	s := l.session(id, "")
	s.trusted = true
	l.store(id, s)
}

func (l *logins) session(id identity, rejected string) session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; rejected == "" || s.token != rejected {
		return s
	}
	return session{}
}

func (l *logins) store(id identity, s session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[id] = s
}

package login

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

// How long a token that a Secret holds is used before the Secret is read again, as there may be another one although Vault accepts this
// one still, and how long at most while the API server or Vault gives no answer.
const (
	freshToken = 5 * time.Minute
	keptToken  = time.Hour
)

// given begins the session of a token that a Secret holds. Vault is asked whether it is one, and for how long. It is never renewed: that is
// for its owner to do. https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self
func (l *Logins) given(ctx context.Context, client *api.Client, with proof) (begun session.Session[*token], err error) {
	if strings.ContainsFunc(with.secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return begun, errTokenForm
	}
	var answered http.Header
	client = wire.As(client, with.secret).WithResponseCallbacks(func(answer *api.Response) { answered = answer.Header })
	found, err := client.Auth().Token().LookupSelfWithContext(ctx)
	now, lasts := l.config.Now(), keptToken
	switch {
	case wire.Forbidden(err) && !wire.InvalidToken(err): // without Vault's default policy a token may not look itself up
	case err != nil:
		return begun, with.failure(err, answered)
	default:
		ttl, known := timeLeft(found)
		if !known {
			return begun, wire.ErrGarbage
		}
		if ttl > 0 {
			lasts = min(ttl, keptToken)
		}
	}
	return session.Session[*token]{
		Value: &token{text: with.secret}, Renew: now.Add(min(freshToken, lasts/2)), Expires: now.Add(lasts),
	}, nil
}

// timeLeft is how long a token that was looked up lasts; 0: it has no end.
func timeLeft(found *api.Secret) (left time.Duration, known bool) {
	if found == nil || found.Data["ttl"] == nil {
		return 0, false
	}
	left, err := found.TokenTTL()
	return left, err == nil
}

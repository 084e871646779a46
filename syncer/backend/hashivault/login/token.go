package login

import (
	"sync/atomic"
	"time"

	"github.com/secretgate/secretgate/syncer/backend/session"
)

// token is Vault's, and what was learnt about it.
type token struct {
	text      string
	renewable bool
	full      time.Duration // the TTL that the login gave; a renewal near the token's maximum gives less
	// trusted: a refusal is one of the path and not of the token, as a new login has shown.
	trusted atomic.Bool
}

// session is the token's from now on. A TTL of 0 means that it never ends.
func (t *token) session(now time.Time, ttl time.Duration, c Config) session.Session[*token] {
	var expires time.Time
	if ttl > 0 {
		expires = now.Add(ttl)
	}
	return session.Until(t, now, expires, c.threshold(c.lease(t.full)))
}

// isRenewal reports whether a renewal gave enough. Near the token's maximum it gives little or nothing, and a new login is
// better than ever shorter renewals.
func (t *token) isRenewal(ttl time.Duration, c Config) bool { return ttl > c.lease(t.full)/2 }

// lease is what a renewal is expected to give a token of this TTL.
func (c Config) lease(ttl time.Duration) time.Duration {
	if c.RenewIncrement > 0 {
		return min(c.RenewIncrement, ttl)
	}
	return ttl
}

// threshold is how long before its end a token of this TTL is renewed.
func (c Config) threshold(ttl time.Duration) time.Duration {
	switch {
	case c.RenewThreshold > 0:
		return c.RenewThreshold
	case c.RefreshInterval > 0:
		return min(3*c.RefreshInterval, ttl/3)
	}
	return ttl / 3
}

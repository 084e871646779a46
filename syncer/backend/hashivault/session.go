package hashivault

import "time"

// session is a token and what was learnt about it.
type session struct {
	token     string
	renewable bool
	expires   time.Time     // zero: never
	full      time.Duration // the TTL that the login gave; a renewal near the token's maximum gives less
	// spare is when a renewal that failed is tried again, while the token still works.
	spare time.Time
	// trusted: a refusal is one of the path and not of the token, as a new login has shown.
	trusted bool
}

// step is what to do before a token can be used.
type step int

const (
	use step = iota
	renew
	login
)

// next decides it.
func (s session) next(now time.Time, c Config) step {
	switch {
	case s.token == "":
		return login
	case s.expires.IsZero():
		return use
	case !now.Before(s.expires):
		return login
	case s.expires.Sub(now) >= c.threshold(c.lease(s.full)), now.Before(s.spare):
		return use
	case s.renewable:
		return renew
	}
	return login
}

// threshold is how long before its end a token of this TTL is renewed.
func (c Config) threshold(ttl time.Duration) time.Duration {
	switch {
	case c.RenewThreshold > 0:
		return min(c.RenewThreshold, ttl/2)
	case c.RefreshInterval > 0:
		return min(3*c.RefreshInterval, ttl/3)
	}
	return ttl / 3
}

// lease is what a renewal is expected to give a token of this TTL.
func (c Config) lease(ttl time.Duration) time.Duration {
	if c.RenewIncrement > 0 {
		return min(c.RenewIncrement, ttl)
	}
	return ttl
}

// started is a session that a login began.
func started(now time.Time, token string, ttl time.Duration, renewable bool) session {
	s := session{token: token, full: ttl, renewable: renewable}
	if ttl > 0 {
		s.expires = now.Add(ttl)
	}
	return s
}

// renewed is the session with the TTL that a renewal gave. Near the token's maximum a renewal gives little or nothing,
// and ok is false: a new login is better than ever shorter renewals.
func (s session) renewed(now time.Time, ttl time.Duration, c Config) (_ session, ok bool) {
	s.expires = now.Add(ttl)
	return s, ttl > c.lease(s.full)/2
}

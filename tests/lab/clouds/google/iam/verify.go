package iam

import (
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
)

// skew is how far a caller's clock may be ahead.
const skew = 5 * time.Minute

// claims are those of a token that a service account signs itself, and of an assertion that asks for an access token.
type claims struct {
	jwt.Claims
	Scope string `json:"scope"`
}

const help = "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
	"See https://developers.google.com/identity/sign-in/web/devconsole-project."

func unauthenticated(reason, message string) *api.Error {
	return api.Refuse(code.Code_UNAUTHENTICATED, reason, "%s %s", message, help)
}

func invalid() *api.Error {
	return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", "Request had invalid authentication credentials.")
}

func expired() *api.Error {
	return unauthenticated("ACCESS_TOKEN_EXPIRED", "Request had invalid authentication credentials.")
}

// Authenticate proves who makes a call by its Authorization header: an access token, or a JWT that a service account signed
// itself (https://google.aip.dev/auth/4111) for this audience, or for any with the scope of Google Cloud.
func (d *Directory) Authenticate(header, audience string, now time.Time) (api.Caller, *api.Error) {
	value, bearer := strings.CutPrefix(header, "Bearer ")
	switch {
	case header == "":
		return api.Caller{}, unauthenticated("CREDENTIALS_MISSING", "Request is missing required authentication credential.")
	case !bearer:
		return api.Caller{}, invalid()
	case strings.Count(value, ".") == 2 && strings.HasPrefix(value, "eyJ"):
		return d.selfSigned(value, audience, now)
	}
	d.mu.RLock()
	known, ok := d.tokens[value]
	d.mu.RUnlock()
	switch {
	case !ok:
		return api.Caller{}, invalid()
	case !now.Before(known.expires):
		return api.Caller{}, expired()
	}
	caller, ok := d.caller(known.email, known.scoped)
	if !ok {
		return api.Caller{}, invalid()
	}
	return caller, nil
}

func (d *Directory) selfSigned(value, audience string, now time.Time) (api.Caller, *api.Error) {
	c, refusal := d.signed(value, now)
	if refusal != nil {
		return api.Caller{}, refusal
	}
	scoped := slices.Contains(strings.Fields(c.Scope), Scope)
	// Google's libraries write an empty audience where they write a scope.
	forAll := len(c.Audience) == 0 || slices.Equal(c.Audience, jwt.Audience{""})
	if c.Issuer != c.Subject || forAll && !scoped || !forAll && !slices.Equal(c.Audience, jwt.Audience{audience}) {
		return api.Caller{}, invalid()
	}
	caller, ok := d.caller(c.Issuer, true) // an audience is as good as a scope
	if !ok {
		return api.Caller{}, invalid()
	}
	return caller, nil
}

// Assertion proves a JWT that a service account signed for the token endpoint, and tells its account.
func (d *Directory) Assertion(value, audience string, now time.Time) (email string, scoped bool, refusal *api.Error) {
	c, refusal := d.signed(value, now)
	if refusal != nil {
		return "", false, refusal
	}
	if !slices.Equal(c.Audience, jwt.Audience{audience}) {
		return "", false, invalid()
	}
	return c.Issuer, slices.Contains(strings.Fields(c.Scope), Scope), nil
}

// signed proves that the issuer's key of the token's key id signed it, and that it is valid now and for an hour at most.
func (d *Directory) signed(value string, now time.Time) (claims, *api.Error) {
	token, err := jwt.ParseSigned(value, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return claims{}, invalid()
	}
	var unproved jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unproved); err != nil {
		return claims{}, invalid()
	}
	key, ok := d.key(unproved.Issuer, token.Headers[0].KeyID)
	if !ok {
		return claims{}, invalid()
	}
	var c claims
	if err := token.Claims(key, &c); err != nil {
		return claims{}, invalid()
	}
	switch {
	case c.IssuedAt == nil, c.Expiry == nil, c.IssuedAt.Time().After(now.Add(skew)),
		c.Expiry.Time().Sub(c.IssuedAt.Time()) > time.Hour:
		return claims{}, invalid()
	case !now.Before(c.Expiry.Time()):
		return claims{}, expired()
	}
	return c, nil
}

// Federated proves a token of a workload identity pool's provider (an OpenID Connect token for the pool), and tells the
// identity that it stands for.
func (d *Directory) Federated(value, audience string, now time.Time) (principal string, ok bool) {
	d.mu.RLock()
	pool, known := d.pools[audience]
	d.mu.RUnlock()
	token, err := jwt.ParseSigned(value, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if !known || err != nil {
		return "", false
	}
	var c jwt.Claims
	for _, key := range pool.Keys.Keys {
		if token.Claims(key.Public().Key, &c) != nil {
			continue
		}
		namespace, isCluster := identityNamespace(audience)
		wanted := "https:" + audience
		if isCluster {
			wanted = namespace
		}
		if c.Issuer != pool.Issuer || c.Expiry == nil || !now.Before(c.Expiry.Time()) || c.Subject == "" ||
			!slices.Contains(c.Audience, wanted) {
			return "", false
		}
		if isCluster {
			return d.workload(namespace, c.Subject)
		}
		pool, _, _ := strings.Cut(audience, "/providers/")
		return "principal:" + pool + "/subject/" + c.Subject, true
	}
	return "", false
}

// ofCluster is what the names of ServiceAccounts begin with, as in serviceAccount:project.svc.id.goog[namespace/name].
const ofCluster = "serviceAccount:"

// identityNamespace is the workload identity pool of an audience identitynamespace:<pool>:<URL of the cluster>.
func identityNamespace(audience string) (pool string, ok bool) {
	rest, ok := strings.CutPrefix(audience, "identitynamespace:")
	pool, _, _ = strings.Cut(rest, ":https://")
	return pool, ok
}

// workload is a ServiceAccount of a cluster. Google knows each, and unless it is given any it has no permissions.
func (d *Directory) workload(pool, subject string) (principal string, ok bool) {
	parts := strings.Split(subject, ":")
	if len(parts) != 4 || parts[0] != "system" || parts[1] != "serviceaccount" {
		return "", false
	}
	principal = ofCluster + pool + "[" + parts[2] + "/" + parts[3] + "]"
	if _, known := d.caller(principal, false); !known {
		_ = d.PutAccount(Account{Email: principal}) // its form is right
	}
	return principal, true
}

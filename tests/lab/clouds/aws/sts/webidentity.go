package sts

import (
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

func (s *Service) assumeRoleWithWebIdentity(call api.Call, form url.Values) (any, error) {
	in, err := parse(form)
	if err != nil {
		return nil, err
	}
	raw := form.Get("WebIdentityToken")
	if len(raw) < 4 {
		return nil, api.Errorf("ValidationError", "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: "+
			"Member must have length greater than or equal to 4")
	}
	claims, provider, err := s.Verify(raw, call.Now)
	if err != nil {
		return nil, err
	}
	role, ok := s.Directory.Role(in.roleARN)
	if !ok || !trusts(role, claims) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	out, err := s.start(call, role, in)
	if err != nil {
		return nil, err
	}
	out.SubjectFromWebIdentityToken, out.Provider = claims.Subject, provider.Issuer
	out.Audience = claims.Audience[slices.IndexFunc(claims.Audience, func(a string) bool { return slices.Contains(provider.Audiences, a) })]
	return out, nil
}

// Verify proves a token: signed by a provider that is registered, for an audience of that provider, and
// valid now.
func (s *Service) Verify(raw string, now time.Time) (jwt.Claims, iam.Provider, error) {
	refuse := func(message string) (jwt.Claims, iam.Provider, error) {
		return jwt.Claims{}, iam.Provider{}, api.Errorf("InvalidIdentityToken", "%s", message)
	}
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512})
	if err != nil {
		return refuse("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	var unproved jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unproved); err != nil {
		return refuse("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	provider, ok := s.Directory.Provider(unproved.Issuer)
	if !ok {
		return refuse("No OpenIDConnect provider found in your account for " + unproved.Issuer)
	}
	claims, ok := proved(token, provider.Keys)
	if !ok {
		return refuse("Couldn't retrieve verification key from your identity provider, " +
			"please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	switch {
	case claims.Subject == "" || claims.Expiry == nil:
		return refuse("Missing a required claim: sub and exp are needed")
	case !now.Before(claims.Expiry.Time()):
		return jwt.Claims{}, iam.Provider{}, api.Errorf("ExpiredTokenException",
			"Token expired: current date/time %d must be before the expiration date/time %d",
			now.Unix(), claims.Expiry.Time().Unix())
	case claims.NotBefore != nil && now.Before(claims.NotBefore.Time()):
		return refuse("Token is not valid yet")
	case !overlap(claims.Audience, provider.Audiences):
		return refuse("Incorrect token audience")
	}
	return claims, provider, nil
}

// proved returns the claims if one of the keys signed them. A key that carries another id than the
// token's is passed over.
func proved(token *jwt.JSONWebToken, keys jose.JSONWebKeySet) (jwt.Claims, bool) {
	for _, key := range keys.Keys {
		if id := token.Headers[0].KeyID; key.KeyID != "" && id != "" && key.KeyID != id {
			continue
		}
		var claims jwt.Claims
		if token.Claims(key.Public().Key, &claims) == nil {
			return claims, true
		}
	}
	return jwt.Claims{}, false
}

// trusts decides whether the role's trust policy takes a token with these claims.
func trusts(role iam.Role, claims jwt.Claims) bool {
	return slices.ContainsFunc(role.WebIdentity, func(t iam.WebIdentity) bool {
		return t.Issuer == claims.Issuer &&
			slices.ContainsFunc(t.Subjects, func(p string) bool { return wildcard.Match(p, claims.Subject) }) &&
			(len(t.Audiences) == 0 || overlap(claims.Audience, t.Audiences))
	})
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

package sts

import (
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

func (s *Service) assumeRoleWithWebIdentity(call api.Call, form url.Values) (any, error) {
	in, err := parse(form)
	if err != nil {
		return nil, err
	}
	in.tags, in.transitive, in.externalID = nil, nil, "" // it takes none: a token of the issuer's may hold tags, which are not emulated
	raw := form.Get("WebIdentityToken")
	if len(raw) < 4 {
		return nil, api.Errorf("ValidationError", "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: "+
			"Member must have length greater than or equal to 4")
	}
	token, provider, err := s.Verify(raw, call.Now)
	if err != nil {
		return nil, err
	}
	role, ok := s.Directory.Role(in.roleARN)
	if !ok || !trusts(role, token) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	out, err := s.start(call, role, in)
	if err != nil {
		return nil, err
	}
	out.SubjectFromWebIdentityToken, out.Provider = token.Subject, provider.Issuer
	out.Audience = token.Audience[slices.IndexFunc(token.Audience, func(a string) bool { return slices.Contains(provider.Audiences, a) })]
	return out, nil
}

// Verify proves a token: signed by a provider that is registered, for an audience of that provider, and
// valid now.
func (s *Service) Verify(raw string, now time.Time) (webtoken.Token, iam.Provider, error) {
	refuse := func(message string) (webtoken.Token, iam.Provider, error) {
		return webtoken.Token{}, iam.Provider{}, api.Errorf("InvalidIdentityToken", "%s", message)
	}
	token, err := webtoken.Parse(raw, jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512)
	if err != nil {
		return refuse("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	provider, ok := s.Directory.Provider(token.Issuer)
	switch {
	case !ok:
		return refuse("No OpenIDConnect provider found in your account for " + token.Issuer)
	case !token.SignedBy(provider.Keys):
		return refuse("Couldn't retrieve verification key from your identity provider, " +
			"please reference AssumeRoleWithWebIdentity documentation for requirements")
	case token.Subject == "" || token.Expiry == nil:
		return refuse("Missing a required claim: sub and exp are needed")
	case token.Over(now):
		return webtoken.Token{}, iam.Provider{}, api.Errorf("ExpiredTokenException",
			"Token expired: current date/time %d must be before the expiration date/time %d",
			now.Unix(), token.Expiry.Time().Unix())
	case token.Early(now):
		return refuse("Token is not valid yet")
	case !token.For(provider.Audiences):
		return refuse("Incorrect token audience")
	}
	return token, provider, nil
}

// trusts decides whether the role's trust policy takes a token.
func trusts(role iam.Role, token webtoken.Token) bool {
	return slices.ContainsFunc(role.WebIdentity, func(t iam.WebIdentity) bool {
		return t.Issuer == token.Issuer &&
			slices.ContainsFunc(t.Subjects, func(p string) bool { return wildcard.Match(p, token.Subject) }) &&
			(len(t.Audiences) == 0 || token.For(t.Audiences))
	})
}

package sts

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
	"github.com/secretgate/secretgate/tests/lab/clouds/wildcard"
)

// AssumeRoleWithOIDC begins a session of a role for any caller with a token of a provider that the role trusts. The call is not
// signed. https://help.aliyun.com/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc
func (s *Service) AssumeRoleWithOIDC(call api.Call) (map[string]any, error) {
	role, err := s.role(call.Params)
	if err != nil {
		return nil, err
	}
	provider, ok := s.Directory.Provider(call.Params["OIDCProviderArn"])
	if !ok {
		return nil, unproved("NoPermission", "No such OIDC Provider registered.")
	}
	token, err := verify(call.Params["OIDCToken"], provider, call.Now)
	if err != nil {
		return nil, err
	}
	if !trusts(role, provider, token) {
		return nil, unproved("NoPermission", "There is no permission")
	}
	out, err := s.start(call, role)
	if err != nil {
		return nil, err
	}
	out["OIDCTokenInfo"] = map[string]string{
		"Subject": token.Subject, "Issuer": token.Issuer, "ClientIds": strings.Join(token.Audience, ","), "VerificationInfo": "Success",
	}
	return out, nil
}

// verify refuses a token that the provider did not sign, for an audience of its own and this time.
// Of the algorithms it is only documented that a shared secret's is refused.
// https://help.aliyun.com/zh/ram/developer-reference/api-sts-2015-04-01-errorcodes
func verify(raw string, provider ram.Provider, now time.Time) (webtoken.Token, error) {
	token, err := webtoken.Parse(raw, jose.RS256, jose.ES256)
	switch {
	case err != nil:
		return token, unproved("OIDCToken.Invalid", "The Jwt content is invalid that cannot be recognized.")
	case token.Issuer != provider.Issuer:
		return token, unproved("OIDCToken.Invalid", "The issuer is not the one of the OIDC Provider.")
	case !token.SignedBy(provider.Keys):
		return token, unproved("OIDCToken.InvalidSignature", "OIDC token validate failed: invalid signature.")
	case token.Over(now):
		return token, unproved("OIDCToken.Expired", "This JsonWebToken is expired.")
	case token.Early(now):
		return token, unproved("OIDCToken.Invalid", "This JsonWebToken is not valid yet.")
	case !token.For(provider.Audiences):
		return token, unproved("OIDCToken.AudienceNotMatch", "Invalid audience.")
	}
	return token, nil
}

func trusts(role ram.Role, provider ram.Provider, token webtoken.Token) bool {
	return slices.ContainsFunc(role.Federated, func(f ram.Federated) bool {
		return f.Provider == provider.ARN &&
			slices.ContainsFunc(f.Subjects, func(p string) bool { return wildcard.Match(p, token.Subject) }) &&
			(len(f.Audiences) == 0 || token.For(f.Audiences))
	})
}

func unproved(code, message string) error {
	return api.Errorf(http.StatusUnauthorized, "AuthenticationFail."+code, "%s", message)
}

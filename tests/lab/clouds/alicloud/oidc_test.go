package alicloud_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	provider = "acs:ram::1234567890123456:oidc-provider/ack-rrsa"
	podRole  = "acs:ram::1234567890123456:role/pod"
)

// federate asks for a session by an unsigned form, as the SDK does, and returns its key or the error's code.
func (l *lab) federate(form url.Values) (*key, string) {
	l.t.Helper()
	answer, err := http.PostForm("http://"+l.host+"/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON", form) //nolint:noctx // it answers at once
	ok(l.t, err)
	defer func() { _ = answer.Body.Close() }()
	var said struct {
		Code        string
		Credentials sts.Credentials
	}
	ok(l.t, json.NewDecoder(answer.Body).Decode(&said))
	c := said.Credentials
	return &key{AccessKeyId: c.AccessKeyId, AccessKeySecret: c.AccessKeySecret, AccessKeyStsToken: c.SecurityToken}, said.Code
}

func TestTokensOfAProviderAreProved(t *testing.T) {
	l := newLab(t)
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	strange, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: own.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}}
	ok(t, l.Alicloud().RAM().PutProvider(ram.Provider{ARN: provider, Issuer: "https://issuer", Audiences: []string{"us", "others"}, Keys: keys}))
	ok(t, l.Alicloud().RAM().PutRole(ram.Role{
		ARN: podRole, Federated: []ram.Federated{{Provider: provider, Subjects: []string{"pod"}, Audiences: []string{"us"}}},
		Permissions: permission.Set{{Actions: []string{"kms:GetSecretValue"}, Resources: []string{"*"}}},
	}))
	ok(t, l.Alicloud().RAM().PutRole(ram.Role{ARN: podRole + "-wary"}))
	type request struct {
		form   url.Values
		claims jwt.Claims
		key    jose.SigningKey
	}
	for name, test := range map[string]struct {
		change func(r *request)
		code   string
	}{
		"a token that the role trusts":                    {change: func(*request) {}},
		"signed by another key":                           {func(r *request) { r.key.Key = strange }, "AuthenticationFail.OIDCToken.InvalidSignature"},
		"signed by a shared secret":                       {func(r *request) { r.key = jose.SigningKey{Algorithm: jose.HS256, Key: make([]byte, 32)} }, "AuthenticationFail.OIDCToken.Invalid"},
		"of another issuer":                               {func(r *request) { r.claims.Issuer = "https://other" }, "AuthenticationFail.OIDCToken.Invalid"},
		"that has expired":                                {func(r *request) { r.claims.Expiry = jwt.NewNumericDate(time.Now()) }, "AuthenticationFail.OIDCToken.Expired"},
		"that never expires":                              {func(r *request) { r.claims.Expiry = nil }, "AuthenticationFail.OIDCToken.Expired"},
		"that is not valid yet":                           {func(r *request) { r.claims.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Minute)) }, "AuthenticationFail.OIDCToken.Invalid"},
		"for an audience that the provider does not have": {func(r *request) { r.claims.Audience = jwt.Audience{"x"} }, "AuthenticationFail.OIDCToken.AudienceNotMatch"},
		"for an audience that the role does not trust":    {func(r *request) { r.claims.Audience = jwt.Audience{"others"} }, "AuthenticationFail.NoPermission"},
		"of a subject that the role does not trust":       {func(r *request) { r.claims.Subject = "other" }, "AuthenticationFail.NoPermission"},
		"for a role that trusts no provider":              {func(r *request) { r.form.Set("RoleArn", podRole+"-wary") }, "AuthenticationFail.NoPermission"},
		"for a role that does not exist":                  {func(r *request) { r.form.Set("RoleArn", podRole+"-none") }, "EntityNotExist.Role"},
		"of a provider that is not registered":            {func(r *request) { r.form.Set("OIDCProviderArn", provider+"-none") }, "AuthenticationFail.NoPermission"},
		"for a session policy, which is not emulated":     {func(r *request) { r.form.Set("Policy", "{}") }, "InvalidParameter.Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &request{
				form:   url.Values{"RoleArn": {podRole}, "OIDCProviderArn": {provider}, "RoleSessionName": {"test"}},
				claims: jwt.Claims{Issuer: "https://issuer", Subject: "pod", Audience: jwt.Audience{"us"}, Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour))},
				key:    jose.SigningKey{Algorithm: jose.RS256, Key: own},
			}
			test.change(r)
			signer, err := jose.NewSigner(r.key, nil)
			ok(t, err)
			token, err := jwt.Signed(signer).Claims(r.claims).Serialize()
			ok(t, err)
			r.form.Set("OIDCToken", token)
			session, code := l.federate(r.form)
			if code != test.code {
				t.Fatalf("got %q, want %q", code, test.code)
			}
			if code == "" {
				_, err := l.get(session, "dev/db", nil, nil)
				ok(t, err)
			}
		})
	}
}

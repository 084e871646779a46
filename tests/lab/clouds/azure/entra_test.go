package azure_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
)

func TestWhoAsksForATokenIsProved(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct {
		tenant string
		change url.Values
		want   string
	}{
		"the lab's application":        {},
		"a wrong client secret":        {change: url.Values{"client_secret": {"x"}}, want: "AADSTS7000215"},
		"no client secret":             {change: url.Values{"client_secret": nil}, want: "AADSTS7000216"},
		"an unknown application":       {change: url.Values{"client_id": {"x"}}, want: "AADSTS700016"},
		"a tenant that does not exist": {tenant: "common", want: "AADSTS90002"},
		"another grant":                {change: url.Values{"grant_type": {"password"}}, want: "AADSTS70003"},
		"a scope that is no resource":  {change: url.Values{"scope": {"openid"}}, want: "AADSTS1002012"},
	} {
		t.Run(name, func(t *testing.T) {
			form := l.form()
			maps.Copy(form, c.change)
			if c.tenant == "" {
				c.tenant = azure.Tenant
			}
			token, refusal := l.ask(c.tenant, form)
			if refusal != c.want || (token == "") != (c.want != "") {
				t.Errorf("got refusal %q and a token of %d bytes, want refusal %q", refusal, len(token), c.want)
			}
		})
	}
}

func TestFederatedTokensAreVerified(t *testing.T) {
	const issuer, subject = "https://oidc.example/", "system:serviceaccount:secretgate:syncer"
	l := newLab(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256"}}}
	app := entra.App{ClientID: "pod", Federated: []entra.Federated{{Issuer: issuer, Subject: subject, Keys: keys}}}
	if _, err := l.Azure().Entra().PutApp(app); err != nil {
		t.Fatal(err)
	}
	hour := jwt.NewNumericDate(l.clock().Add(time.Hour))
	good := jwt.Claims{Issuer: issuer, Subject: subject, Audience: jwt.Audience{entra.Audience}, Expiry: hour}
	for name, c := range map[string]struct {
		change func(*jwt.Claims)
		key    *rsa.PrivateKey
		mangle func(string) string
		want   string
	}{
		"a good one":              {},
		"signed with another key": {key: stranger, want: "AADSTS700027"},
		"not signed":              {mangle: unsigned, want: "AADSTS50027"},
		"with the signature cut off": {
			mangle: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }, want: "AADSTS700027",
		},
		"no token":           {mangle: func(string) string { return "x" }, want: "AADSTS50027"},
		"of another issuer":  {change: func(c *jwt.Claims) { c.Issuer = "https://evil.example/" }, want: "AADSTS700211"},
		"of another subject": {change: func(c *jwt.Claims) { c.Subject += "2" }, want: "AADSTS700213"},
		"for another":        {change: func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault"} }, want: "AADSTS700212"},
		"that has ended":     {change: func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(l.clock()) }, want: "AADSTS700024"},
		"without an end":     {change: func(c *jwt.Claims) { c.Expiry = nil }, want: "AADSTS700024"},
		"that has not begun": {change: func(c *jwt.Claims) { c.NotBefore = hour }, want: "AADSTS700024"},
	} {
		t.Run("a token "+name, func(t *testing.T) {
			claims, by := good, key
			if c.change != nil {
				c.change(&claims)
			}
			if c.key != nil {
				by = c.key
			}
			assertion := sign(t, by, claims)
			if c.mangle != nil {
				assertion = c.mangle(assertion)
			}
			_, refusal := l.ask(azure.Tenant, url.Values{
				"grant_type": {"client_credentials"}, "client_id": {"pod"}, "scope": {"https://vault.azure.net/.default"},
				"client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			})
			if refusal != c.want {
				t.Errorf("got refusal %q, want %q", refusal, c.want)
			}
		})
	}
}

func sign(t *testing.T, key *rsa.PrivateKey, claims jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned is the token with the algorithm none.
func unsigned(token string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(token, ".")[1] + "."
}

func TestManagedIdentitiesAreForTheMachineAlone(t *testing.T) {
	l := newLab(t)
	for _, app := range []entra.App{{ClientID: "of-the-machine", Managed: "system"}, {ClientID: "assigned", Managed: "user"}} {
		if _, err := l.Azure().Entra().PutApp(app); err != nil {
			t.Fatal(err)
		}
	}
	const machine, appService = "/metadata/identity/oauth2/token?api-version=2018-02-01", azure.IdentityPath + "?api-version=2019-08-01"
	const resource = "&resource=https://vault.azure.net"
	header := l.Azure().IdentityHeader()
	for name, c := range map[string]struct {
		path, header, value, want string
	}{
		"the machine's own identity":                {machine + resource, "Metadata", "true", "of-the-machine"},
		"one that is assigned to the machine":       {machine + resource + "&client_id=assigned", "Metadata", "true", "assigned"},
		"one that is not":                           {machine + resource + "&client_id=" + azure.LabClientID, "Metadata", "true", "invalid_request"},
		"a request that any page could send":        {machine + resource, "", "", "invalid_request"},
		"a request that was forwarded":              {machine + resource, "X-Forwarded-For", "192.0.2.1", "invalid_request"},
		"a request for no resource":                 {machine, "Metadata", "true", "invalid_request"},
		"App Service with the header of the app":    {appService + resource, "X-Identity-Header", header, "of-the-machine"},
		"App Service without the header of the app": {appService + resource, "Metadata", "true", "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			r := l.request(http.MethodGet, "169.254.169.254", c.path, nil)
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			_, _, body := l.call(r)
			got, ok := body["client_id"].(string)
			if !ok {
				got, _ = body["error"].(string)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

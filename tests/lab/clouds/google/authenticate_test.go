package google_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
)

// claims of a JWT that a service account signs for itself.
type claims struct {
	jwt.Claims
	Scope string `json:"scope,omitempty"`
}

func sign(t *testing.T, id string, key any, algorithm jose.SignatureAlgorithm, c claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSelfSignedTokens(t *testing.T) {
	l := start(t)
	id, key, _ := l.keyOf(t, reader)
	otherID, otherKey, _ := l.keyOf(t, other)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := func() claims {
		return claims{Claims: jwt.Claims{
			Issuer: reader, Subject: reader, Audience: jwt.Audience{google.Audience},
			IssuedAt: jwt.NewNumericDate(l.now), Expiry: jwt.NewNumericDate(l.now.Add(time.Hour)),
		}}
	}
	const refused, ended = "Unauthenticated ACCESS_TOKEN_TYPE_UNSUPPORTED", "Unauthenticated ACCESS_TOKEN_EXPIRED"
	for name, c := range map[string]struct {
		id        string
		key       any
		algorithm jose.SignatureAlgorithm
		change    func(*claims)
		want      string
	}{
		"for this audience":                   {want: "OK"},
		"with the scope, for no one audience": {change: func(c *claims) { c.Audience, c.Scope = nil, iam.Scope }, want: "OK"},
		"with another scope":                  {change: func(c *claims) { c.Audience, c.Scope = nil, "https://www.googleapis.com/auth/devstorage" }, want: refused},
		"with neither":                        {change: func(c *claims) { c.Audience = nil }, want: refused},
		"for another audience":                {change: func(c *claims) { c.Audience = jwt.Audience{"https://storage.googleapis.com/"} }, want: refused},
		"for another audience, with the scope": {
			change: func(c *claims) { c.Audience, c.Scope = jwt.Audience{"https://storage.googleapis.com/"}, iam.Scope }, want: refused},
		"by a key that is not registered":             {key: stranger, want: refused},
		"with a key id that is not registered":        {id: "0123", want: refused},
		"by another account's key":                    {id: otherID, key: otherKey, want: refused},
		"in the name of another, by one's own key":    {change: func(c *claims) { c.Issuer, c.Subject = other, other }, want: refused},
		"for another subject":                         {change: func(c *claims) { c.Subject = other }, want: refused},
		"with an algorithm that Google does not take": {algorithm: jose.RS512, want: refused},
		"with the public key as a password":           {key: x509.MarshalPKCS1PublicKey(&key.PublicKey), algorithm: jose.HS256, want: refused},
		"that has expired":                            {change: func(c *claims) { c.Expiry = jwt.NewNumericDate(l.now) }, want: ended},
		"that is of tomorrow":                         {change: func(c *claims) { c.shift(24 * time.Hour) }, want: refused},
		"that is valid for more than an hour":         {change: func(c *claims) { c.Expiry = jwt.NewNumericDate(l.now.Add(2 * time.Hour)) }, want: refused},
		"that does not say until when":                {change: func(c *claims) { c.Expiry = nil }, want: refused},
		"that does not say since when":                {change: func(c *claims) { c.IssuedAt = nil }, want: refused},
		"by an account that may not read":             {id: otherID, key: otherKey, change: func(c *claims) { c.Issuer, c.Subject = other, other }, want: "PermissionDenied IAM_PERMISSION_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.id == "" {
				c.id = id
			}
			if c.key == nil {
				c.key = key
			}
			if c.algorithm == "" {
				c.algorithm = jose.RS256
			}
			made := good()
			if c.change != nil {
				c.change(&made)
			}
			if got := l.access(t, "Bearer "+sign(t, c.id, c.key, c.algorithm, made), secret); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func (c *claims) shift(by time.Duration) {
	c.IssuedAt, c.Expiry = jwt.NewNumericDate(c.IssuedAt.Time().Add(by)), jwt.NewNumericDate(c.Expiry.Time().Add(by))
}

func TestAccessTokens(t *testing.T) {
	l := start(t)
	mint := func(scoped bool) string {
		value, err := l.IAM().Mint(reader, scoped, l.now)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + value
	}
	good, narrow := mint(true), mint(false)
	missing := "projects/my-gsm-secret-project/secrets/dev-none/versions/latest"
	for name, c := range map[string]struct{ authorization, secret, want string }{
		"a token is taken":                               {good, secret, "OK"},
		"a project's number is as good as its id":        {good, "projects/310987654321/secrets/dev-a/versions/1", "OK"},
		"none is missed":                                 {"", secret, "Unauthenticated CREDENTIALS_MISSING"},
		"an unknown one is refused":                      {"Bearer ya29.c.unknown", secret, "Unauthenticated ACCESS_TOKEN_TYPE_UNSUPPORTED"},
		"a password is refused":                          {"Basic dXNlcjpwYXNz", secret, "Unauthenticated ACCESS_TOKEN_TYPE_UNSUPPORTED"},
		"one without the scope is refused":               {narrow, secret, "PermissionDenied ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
		"what is not permitted is denied":                {good, "projects/my-gsm-secret-project/secrets/prod-a/versions/1", "PermissionDenied IAM_PERMISSION_DENIED"},
		"whether it exists is not told":                  {good, "projects/my-gsm-secret-project/secrets/prod-none/versions/1", "PermissionDenied IAM_PERMISSION_DENIED"},
		"a project that does not exist is denied":        {good, "projects/nowhere/secrets/dev-a/versions/1", "PermissionDenied CONSUMER_INVALID"},
		"another project's secrets are others":           {good, "projects/other-project/secrets/dev-a/versions/1", "NotFound"},
		"what is permitted and does not exist is missed": {good, missing, "NotFound"},
		"a name of no form is refused":                   {good, "projects/p/secrets/a b/versions/1", "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := l.access(t, c.authorization, c.secret); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	l.now = l.now.Add(iam.TokenLife)
	if got := l.access(t, good, secret); got != "Unauthenticated ACCESS_TOKEN_EXPIRED" {
		t.Errorf("after an hour: %s", got)
	}
	revoked := mint(true)
	l.ExpireTokens()
	if got := l.access(t, revoked, secret); got != "Unauthenticated ACCESS_TOKEN_TYPE_UNSUPPORTED" {
		t.Errorf("after it was revoked: %s", got)
	}
}

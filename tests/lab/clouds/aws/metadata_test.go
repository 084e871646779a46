package aws_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// ask makes a call of a machine's own endpoints: headers are name, value, name, value.
func (l *lab) ask(method, path string, headers ...string) (status int, body string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, http.NoBody)
	ok(l.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	ok(l.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	ok(l.t, err)
	return answer.StatusCode, string(text)
}

const (
	ttl      = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	imdsAuth = "X-Aws-Ec2-Metadata-Token"
	roles    = "/latest/meta-data/iam/security-credentials/"
)

func TestInstanceMetadataGivesCredentialsForATokenAlone(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "dev/db", String: "planted"})
	l.AWS().SetInstanceRole(aws.TestRoleARN)
	_, token := l.ask("PUT", "/latest/api/token", ttl, "60")
	for name, tc := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"a token":                           {"PUT", "/latest/api/token", []string{ttl, "21600"}, 200},
		"a token through a proxy":           {"PUT", "/latest/api/token", []string{ttl, "60", "X-Forwarded-For", "10.0.0.1"}, 403},
		"a token without a lifetime":        {"PUT", "/latest/api/token", nil, 400},
		"a token that lasts too long":       {"PUT", "/latest/api/token", []string{ttl, "21601"}, 400},
		"a token by GET":                    {"GET", "/latest/api/token", []string{ttl, "60"}, 405},
		"the role, with a token":            {"GET", roles, []string{imdsAuth, token}, 200},
		"the role, without a token":         {"GET", roles, nil, 401},
		"the role, with a false token":      {"GET", roles, []string{imdsAuth, "false"}, 401},
		"credentials without a token":       {"GET", roles + "test-role", nil, 401},
		"credentials of another role":       {"GET", roles + "no-batch", []string{imdsAuth, token}, 404},
		"something that is not emulated":    {"GET", "/latest/user-data", []string{imdsAuth, token}, 404},
		"the role, asked for by PUT":        {"PUT", roles, []string{imdsAuth, token}, 405},
		"credentials of the instance's own": {"GET", roles + "test-role", []string{imdsAuth, token}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := l.ask(tc.method, tc.path, tc.headers...); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
		})
	}
	var given struct{ AccessKeyID, SecretAccessKey, Token string }
	_, text := l.ask("GET", roles+"test-role", imdsAuth, token)
	ok(t, json.Unmarshal([]byte(text), &given))
	_, err := l.get(l.sm(credentials.NewStaticCredentialsProvider(given.AccessKeyID, given.SecretAccessKey, given.Token)), "dev/db")
	ok(t, err)
	if _, again := l.ask("GET", roles+"test-role", imdsAuth, token); !strings.Contains(again, given.AccessKeyID) {
		t.Error("other credentials are given before the first ones near their end")
	}
	l.advance(time.Minute)
	if got, _ := l.ask("GET", roles, imdsAuth, token); got != 401 {
		t.Errorf("status %d for a token that has ended, want 401", got)
	}
	l.AWS().SetInstanceRole("")
	_, token = l.ask("PUT", "/latest/api/token", ttl, "60")
	if got, _ := l.ask("GET", roles, imdsAuth, token); got != 404 {
		t.Errorf("status %d without a role, want 404", got)
	}
}

func TestPodIdentityGivesCredentialsForAPodsTokenAlone(t *testing.T) {
	const issuer, subject, audience = "https://issuer.example", "system:serviceaccount:secretgate:syncer", "pods.eks.amazonaws.com"
	l := newLab(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	ok(t, l.AWS().IAM().PutProvider(iam.Provider{
		Issuer: issuer, Audiences: []string{audience, "sts.amazonaws.com"},
		Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey}}},
	}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: "arn:aws:iam::123456789012:role/pod", PodIdentity: []string{subject}}))
	token := func(key *rsa.PrivateKey, subject, audience string, expiry time.Time) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
		ok(t, err)
		text, err := jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: issuer, Subject: subject, Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(expiry),
		}).Serialize()
		ok(t, err)
		return text
	}
	hour := l.clock().Add(time.Hour)
	for name, tc := range map[string]struct {
		token string
		want  int
		says  string
	}{
		"the pod's token":             {token(key, subject, audience, hour), 200, `"AccountId":"123456789012"`},
		"no token":                    {"", 400, "Bad Request"},
		"no JWT":                      {"x", 400, "InvalidIdentityToken"},
		"a token of another key":      {token(other, subject, audience, hour), 400, "InvalidIdentityToken"},
		"an expired token":            {token(key, subject, audience, l.clock()), 400, "ExpiredTokenException"},
		"a token for STS":             {token(key, subject, "sts.amazonaws.com", hour), 400, "the audience is not"},
		"a token of another audience": {token(key, subject, "x", hour), 400, "Incorrect token audience"},
		"a pod without a role":        {token(key, "system:serviceaccount:a:b", audience, hour), 404, "no role is associated"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := l.ask("GET", "/v1/credentials", "Authorization", tc.token)
			if status != tc.want || !strings.Contains(body, tc.says) {
				t.Errorf("status %d, want %d and %q in the body", status, tc.want, tc.says)
			}
		})
	}
}

package aws_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const region = "eu-west-1"

// lab is a server on loopback with a clock that a test moves.
type lab struct {
	*clouds.Server
	t   *testing.T
	url string

	mu  sync.Mutex
	now time.Time
}

func newLab(t *testing.T) *lab {
	t.Helper()
	// The SDK signs with the machine's own time.
	l := &lab{t: t, now: time.Now()}
	l.Server = clouds.New(clouds.Options{Clock: l.clock})
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func (l *lab) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lab) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func (l *lab) put(secrets ...store.Secret) {
	l.t.Helper()
	if err := l.AWS().PutSecrets(region, secrets...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) user() awssdk.CredentialsProvider {
	u := l.AWS().LabUser()
	return credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, "")
}

// as makes credentials of a new user with permissions.
func (l *lab) as(name string, permissions permission.Set) awssdk.CredentialsProvider {
	l.t.Helper()
	u, err := l.AWS().IAM().PutUser(iam.User{ARN: "arn:aws:iam::123456789012:user/" + name, Permissions: permissions})
	if err != nil {
		l.t.Fatal(err)
	}
	return credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, "")
}

// sm makes a client; nil credentials mean the lab's user. Nothing is retried.
func (l *lab) sm(c awssdk.CredentialsProvider, change ...func(*secretsmanager.Options)) *secretsmanager.Client {
	if c == nil {
		c = l.user()
	}
	o := secretsmanager.Options{Region: region, BaseEndpoint: &l.url, Credentials: c, Retryer: awssdk.NopRetryer{}}
	return secretsmanager.New(o, change...)
}

func (l *lab) sts(c awssdk.CredentialsProvider) *sts.Client {
	if c == nil {
		c = l.user()
	}
	return sts.New(sts.Options{Region: region, BaseEndpoint: &l.url, Credentials: c, Retryer: awssdk.NopRetryer{}})
}

// assume makes credentials of a session of a role.
func (l *lab) assume(role string) awssdk.CredentialsProvider {
	l.t.Helper()
	out, err := l.sts(nil).AssumeRole(context.Background(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: awssdk.String("test")})
	if err != nil {
		l.t.Fatal(err)
	}
	return credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
}

func (l *lab) get(c *secretsmanager.Client, id string) (*secretsmanager.GetSecretValueOutput, error) {
	return c.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &id})
}

// wantError checks an AWS error's code and a part of its message.
func wantError(t *testing.T, err error, code, says string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want the AWS error %s", err, code)
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
		t.Errorf("got %s: %s\nwant %s: …%s…", api.ErrorCode(), api.ErrorMessage(), code, says)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tamper changes requests after they were signed.
type tamper func(*http.Request)

func (f tamper) Do(r *http.Request) (*http.Response, error) {
	f(r)
	return http.DefaultClient.Do(r)
}

func TestCallsThatAreNotProvedAreRefused(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "dev/db", String: "planted"})
	u := l.AWS().LabUser()
	static := credentials.NewStaticCredentialsProvider
	session, err := l.assume(aws.TestRoleARN).Retrieve(context.Background())
	ok(t, err)
	for _, tc := range []struct {
		name        string
		credentials awssdk.CredentialsProvider
		tamper      tamper
		sm, sts     string
	}{
		{name: "an unknown access key", credentials: static("AKIAUNKNOWN", u.SecretAccessKey, ""), sm: "UnrecognizedClientException",
			sts: "InvalidClientTokenId"},
		{name: "a wrong secret key", credentials: static(u.AccessKeyID, "wrong", ""), sm: "InvalidSignatureException",
			sts: "SignatureDoesNotMatch"},
		{name: "a token with a permanent key", credentials: static(u.AccessKeyID, u.SecretAccessKey, "token"),
			sm: "UnrecognizedClientException", sts: "InvalidClientTokenId"},
		{name: "a temporary key without its token", credentials: static(session.AccessKeyID, session.SecretAccessKey, ""),
			sm: "UnrecognizedClientException", sts: "InvalidClientTokenId"},
		{name: "a temporary key with a false token", credentials: static(session.AccessKeyID, session.SecretAccessKey, "false"),
			sm: "UnrecognizedClientException", sts: "InvalidClientTokenId"},
		{name: "no signature", tamper: func(r *http.Request) { r.Header.Del("Authorization") }, sm: "MissingAuthenticationTokenException",
			sts: "MissingAuthenticationToken"},
		{name: "half a signature", tamper: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") },
			sm: "IncompleteSignatureException", sts: "IncompleteSignature"},
		{name: "another date than was signed", tamper: func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().UTC().Add(-time.Hour).Format("20060102T150405Z"))
		}, sm: "InvalidSignatureException", sts: "SignatureDoesNotMatch"},
		{name: "the scope of another service", tamper: func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/aws4_request", "x/aws4_request", 1))
		}, sm: "InvalidSignatureException", sts: "SignatureDoesNotMatch"},
		{name: "a body changed on the way", tamper: func(r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			b = []byte(strings.Replace(strings.Replace(string(b), "dev/db", "dev/xx", 1), "2011-06-15", "2011-06-15&x=1", 1))
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(b))), int64(len(b))
		}, sm: "InvalidSignatureException", sts: "SignatureDoesNotMatch"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			through := func(r *http.Request) {
				if tc.tamper != nil {
					tc.tamper(r)
				}
			}
			_, err := l.get(l.sm(tc.credentials, func(o *secretsmanager.Options) { o.HTTPClient = tamper(through) }), "dev/db")
			wantError(t, err, tc.sm, "")
			_, err = l.sts(tc.credentials).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{},
				func(o *sts.Options) { o.HTTPClient = tamper(through) })
			wantError(t, err, tc.sts, "")
		})
	}
}

func TestStaleRequestsAreRefused(t *testing.T) {
	l := newLab(t)
	client, security := l.sm(nil), l.sts(nil)
	l.advance(6 * time.Minute)
	_, err := l.get(client, "dev/db")
	wantError(t, err, "InvalidSignatureException", "Signature expired: ")
	_, err = security.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	wantError(t, err, "SignatureDoesNotMatch", "Signature expired: ")
}

func TestExpiredSessionsAreRefused(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "dev/db", String: "planted"})
	session := l.assume(aws.TestRoleARN)
	_, err := l.get(l.sm(session), "dev/db")
	ok(t, err)
	l.AWS().ExpireSessions()
	_, err = l.get(l.sm(session), "dev/db")
	wantError(t, err, "ExpiredTokenException", "expired")
	_, err = l.sts(session).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	wantError(t, err, "ExpiredToken", "expired")
}

func TestRequestsOfNoOperationAreRefused(t *testing.T) {
	l := newLab(t)
	_, err := l.sm(nil).GetRandomPassword(context.Background(), &secretsmanager.GetRandomPasswordInput{})
	wantError(t, err, "UnknownOperationException", "not emulated")
	_, err = l.sts(nil).GetSessionToken(context.Background(), &sts.GetSessionTokenInput{})
	wantError(t, err, "InvalidAction", "GetSessionToken")
	for name, tc := range map[string]struct{ method, path, body string }{
		"a GET":                   {"GET", "/", ""},
		"another path":            {"POST", "/x", "Action=GetCallerIdentity"},
		"neither target nor form": {"POST", "/", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tc.method, l.url+tc.path, strings.NewReader(tc.body))
			ok(t, err)
			r, err := http.DefaultClient.Do(request)
			ok(t, err)
			ok(t, r.Body.Close())
			if r.StatusCode != http.StatusNotFound || r.Header.Get("X-Amzn-Requestid") == "" {
				t.Errorf("status %d, request id %q, want 404 and one", r.StatusCode, r.Header.Get("X-Amzn-Requestid"))
			}
		})
	}
}

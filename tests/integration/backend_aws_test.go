package integration

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awssecretsmanager"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const awsRegion = "eu-west-1"

// awsLab is an emulated AWS of a test's own, and the environment that leads the SDK to its user.
type awsLab struct {
	*clouds.Server
	url string
}

func startAWS(t *testing.T) *awsLab {
	t.Helper()
	l := &awsLab{Server: clouds.New(clouds.Options{})}
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.url = server.URL
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": l.AWS().LabUser().AccessKeyID, "AWS_SECRET_ACCESS_KEY": l.AWS().LabUser().SecretAccessKey,
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CA_BUNDLE": "", "AWS_ENDPOINT_URL": "", "HTTP_PROXY": "", "HTTPS_PROXY": "",
	} {
		t.Setenv(name, value)
	}
	return l
}

// driver makes a driver that reads at a URL, with the lab's sessions.
func (l *awsLab) driver(t *testing.T, url string, config awssession.Config) driver.Driver {
	t.Helper()
	config.STSEndpoint = url
	sessions, err := awssession.New(config)
	if err != nil {
		t.Fatal(err)
	}
	d, err := awssecretsmanager.New(awssecretsmanager.Config{Sessions: sessions, Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (l *awsLab) put(t *testing.T, secret secretsmanager.Secret) {
	t.Helper()
	if err := l.AWS().PutSecrets(awsRegion, secret); err != nil {
		t.Fatal(err)
	}
}

// role adds a role that may read the secrets under a prefix, and is trusted by some.
func (l *awsLab) role(t *testing.T, name, prefix string, trust ...string) plan.Scope {
	t.Helper()
	arn := "arn:aws:iam::123456789012:role/" + name
	err := l.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: trust, Permissions: permission.Set{{
		Actions: []string{"secretsmanager:GetSecretValue"},
		// A secret that does not exist has no ARN to judge.
		Resources: []string{"arn:aws:secretsmanager:*:123456789012:secret:" + prefix + "*", prefix + "*"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return awsScope(arn)
}

func awsScope(role string) plan.Scope {
	return plan.Scope{Backend: apiv1.BackendAWSSecretsManager, Identity: plan.Identity{RoleARN: role}, Region: awsRegion}
}

func awsRead(key string) plan.Read { return plan.Read{Key: key, VersionStage: "AWSCURRENT"} }

func (l *awsLab) fault(name string, f fault.Fault, want driver.Kind) backendtest.Fault {
	return backendtest.Fault{Name: name, Want: want, Begin: func(t *testing.T) func() {
		if _, err := l.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
		return l.Faults().Clear
	}}
}

func TestAWSSecretsManagerConforms(t *testing.T) {
	l := startAWS(t)
	scopes := make([]plan.Scope, 3)
	for i := range scopes {
		scopes[i] = l.role(t, fmt.Sprint("team", i), fmt.Sprintf("team%d/", i), aws.LabUserARN)
	}
	user := l.AWS().LabUser()
	backendtest.Run(t, backendtest.Harness{
		New:    func(t *testing.T) driver.Driver { return l.driver(t, l.url, awssession.Config{}) },
		At:     func(t *testing.T, url string) driver.Driver { return l.driver(t, url, awssession.Config{}) },
		Scopes: scopes,
		Key:    func(scope int, name string) string { return fmt.Sprintf("team%d/%s", scope, name) },
		Read:   awsRead,
		Put: func(t *testing.T, key, text string) {
			l.put(t, secretsmanager.Secret{Name: key, String: text})
		},
		PutJSON: func(t *testing.T, key, object string) {
			l.put(t, secretsmanager.Secret{Name: key, String: object})
		},
		PutBinary: func(t *testing.T, key string, content []byte) {
			l.put(t, secretsmanager.Secret{Name: key, Binary: content})
		},
		Delete: func(_ *testing.T, key string) { l.AWS().DeleteSecrets(awsRegion, key) },
		Refused: map[string]plan.Scope{
			"a role that does not trust the syncer": l.role(t, "stranger", "", "arn:aws:iam::123456789012:user/somebody"),
			"a role that does not exist":            awsScope("arn:aws:iam::123456789012:role/nobody"),
			"a role without permissions":            l.role(t, "powerless", "nothing/", aws.LabUserARN),
		},
		Unproved: map[string]func(*testing.T) driver.Driver{
			"with an access key that AWS does not know": func(t *testing.T) driver.Driver {
				t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
				return l.driver(t, l.url, awssession.Config{})
			},
			"with a secret key that is not the right one": func(t *testing.T) driver.Driver {
				t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
				return l.driver(t, l.url, awssession.Config{})
			},
			"without any": func(t *testing.T) driver.Driver {
				t.Setenv("AWS_ACCESS_KEY_ID", "")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "")
				return l.driver(t, l.url, awssession.Config{})
			},
		},
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of AWS's own", fault.Fault{Kind: fault.Error, Code: "InternalServiceError", Status: 500}, driver.Unavailable),
			l.fault("the KMS key is gone", fault.Fault{Kind: fault.Error, Code: "DecryptionFailure"}, driver.Denied),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Service: "sts", Operation: "AssumeRole", Code: "OK"})
		},
		Expire:      func(*testing.T) { l.AWS().ExpireSessions() },
		Credentials: []string{user.AccessKeyID, user.SecretAccessKey, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
	})
}

func TestAWSSecretsManagerVersions(t *testing.T) {
	l := startAWS(t)
	for _, text := range []string{"first", "second"} {
		l.put(t, secretsmanager.Secret{Name: "dev/rotated", String: text})
	}
	d := l.driver(t, l.url, awssession.Config{})
	read := func(r plan.Read) (string, string) {
		r.Key = "dev/rotated"
		value, err := d.Get(t.Context(), awsScope(""), r, "")
		if err != nil {
			return d.Classify(err).String(), ""
		}
		return string(value.Data), value.Version
	}
	_, previous := read(plan.Read{VersionStage: "AWSPREVIOUS"})
	for name, c := range map[string]struct {
		read plan.Read
		want string
	}{
		"the label AWSCURRENT is the newest":            {plan.Read{VersionStage: "AWSCURRENT"}, "second"},
		"the label AWSPREVIOUS is the one before":       {plan.Read{VersionStage: "AWSPREVIOUS"}, "first"},
		"a version id names a version":                  {plan.Read{VersionID: previous}, "first"},
		"a label that no version carries is not found":  {plan.Read{VersionStage: "NONE"}, "not_found"},
		"a version id that never was is not found":      {plan.Read{VersionID: "00000000-0000-0000-0000-000000000000"}, "not_found"},
		"a version id wins over a label, as KES has it": {plan.Read{VersionID: previous, VersionStage: "AWSCURRENT"}, "first"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := read(c.read); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAWSIdentities(t *testing.T) {
	const hop = "arn:aws:iam::123456789012:role/hop"
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "hop/a", String: "planted"})
	l.put(t, secretsmanager.Secret{Name: "far/a", String: "planted"})
	l.role(t, "hop", "hop/", aws.LabUserARN)
	far := l.role(t, "far", "far/", hop) // trusts the intermediate role alone

	hops := l.driver(t, l.url, awssession.Config{IntermediateRoleARN: hop})
	read := func(d driver.Driver, scope plan.Scope, key string) string {
		_, err := d.Get(t.Context(), scope, awsRead(key), "")
		if err != nil {
			return d.Classify(err).String()
		}
		return "ok"
	}
	direct := l.driver(t, l.url, awssession.Config{})
	noRegion := awsScope("")
	noRegion.Region = ""
	got := map[string]string{
		"through the intermediate role to the object's":             read(hops, far, "far/a"),
		"the intermediate role itself, where the object names none": read(hops, awsScope(""), "hop/a"),
		"the intermediate role reads no more than it may":           read(hops, awsScope(""), "far/a"),
		"without the intermediate role the object's is refused":     read(direct, far, "far/a"),
		"the syncer's own identity":                                 read(direct, awsScope(""), "far/a"),
		"no region":                                                 read(direct, noRegion, "far/a"),
	}
	l.AWS().ExpireSessions()
	got["after the sessions of both roles have ended"] = read(hops, far, "far/a")
	want := map[string]string{
		"through the intermediate role to the object's":             "ok",
		"the intermediate role itself, where the object names none": "ok",
		"the intermediate role reads no more than it may":           "denied",
		"without the intermediate role the object's is refused":     "denied",
		"the syncer's own identity":                                 "ok",
		"no region":                                                 "invalid",
		"after the sessions of both roles have ended":               "ok",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
	name := counter.Key{Identity: "arn:aws:sts::123456789012:assumed-role/far/k8s-external-secrets", Code: "OK"}
	if l.Counters().Sum(name) == 0 {
		t.Errorf("no call was made in a session called k8s-external-secrets: %v", l.Counters().All())
	}
}

// TestAWSWebIdentity is how pods on EKS prove who they are: by a token in a file, which STS takes without a signature.
func TestAWSWebIdentity(t *testing.T) {
	const role, issuer, subject = "arn:aws:iam::123456789012:role/pod", "https://oidc.example", "system:serviceaccount:secretgate:syncer"
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "pod/a", String: "planted"})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}}
	if err := l.AWS().IAM().PutProvider(iam.Provider{Issuer: issuer, Keys: keys, Audiences: []string{"sts.amazonaws.com"}}); err != nil {
		t.Fatal(err)
	}
	err = l.AWS().IAM().PutRole(iam.Role{
		ARN: role, WebIdentity: []iam.WebIdentity{{Issuer: issuer, Subjects: []string{subject}}},
		Permissions: permission.Set{{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Subject: subject, Audience: jwt.Audience{"sts.amazonaws.com"}, Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": file,
		"AWS_REGION": awsRegion,
	} {
		t.Setenv(name, value)
	}
	d := l.driver(t, l.url, awssession.Config{})
	for range 2 {
		if _, err := d.Get(t.Context(), awsScope(""), awsRead("pod/a"), ""); err != nil {
			t.Fatal(err)
		}
		l.AWS().ExpireSessions() // and is begun again
	}
	if n := l.Counters().Sum(counter.Key{Operation: "AssumeRoleWithWebIdentity", Code: "OK"}); n != 2 {
		t.Errorf("the token was sent %d times, want 2", n)
	}
}

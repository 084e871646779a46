package integration

import (
	"fmt"
	"net/http/httptest"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
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
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"AWS_CA_BUNDLE": "", "AWS_ENDPOINT_URL": "", "HTTP_PROXY": "", "HTTPS_PROXY": "",
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

// role adds a role that may read the secrets under a prefix, in batches too, and is trusted by some.
func (l *awsLab) role(t *testing.T, name, prefix string, trust ...string) plan.Store {
	t.Helper()
	return l.roleOf(t, name, reader(prefix), trust...)
}

// reader may find secrets, and read those under a prefix, in batches too.
func reader(prefix string) permission.Set {
	find := permission.Allow{Actions: []string{"secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"}, Resources: []string{"*"}}
	return permission.Set{readSecrets(prefix), find}
}

// readSecrets allows to read the secrets under a prefix one by one.
func readSecrets(prefix string) permission.Allow {
	return permission.Allow{
		Actions: []string{"secretsmanager:GetSecretValue"},
		// A secret that does not exist has no ARN to judge.
		Resources: []string{"arn:aws:secretsmanager:*:123456789012:secret:" + prefix + "*", prefix + "*"},
	}
}

func (l *awsLab) roleOf(t *testing.T, name string, permissions permission.Set, trust ...string) plan.Store {
	t.Helper()
	arn := "arn:aws:iam::123456789012:role/" + name
	if err := l.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: trust, Permissions: permissions}); err != nil {
		t.Fatal(err)
	}
	return awsStore(arn)
}

func awsStore(role string) plan.Store {
	return plan.Store{Backend: backends.AWSSecretsManager, Role: role, Location: awsRegion}
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
	stores := make([]plan.Store, 3)
	for i := range stores {
		stores[i] = l.role(t, fmt.Sprint("team", i), fmt.Sprintf("team%d/", i), aws.LabUserARN)
	}
	user := l.AWS().LabUser()
	noBatch := l.roleOf(t, "one-by-one", permission.Set{readSecrets("team0/")}, aws.LabUserARN)
	h := l.harness(func(t *testing.T, url string) driver.Driver { return l.driver(t, url, awssession.Config{}) }, stores)
	h.NoBatch = &noBatch
	h.Refused = map[string]plan.Store{
		"a role that does not trust the syncer": l.role(t, "stranger", "", "arn:aws:iam::123456789012:user/other"),
		"a role that does not exist":            awsStore("arn:aws:iam::123456789012:role/absent"),
		"a role without permissions":            l.role(t, "powerless", "nothing/", aws.LabUserARN),
	}
	h.Unproved = map[string]func(*testing.T) driver.Driver{
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
	}
	h.Credentials = []string{user.AccessKeyID, user.SecretAccessKey, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	backendtest.Run(t, h)
}

// harness is what all ways to log in to Secrets Manager have in common. Its stores read as roles, or as ServiceAccounts.
func (l *awsLab) harness(at func(t *testing.T, url string) driver.Driver, stores []plan.Store) backendtest.Harness {
	return backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return at(t, l.url) },
		At:  at,
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return at(t, damagingPlainly(t, l.url, change))
		},
		Stores: stores,
		Key:    func(store int, name string) string { return fmt.Sprintf("team%d/%s", store, name) },
		Read:   awsRead,
		Path: func(store int, name string, _ bool) plan.Read {
			return plan.Read{Key: fmt.Sprintf("team%d/%s/", store, name), Path: true, Recursive: true}
		},
		Prefixes: true,
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
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("little that unpacks to much", fault.Fault{Kind: fault.Flood}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of AWS's own", fault.Fault{Kind: fault.Error, Code: "InternalServiceError", Status: 500}, driver.Unavailable),
			l.fault("the KMS key is gone", fault.Fault{Kind: fault.Error, Code: "DecryptionFailure"}, driver.Denied),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Service: "sts", Operation: "AssumeRole", Code: "OK"})
		},
		Expire: func(*testing.T) { l.AWS().ExpireSessions() },
	}
}

func TestAWSSecretsManagerVersions(t *testing.T) {
	l := startAWS(t)
	for _, text := range []string{"first", "second"} {
		l.put(t, secretsmanager.Secret{Name: "dev/rotated", String: text})
	}
	d := l.driver(t, l.url, awssession.Config{})
	read := func(r plan.Read) (string, string) {
		r.Key = "dev/rotated"
		value, err := d.Get(t.Context(), awsStore(""), r)
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

package integration

import (
	"fmt"
	"net/http/httptest"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// alicloudLab is an emulated Alibaba Cloud of a test's own.
type alicloudLab struct {
	*clouds.Server
	url string
}

func startAlicloud(t *testing.T) *alicloudLab {
	t.Helper()
	l := &alicloudLab{Server: clouds.New(clouds.Options{})}
	server := httptest.NewServer(l.Server)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// driver makes a driver as the lab's user, at the lab unless config says otherwise.
func (l *alicloudLab) driver(t *testing.T, config alicloudkms.Config) driver.Driver {
	t.Helper()
	user := l.Alicloud().LabUser()
	if config.AccessKeyID == "" {
		config.AccessKeyID, config.AccessKeySecret = user.AccessKeyID, user.AccessKeySecret
	}
	if config.Endpoint == "" {
		config.Endpoint, config.STSEndpoint = l.url, l.url
	}
	d, err := alicloudkms.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (l *alicloudLab) put(t *testing.T, secret kms.Secret) {
	t.Helper()
	if err := l.Alicloud().PutSecrets(alicloud.Region, secret); err != nil {
		t.Fatal(err)
	}
}

// role adds a role that may read the secrets under a prefix, and is trusted by some.
func (l *alicloudLab) role(t *testing.T, name, prefix string, trust ...string) plan.Store {
	t.Helper()
	arn := "acs:ram::" + alicloud.Account + ":role/" + name
	err := l.Alicloud().RAM().PutRole(ram.Role{ARN: arn, Trust: trust, Permissions: permission.Set{{
		Actions: []string{"kms:GetSecretValue"}, Resources: []string{"acs:kms:*:*:secret/" + prefix + "*"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return alicloudStore(arn)
}

func alicloudStore(role string) plan.Store {
	return plan.Store{Backend: backends.AlicloudKMS, Role: role}
}

func alicloudRead(key string) plan.Read { return plan.Read{Key: key, VersionStage: "ACSCurrent"} }

func (l *alicloudLab) fault(name string, f fault.Fault, want driver.Kind) backendtest.Fault {
	return backendtest.Fault{Name: name, Want: want, Begin: func(t *testing.T) func() {
		if _, err := l.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
		return l.Faults().Clear
	}}
}

const otherKeyID, otherKeySecret = "LTAI4FoLmvQ9urWXgSRpDvh1", "3WSDDuQ0m3Rnwq7ExampleKeyXy1f"

func TestAlicloudKMSConforms(t *testing.T) {
	l := startAlicloud(t)
	stores := make([]plan.Store, 3)
	for i := range stores {
		stores[i] = l.role(t, fmt.Sprint("team", i), fmt.Sprintf("team%d/", i), alicloud.LabUserARN)
	}
	user := l.Alicloud().LabUser()
	unproved := func(id, secret string) func(*testing.T) driver.Driver {
		return func(t *testing.T) driver.Driver {
			return l.driver(t, alicloudkms.Config{AccessKeyID: id, AccessKeySecret: secret})
		}
	}
	h := l.harness(l.driver, alicloudkms.Config{}, stores)
	h.Refused = map[string]plan.Store{
		"a role that does not trust the syncer": l.role(t, "stranger", "", "acs:ram::"+alicloud.Account+":user/other"),
		"a role that does not exist":            alicloudStore("acs:ram::" + alicloud.Account + ":role/absent"),
		"a role without permissions":            l.role(t, "powerless", "nothing/", alicloud.LabUserARN),
	}
	h.Unproved = map[string]func(*testing.T) driver.Driver{
		"with an access key that Alibaba Cloud does not know": unproved(otherKeyID, otherKeySecret),
		"with a secret that is not the right one":             unproved(user.AccessKeyID, otherKeySecret),
		"without a secret": unproved(user.AccessKeyID, ""),
	}
	h.Credentials = []string{user.AccessKeyID, user.AccessKeySecret, otherKeyID, otherKeySecret, "STS."}
	backendtest.Run(t, h)
}

// harness is what all ways to log in have in common.
func (l *alicloudLab) harness(
	open func(*testing.T, alicloudkms.Config) driver.Driver, config alicloudkms.Config, stores []plan.Store,
) backendtest.Harness {
	at := func(t *testing.T, url, sts string) driver.Driver {
		c := config
		c.Endpoint, c.STSEndpoint = url, sts
		return open(t, c)
	}
	text := func(t *testing.T, key, text string) { l.put(t, kms.Secret{Name: key, Text: text}) }
	return backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return at(t, l.url, l.url) },
		At:  func(t *testing.T, url string) driver.Driver { return at(t, url, url) },
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return at(t, damagingPlainly(t, l.url, change), l.url)
		},
		Stores: stores,
		Key:    func(store int, name string) string { return fmt.Sprintf("team%d/%s", store, name) },
		Read:   alicloudRead,
		Put:    text, PutJSON: text,
		PutBinary: func(t *testing.T, key string, content []byte) {
			l.put(t, kms.Secret{Name: key, Binary: content})
		},
		Delete: func(_ *testing.T, key string) { l.Alicloud().DeleteSecrets(alicloud.Region, key) },
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("little that unpacks to much", fault.Fault{Kind: fault.Flood}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of Alibaba Cloud's own", fault.Fault{Kind: fault.Error, Code: "InternalFailure", Status: 500}, driver.Unavailable),
			l.fault("the KMS key is disabled", fault.Fault{Kind: fault.Error, Code: "Rejected.Disabled", Status: 409}, driver.Denied),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Cloud: alicloud.Name, Operation: "AssumeRole", Code: "OK"})
		},
		Expire: func(*testing.T) { l.Alicloud().ExpireSessions() },
	}
}

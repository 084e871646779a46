package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const ramRole = "acs:ram::" + alicloud.Account + ":role/"

// alicloudStores is an Alibaba Cloud that knows the lab's cluster, and no access key of the syncer's.
type alicloudStores struct {
	*alicloudLab
	*storesCluster
	client *backend.Client
}

func newAlicloudStores(t *testing.T, namespace string) *alicloudStores {
	t.Helper()
	l := &alicloudStores{alicloudLab: startAlicloud(t), storesCluster: newStoresCluster(t, namespace)}
	err := l.Alicloud().RAM().PutProvider(ram.Provider{ARN: ackProvider, Issuer: l.issuer, Keys: l.keys, Audiences: []string{ackAudience, "team.example"}})
	if err != nil {
		t.Fatal(err)
	}
	l.client = alicloudClient(t, alicloudkms.Config{Endpoint: l.url, STSEndpoint: l.url, Credentials: l.credentials})
	for _, name := range []string{"one/a", "far/a"} {
		l.put(t, kms.Secret{Name: name, Text: planted})
	}
	return l
}

// mayRead allows what is below a prefix.
func mayRead(prefix string) permission.Allow {
	return permission.Allow{Actions: []string{"kms:GetSecretValue"}, Resources: []string{"acs:kms:*:*:secret/" + prefix + "*"}}
}

// user adds a RAM user who may read what is below a prefix, and assume roles, and writes its access key into a Secret.
func (l *alicloudStores) user(t *testing.T, name, prefix string) ram.User {
	t.Helper()
	assume := permission.Allow{Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}}
	user, err := l.Alicloud().RAM().PutUser(ram.User{
		ARN: "acs:ram::" + alicloud.Account + ":user/" + name, Permissions: permission.Set{mayRead(prefix), assume},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.secret(t, name, map[string]string{"id": user.AccessKeyID + "\n", "secret": user.AccessKeySecret + "\n"})
	return user
}

// trusting adds a role that may read what is below a prefix, and takes the token of a ServiceAccount for an audience.
func (l *alicloudStores) trusting(t *testing.T, name, prefix, account, audience string) {
	t.Helper()
	err := l.Alicloud().RAM().PutRole(ram.Role{
		ARN: ramRole + name, Permissions: permission.Set{mayRead(prefix)},
		Federated: []ram.Federated{{Provider: ackProvider, Subjects: []string{l.subject(account)}, Audiences: []string{audience}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *alicloudStores) byKey(secret, role string) plan.Store {
	s := alicloudStore(role)
	s.Credential, s.Login.Identifier = l.inSecret(secret, "secret"), l.inSecret(secret, "id")
	return s
}

func (l *alicloudStores) byAccount(account, role string) plan.Store {
	s := alicloudStore(ramRole + role)
	s.Credential, s.Mount = l.tokenOf(account), ackProvider
	return s
}

func (l *alicloudStores) reads(t *testing.T, when string, store plan.Store, key, want string) {
	t.Helper()
	got := saidOf(t, l.client, plan.Source{Store: store, Read: alicloudRead(key)})
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s\nwant %s…", when, got, want)
	}
}

func TestAlicloudKeyOfASecret(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-keys")
	store := l.byKey("reader", "")
	l.reads(t, "before there is a Secret", store, "one/a", "unauthenticated: no session: Secret alicloud-keys/reader does not exist; ")
	user := l.user(t, "reader", "one/")
	far := l.role(t, "far", "far/", user.ARN)
	l.reads(t, "with the Secret", store, "one/a", planted)
	l.reads(t, "what the key may not", store, "far/a", "denied: Forbidden.NoPermission")
	l.reads(t, "as a role", l.byKey("reader", far.Role), "far/a", planted)

	user.AccessKeyID, user.AccessKeySecret = "", ""
	rotated, err := l.Alicloud().RAM().PutUser(user)
	if err != nil {
		t.Fatal(err)
	}
	l.Alicloud().ExpireSessions()
	l.secret(t, "reader", map[string]string{"id": rotated.AccessKeyID, "secret": rotated.AccessKeySecret})
	l.reads(t, "as a role, with the new key", l.byKey("reader", far.Role), "far/a", planted)
	l.reads(t, "with the new key", store, "one/a", planted)
	if _, err := l.Alicloud().RAM().PutUser(user); err != nil {
		t.Fatal(err)
	}
	l.reads(t, "with a key that Alibaba Cloud has forgotten", store, "one/a", "unauthenticated: InvalidAccessKeyId.NotFound: Specified access key is not "+
		"found; check the access key in Secret alicloud-keys/reader, and the clock of the syncer's node")
}

func TestAlicloudTokenOfAServiceAccount(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-accounts")
	l.trusting(t, "own", "one/", "reader", ackAudience)
	l.account(t, "reader", "note", "none")
	store := l.byAccount("reader", "own")
	l.reads(t, "as its role", store, "one/a", planted)
	l.reads(t, "what that may not", store, "far/a", "denied: Forbidden.NoPermission")
	login := counter.Key{Operation: "AssumeRoleWithOIDC", Code: "OK"}
	l.Alicloud().ExpireSessions()
	l.reads(t, "after its session has ended", store, "one/a", planted)
	l.client.Forget(store)
	l.reads(t, "once it was forgotten", store, "one/a", planted)
	if got := l.Counters().Sum(login); got != 3 {
		t.Errorf("got %d logins, want 3", got)
	}
}

// TestAlicloudRegionOfAStore reads one name in two regions, of which the endpoint has both.
func TestAlicloudRegionOfAStore(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-regions")
	l.user(t, "reader", "one/")
	for _, region := range []string{"cn-hangzhou", "ap-southeast-1"} {
		if err := l.Alicloud().PutSecrets(region, kms.Secret{Name: "one/a", Text: "planted in " + region}); err != nil {
			t.Fatal(err)
		}
	}
	store := l.byKey("reader", "")
	for region, want := range map[string]string{
		"": planted, "cn-hangzhou": "planted in cn-hangzhou", "ap-southeast-1": "planted in ap-southeast-1",
		"us-west-1": "not_found: Forbidden.ResourceNotFound: Resource not found; check the key, the region, and the version or its stage",
	} {
		store.Location = region
		l.reads(t, "in region "+region, store, "one/a", want)
	}
}

func TestAlicloudVersionOfAStore(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-versions")
	l.user(t, "reader", "one/")
	l.put(t, kms.Secret{Name: "one/b", Text: "planted 1", VersionID: "v1"})
	l.put(t, kms.Secret{Name: "one/b", Text: "planted 2", VersionID: "v2"})
	for version, want := range map[string]string{"v1": "planted 1", "v2": "planted 2", "v3": "not_found: "} {
		source := plan.Source{Store: l.byKey("reader", ""), Read: plan.Read{Key: "one/b", VersionID: version}}
		if got := saidOf(t, l.client, source); !strings.HasPrefix(got, want) {
			t.Errorf("version %s: got %s, want %s", version, got, want)
		}
	}
}

// TestAlicloudConformsForStoresOfClusters runs the conformance suite as access keys that assume roles, and as ServiceAccounts.
func TestAlicloudConformsForStoresOfClusters(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-conforms")
	user := l.user(t, "reader", "none/")
	l.secret(t, "unknown", map[string]string{"id": otherKeyID, "secret": otherKeySecret})
	byKey, byAccount := make([]plan.Store, 3), make([]plan.Store, 3)
	for i := range byKey {
		account, prefix := fmt.Sprint("account", i), fmt.Sprintf("team%d/", i)
		byKey[i] = l.byKey("reader", l.role(t, fmt.Sprint("team", i), prefix, user.ARN).Role)
		l.trusting(t, account, prefix, account, ackAudience)
		l.account(t, account, "note", "none")
		byAccount[i] = l.byAccount(account, account)
	}
	closed := l.role(t, "closed", "team0/", "acs:ram::"+alicloud.Account+":user/other").Role
	for name, test := range map[string]struct {
		stores   []plan.Store
		login    string // the call that begins a session
		unproved func(plan.Credential) plan.Credential
		refused  plan.Store
	}{
		"access keys": {byKey, "AssumeRole", func(c plan.Credential) plan.Credential {
			c.Name = "unknown"
			return c
		}, l.byKey("reader", closed)},
		"ServiceAccounts": {byAccount, "AssumeRoleWithOIDC", func(c plan.Credential) plan.Credential {
			c.Audiences = "other.example"
			return c
		}, l.byAccount("account0", "account1")},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(t *testing.T, c alicloudkms.Config) driver.Driver {
				d, err := alicloudkms.New(c)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			h := l.harness(open, alicloudkms.Config{Credentials: l.credentials}, test.stores)
			h.Refused = map[string]plan.Store{"a role that does not trust it": test.refused}
			h.Unproved = map[string]func(*testing.T) driver.Driver{
				"with a credential that Alibaba Cloud does not accept": func(t *testing.T) driver.Driver {
					return open(t, alicloudkms.Config{Endpoint: l.url, STSEndpoint: l.url, Credentials: func(ctx context.Context, c plan.Credential) (string, error) {
						return l.credentials(ctx, test.unproved(c))
					}})
				},
			}
			h.Logins = func(*testing.T) int { return l.Counters().Sum(counter.Key{Operation: test.login, Code: "OK"}) }
			h.Credentials = []string{user.AccessKeyID, user.AccessKeySecret, otherKeyID, otherKeySecret, "STS."}
			backendtest.Run(t, h)
		})
	}
}

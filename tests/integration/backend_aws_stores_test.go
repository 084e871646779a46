package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	roleAnnotation = "eks.amazonaws.com/role-arn"
	arnOfRole      = "arn:aws:iam::123456789012:role/"
)

// awsStores is an AWS that knows the lab's cluster, and no access key of the syncer's.
type awsStores struct {
	*awsLab
	*storesCluster
	client *backend.Client
}

func newAWSStores(t *testing.T, namespace string) *awsStores {
	t.Helper()
	l := &awsStores{awsLab: startAWS(t), storesCluster: newStoresCluster(t, namespace)}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	err := l.AWS().IAM().PutProvider(iam.Provider{Issuer: l.issuer, Keys: l.keys, Audiences: []string{awserror.DefaultAudience, "team.example"}})
	if err != nil {
		t.Fatal(err)
	}
	l.client = awsClient(l.driver(t, l.url, awssession.Config{Credentials: l.credentials}))
	for _, name := range []string{"one/a", "two/a", "far/a"} {
		l.put(t, secretsmanager.Secret{Name: name, String: planted})
	}
	return l
}

// user adds an IAM user who may read what is below a prefix, and writes its access key into a Secret.
func (l *awsStores) user(t *testing.T, name, prefix string) iam.User {
	t.Helper()
	user, err := l.AWS().IAM().PutUser(iam.User{ARN: "arn:aws:iam::123456789012:user/" + name, Permissions: reader(prefix)})
	if err != nil {
		t.Fatal(err)
	}
	l.secret(t, name, map[string]string{"id": user.AccessKeyID + "\n", "secret": user.SecretAccessKey + "\n"})
	return user
}

// trusting adds a role that may read what is below a prefix, and takes the token of a ServiceAccount for an audience.
func (l *awsStores) trusting(t *testing.T, name, prefix, account, audience string) {
	t.Helper()
	err := l.AWS().IAM().PutRole(iam.Role{
		ARN: arnOfRole + name, Permissions: reader(prefix),
		WebIdentity: []iam.WebIdentity{{Issuer: l.issuer, Subjects: []string{l.subject(account)}, Audiences: []string{audience}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// byKey is a Store with the access key of a Secret, byAccount one with the token of a ServiceAccount.
func (l *awsStores) byKey(secret, role string) plan.Store {
	s := awsStore(role)
	s.Credential, s.Login.Identifier = l.inSecret(secret, "secret"), l.inSecret(secret, "id")
	return s
}

func (l *awsStores) byAccount(account, own, role string) plan.Store {
	s := awsStore(role)
	s.Credential, s.Login.RoleFrom, s.Login.Account = l.tokenOf(account), l.annotationOf(account, roleAnnotation), arnOfRole+own
	return s
}

func (l *awsStores) reads(t *testing.T, when string, store plan.Store, key, want string) {
	t.Helper()
	got := saidOf(t, l.client, plan.Source{Store: store, Read: awsRead(key)})
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s\nwant %s…", when, got, want)
	}
}

// TestAWSKeyOfASecret reads as an access key that a Secret holds, as it is and by roles, and goes on when it is rotated, without a watch.
func TestAWSKeyOfASecret(t *testing.T) {
	l := newAWSStores(t, "aws-keys")
	store := l.byKey("reader", "")
	l.reads(t, "before there is a Secret", store, "one/a",
		"unauthenticated: no session: Secret aws-keys/reader does not exist; create it, or correct its name in the store")
	user := l.user(t, "reader", "one/")
	l.reads(t, "with the Secret", store, "one/a", planted)
	l.reads(t, "what the key may not", store, "far/a", "denied: AccessDeniedException: User: "+user.ARN)

	l.role(t, "hop", "hop/", user.ARN)
	far := l.role(t, "far", "far/", arnOfRole+"hop")
	chained := l.byKey("reader", far.Role)
	chained.Login.Chain = arnOfRole + "hop"
	l.reads(t, "by a role to another", chained, "far/a", planted)
	l.reads(t, "without the role between", l.byKey("reader", far.Role), "far/a", "denied: no session of "+far.Role+": AccessDenied: User: "+user.ARN+
		" is not authorized to perform: sts:AssumeRole on resource: "+far.Role+"; let the credential in Secret aws-keys/reader assume "+far.Role+
		": sts:AssumeRole in the trust policy of the latter, and in the policy of the former")

	// A rotation: AWS forgets the old key, and the Secret has the new one.
	rotate := func() iam.User {
		user.AccessKeyID, user.SecretAccessKey = "", ""
		rotated, err := l.AWS().IAM().PutUser(user)
		if err != nil {
			t.Fatal(err)
		}
		l.AWS().ExpireSessions()
		return rotated
	}
	user = rotate()
	l.secret(t, "reader", map[string]string{"id": user.AccessKeyID, "secret": user.SecretAccessKey})
	l.reads(t, "by roles, with the new key", chained, "far/a", planted)
	l.reads(t, "with the new key", store, "one/a", planted)
	rotate()
	l.reads(t, "with a key that AWS has forgotten", store, "one/a", "unauthenticated: UnrecognizedClientException: The security token included in the "+
		"request is invalid; check the access key in Secret aws-keys/reader: its id, its secret and, if it is temporary, its session token")
}

// TestAWSTemporaryKeyOfASecret has all three parts of it. Without the last it is of no use.
func TestAWSTemporaryKeyOfASecret(t *testing.T) {
	l := newAWSStores(t, "aws-sessions")
	l.role(t, "one", "one/", "arn:aws:iam::123456789012:user/any")
	begun, err := l.AWS().IAM().StartSession(arnOfRole+"one", iam.Session{Name: "people", Expiration: time.Now().Add(time.Hour)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.secret(t, "reader", map[string]string{"id": begun.AccessKeyID, "secret": begun.SecretAccessKey, "session": begun.SessionToken})
	store := l.byKey("reader", "")
	l.reads(t, "without the session token", store, "one/a", "unauthenticated: UnrecognizedClientException: ")
	store.Login.Session = l.inSecret("reader", "session")
	l.reads(t, "with it", store, "one/a", planted)
}

// TestAWSTokenOfAServiceAccount begins the session of a role by the token of a ServiceAccount, as IRSA lets pods do.
func TestAWSTokenOfAServiceAccount(t *testing.T) {
	l := newAWSStores(t, "aws-accounts")
	l.trusting(t, "own", "one/", "reader", awserror.DefaultAudience)
	far := l.role(t, "far", "far/", arnOfRole+"own")
	l.account(t, "reader", roleAnnotation, arnOfRole+"own")
	l.reads(t, "as its own role", l.byAccount("reader", "own", ""), "one/a", planted)
	l.reads(t, "as the store's, which its own assumes", l.byAccount("reader", "own", far.Role), "far/a", planted)
	l.reads(t, "no more than that may", l.byAccount("reader", "own", far.Role), "one/a", "denied: AccessDeniedException: ")

	bare := awsStore(arnOfRole + "own")
	bare.Credential = l.tokenOf("reader")
	l.reads(t, "of a store that has no other role", bare, "one/a", planted)

	session := counter.Key{Operation: "AssumeRoleWithWebIdentity", Code: "OK"}
	before := l.Counters().Sum(session)
	l.AWS().ExpireSessions()
	l.reads(t, "after all sessions have ended", l.byAccount("reader", "own", far.Role), "far/a", planted)
	if got := l.Counters().Sum(session) - before; got != 1 {
		t.Errorf("got %d web identities, want 1", got)
	}
	l.client.Forget(l.byAccount("reader", "own", far.Role))
	l.reads(t, "once it was forgotten", l.byAccount("reader", "own", far.Role), "far/a", planted)
	if got := l.Counters().Sum(session) - before; got != 2 {
		t.Errorf("got %d web identities, want 2", got)
	}
}

// TestAWSOptionsOfTheLastRole assumes a role that demands an external id and a tag, after one that knows of neither. The tag that is handed on
// reaches no session but the last, as there is none after it.
func TestAWSOptionsOfTheLastRole(t *testing.T) {
	l := newAWSStores(t, "aws-options")
	user := l.user(t, "reader", "none/")
	l.role(t, "hop", "none/", user.ARN)
	err := l.AWS().IAM().PutRole(iam.Role{
		ARN: arnOfRole + "last", Trust: []string{arnOfRole + "hop"}, Tagging: true, ExternalID: "shop-7", RequestTags: map[string]string{"team": "core"},
		Permissions: permission.Set{{
			Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:*:*:secret:one/*"},
			Tags: map[string]string{"team": "core", awserror.TagNamespace: "core"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	good := l.byKey("reader", arnOfRole+"last")
	good.Login.Chain, good.Login.ExternalID, good.Tenant = arnOfRole+"hop", "shop-7", plan.Tenant{Namespace: "core"}
	good.Login.Tags, good.Login.Transitive = plan.ListOf("team=core", "note=a=b"), "team"
	l.reads(t, "with all of it", good, "one/a", planted)
	const refused = "denied: no session of " + arnOfRole + "last: AccessDenied: "
	for name, change := range map[string]func(*plan.Store){
		"another external id": func(s *plan.Store) { s.Login.ExternalID = "shop-8" },
		"no external id":      func(s *plan.Store) { s.Login.ExternalID = "" },
		"another tag":         func(s *plan.Store) { s.Login.Tags, s.Login.Transitive = "team=shop", "" },
	} {
		store := good
		change(&store)
		l.reads(t, name, store, "one/a", refused)
	}
	other := good
	other.Tenant.Namespace = "shop"
	l.reads(t, "another tenant", other, "one/a", "denied: AccessDeniedException: ")
	last := good
	last.Login.ExternalID = "shop-8"
	got := saidOf(t, l.client, plan.Source{Store: last, Read: awsRead("one/a")})
	if want := "sts:AssumeRole and sts:TagSession in the trust policy of the latter, which must accept the store's external id and its session tags and " +
		"secretgate:namespace=core, and in the policy of the former"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s\nwant …%s", got, want)
	}
}

// TestAWSStoresOfParameterStore log in alike.
func TestAWSStoresOfParameterStore(t *testing.T) {
	l := newAWSStores(t, "aws-parameters")
	l.putParameters(t, ssm.Parameter{Name: "/one/a", Value: "planted 1", Labels: []string{"blue"}}, ssm.Parameter{Name: "/one/a", Value: "planted 2"})
	l.trusting(t, "own", "none/", "reader", awserror.DefaultAudience)
	l.account(t, "reader", roleAnnotation, arnOfRole+"own")
	reader := l.ssmRole(t, "reads-one", "/one", []string{arnOfRole + "own"}, "ssm:GetParameter", "ssm:GetParameters")
	client := awsClient(l.ssmDriver(t, l.url, awssession.Config{Credentials: l.credentials}))
	store := l.byAccount("reader", "own", reader.Role)
	store.Backend = backends.AWSParameterStore
	for version, want := range map[string]string{"": "planted 2", "1": "planted 1", "2": "planted 2", "blue": "planted 1", "3": "not_found: "} {
		read := plan.Read{Key: "/one/a", Version: version}
		if got := saidOf(t, client, plan.Source{Store: store, Read: read}); !strings.HasPrefix(got, want) {
			t.Errorf("version %q: got %s, want %s", version, got, want)
		}
	}
	reads := []plan.Read{{Key: "/one/a"}, {Key: "/one/a", Version: "1"}, {Key: "/one/a", Version: "blue"}, {Key: "/one/a:2"}, {Key: "/one/a", Version: "9"}}
	outcomes, err := client.GetBatch(t.Context(), store, reads)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"planted 2", "planted 1", "planted 1", "planted 2", "not_found"}, told(outcomes)); diff != "" {
		t.Errorf("as a batch (-want +got):\n%s", diff)
	}
}

// TestAWSConformsForStoresOfClusters runs the conformance suite as access keys that assume roles, and as ServiceAccounts.
func TestAWSConformsForStoresOfClusters(t *testing.T) {
	l := newAWSStores(t, "aws-conforms")
	user := l.user(t, "reader", "none/")
	l.secret(t, "unknown", map[string]string{"id": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	byKey, byAccount := make([]plan.Store, 3), make([]plan.Store, 3)
	for i := range byKey {
		account, prefix := fmt.Sprint("account", i), fmt.Sprintf("team%d/", i)
		byKey[i] = l.byKey("reader", l.role(t, fmt.Sprint("team", i), prefix, user.ARN).Role)
		l.trusting(t, account, prefix, account, awserror.DefaultAudience)
		l.account(t, account, roleAnnotation, arnOfRole+account)
		byAccount[i] = l.byAccount(account, account, "")
	}
	as := func(change func(plan.Credential) plan.Credential) func(*testing.T, string) driver.Driver {
		return func(t *testing.T, url string) driver.Driver {
			return l.driver(t, url, awssession.Config{Credentials: func(ctx context.Context, c plan.Credential) (string, error) {
				return l.credentials(ctx, change(c))
			}})
		}
	}
	itself := as(func(c plan.Credential) plan.Credential { return c })
	for name, test := range map[string]struct {
		stores   []plan.Store
		login    string // the call that begins a session
		unproved func(plan.Credential) plan.Credential
		refused  plan.Store
	}{
		"access keys": {byKey, "AssumeRole", func(c plan.Credential) plan.Credential {
			c.Name = "unknown"
			return c
		}, l.byKey("reader", l.role(t, "closed", "team0/", arnOfRole+"other").Role)},
		"ServiceAccounts": {byAccount, "AssumeRoleWithWebIdentity", func(c plan.Credential) plan.Credential {
			if c.Kind == plan.AccountCredential {
				c.Audiences = "other.example"
			}
			return c
		}, l.byAccount("account0", "account0", arnOfRole+"closed")},
	} {
		t.Run(name, func(t *testing.T) {
			h := l.harness(itself, test.stores)
			h.Refused = map[string]plan.Store{"a role that does not trust it": test.refused}
			unproved := as(test.unproved)
			h.Unproved = map[string]func(*testing.T) driver.Driver{
				"with a credential that AWS does not accept": func(t *testing.T) driver.Driver { return unproved(t, l.url) },
			}
			h.Logins = func(*testing.T) int {
				return l.Counters().Sum(counter.Key{Service: "sts", Operation: test.login, Code: "OK"})
			}
			h.Credentials = []string{user.AccessKeyID, user.SecretAccessKey, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
			backendtest.Run(t, h)
		})
	}
}

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

// TestAWSStoresThatAreRefused says to the author of each what to do. What the cluster does not give never reaches AWS.
func TestAWSStoresThatAreRefused(t *testing.T) {
	l := newAWSStores(t, "aws-refused")
	l.user(t, "key", "one/")
	l.secret(t, "odd", map[string]string{"id": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret": "AKIAIOSFODNN7EXAMPLE", "empty": "\n"})
	l.trusting(t, "own", "one/", "reader", awserror.DefaultAudience)
	l.trusting(t, "other", "one/", "other", awserror.DefaultAudience)
	l.account(t, "reader", roleAnnotation, arnOfRole+"own")
	l.account(t, "changed", roleAnnotation, arnOfRole+"other")
	l.annotate(t, "unbound", roleAnnotation, arnOfRole+"own")
	l.role(t, "closed", "one/", "arn:aws:iam::123456789012:user/other")

	with := func(store plan.Store, change func(*plan.Store)) plan.Store {
		change(&store)
		return store
	}
	missingKey := with(l.byKey("key", ""), func(s *plan.Store) { s.Credential.Key = "none" })
	wrongAudience := with(l.byAccount("reader", "own", ""), func(s *plan.Store) { s.Credential.Audiences = "sts.example" })
	refusedByRole := with(l.byAccount("reader", "own", ""), func(s *plan.Store) { s.Credential.Audiences = "team.example" })
	ofAPIServer := with(l.byAccount("reader", "own", ""), func(s *plan.Store) { s.Credential.Audiences = plan.List(l.issuer) })
	unread := with(l.byAccount("unbound", "own", ""), func(s *plan.Store) { s.Login.RoleFrom = plan.Credential{} })
	const provider = "let IAM have an OpenID Connect provider for the cluster's issuer and the audience "
	for name, test := range map[string]struct {
		store plan.Store
		want  string
		asks  bool // AWS
	}{
		"a Secret that is missing": {
			l.byKey("none", ""), "unauthenticated: no session: Secret aws-refused/none does not exist; create it, or correct its name in the store", false,
		},
		"a Secret without the key": {missingKey, "unauthenticated: no session: Secret aws-refused/key has no key none; add it, or correct its name in the store", false},
		"a value that is empty": {
			with(l.byKey("odd", ""), func(s *plan.Store) { s.Login.Identifier.Key = "empty" }),
			"unauthenticated: no session: the key empty of Secret aws-refused/odd has an empty value; write the credential there", false,
		},
		"a secret in the place of an id": {l.byKey("odd", ""), "unauthenticated: no session: what the store's Secret has for the id of an access key is none: ", false},
		"an annotation that the syncer may not read": {
			l.byAccount("unbound", "own", ""), "unauthenticated: no session: the syncer may not read ServiceAccount aws-refused/unbound; bind to the syncer's " +
				"ServiceAccount, in namespace aws-refused, a Role with the rule " +
				`{apiGroups: [""], resources: [serviceaccounts], resourceNames: [unbound], verbs: [get]}`, false,
		},
		"a token that the syncer may not have": {
			unread, "unauthenticated: no session: the syncer may not request a token of ServiceAccount aws-refused/unbound; bind to the syncer's " +
				"ServiceAccount, in namespace aws-refused, a Role with the rule " +
				`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [unbound], verbs: [create]}`, false,
		},
		"a token that the API server would take": {ofAPIServer, "invalid: no session: a token for the audience " + l.issuer + " would let the backend act", false},
		"an annotation that has changed": {
			l.byAccount("changed", "own", ""), "denied: no session: the role of ServiceAccount aws-refused/changed has changed since it was judged: " +
				"it is judged again at the next attempt; see that its namespace permits the role which annotation " + roleAnnotation + " names now", false,
		},
		"an audience that IAM does not know": {
			wrongAudience, "unauthenticated: no session of " + arnOfRole + "own: InvalidIdentityToken: Incorrect token audience; " + provider + "sts.example, and " +
				"let the trust policy of " + arnOfRole + "own accept that audience and the subject system:serviceaccount:aws-refused:reader", true,
		},
		"an audience that the role does not take": {
			refusedByRole, "denied: no session of " + arnOfRole + "own: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; " + provider +
				"team.example, and let the trust policy of " + arnOfRole + "own accept that audience and the subject system:serviceaccount:aws-refused:reader", true,
		},
		"a role of another ServiceAccount": {
			with(l.byAccount("reader", "other", ""), func(s *plan.Store) { s.Login.RoleFrom = plan.Credential{} }),
			"denied: no session of " + arnOfRole + "other: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; ", true,
		},
		"a role that the ServiceAccount's may not assume": {
			l.byAccount("reader", "own", arnOfRole+"closed"), "denied: no session of " + arnOfRole + "closed: AccessDenied: User: arn:aws:sts::123456789012:" +
				"assumed-role/own/k8s-external-secrets is not authorized to perform: sts:AssumeRole on resource: " + arnOfRole + "closed; let " + arnOfRole +
				"own (by ServiceAccount aws-refused/reader) assume " + arnOfRole + "closed: sts:AssumeRole in the trust policy of the latter, " +
				"and in the policy of the former", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.Counters().Sum(counter.Key{Cloud: "aws"})
			l.reads(t, "it", test.store, "one/a", test.want)
			if asked := l.Counters().Sum(counter.Key{Cloud: "aws"}) > before; asked != test.asks {
				t.Errorf("AWS was asked: got %t, want %t", asked, test.asks)
			}
		})
	}
}

// TestAWSStoresDoNotShareSessions attacks: a store names the role of another team's, and hopes for its session. Two ServiceAccounts, two keys,
// and the syncer itself read as one role, which takes one of them alone.
func TestAWSStoresDoNotShareSessions(t *testing.T) {
	l := newAWSStores(t, "aws-attack")
	user := l.user(t, "victim", "none/")
	l.user(t, "attacker", "none/")
	for _, account := range []string{"victim", "attacker"} {
		l.trusting(t, account, "none/", account, awserror.DefaultAudience)
		l.account(t, account, roleAnnotation, arnOfRole+account)
	}
	shared := l.role(t, "shared", "one/", user.ARN, arnOfRole+"victim").Role
	victims := []plan.Store{l.byKey("victim", shared), l.byAccount("victim", "victim", shared)}
	attackers := []plan.Store{l.byKey("attacker", shared), l.byAccount("attacker", "attacker", shared), awsStore(shared)}
	for range 2 { // with and without sessions in the cache
		for _, store := range victims {
			l.reads(t, "the victim", store, "one/a", planted)
		}
		for _, store := range attackers {
			if got := saidOf(t, l.client, plan.Source{Store: store, Read: awsRead("one/a")}); strings.Contains(got, "planted") {
				t.Errorf("%+v reads what is the victim's", store.Credential)
			}
		}
	}
	got := map[string]int{}
	for _, c := range l.Counters().All() {
		if c.Operation == "GetSecretValue" {
			got[c.Identity+" "+c.Code] += c.Count
		}
	}
	want := map[string]int{"arn:aws:sts::123456789012:assumed-role/shared/k8s-external-secrets OK": 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads that AWS saw (-want +got):\n%s", diff)
	}
	if n := l.Counters().Sum(counter.Key{Operation: "AssumeRole", Code: "OK"}); n != len(victims) {
		t.Errorf("the role was assumed %d times, want once by each of the %d that may", n, len(victims))
	}
}

package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

func TestAlicloudStoresThatAreRefused(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-refused")
	l.user(t, "key", "one/")
	l.secret(t, "odd", map[string]string{"id": "3WSDDuQ0m3Rnwq7+ExampleKey/y1", "secret": "LTAI4FoLmvQ9urWXgSRpDvh1"})
	l.trusting(t, "own", "one/", "reader", ackAudience)
	l.account(t, "reader", "role", ramRole+"another")
	l.annotate(t, "unbound", "note", "none")
	closed := l.role(t, "closed", "one/", "acs:ram::"+alicloud.Account+":user/other")
	with := func(store plan.Store, change func(*plan.Store)) plan.Store {
		change(&store)
		return store
	}
	subject := " and the subject system:serviceaccount:alicloud-refused:reader"
	for name, test := range map[string]struct {
		store plan.Store
		want  string
		asks  bool // Alibaba Cloud
	}{
		"a Secret that is missing": {l.byKey("none", ""), "unauthenticated: no session: Secret alicloud-refused/none does not exist; ", false},
		"a Secret without the key": {
			with(l.byKey("key", ""), func(s *plan.Store) { s.Credential.Key = "none" }),
			"unauthenticated: no session: Secret alicloud-refused/key has no key none; add it, or correct its name in the store", false,
		},
		"a secret in the place of an id": {l.byKey("odd", ""), "unauthenticated: no session: what the store's Secret has for the id of an access key is none: ", false},
		"a token that the syncer may not have": {
			l.byAccount("unbound", "own"), "unauthenticated: no session: the syncer may not request a token of ServiceAccount alicloud-refused/unbound; bind to " +
				"the syncer's ServiceAccount, in namespace alicloud-refused, a Role with the rule " +
				`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [unbound], verbs: [create]}`, false,
		},
		"a token that the API server would take": {
			with(l.byAccount("reader", "own"), func(s *plan.Store) { s.Credential.Audiences = plan.List(l.issuer) }),
			"invalid: no session: a token for the audience " + l.issuer + " would let the backend act", false,
		},
		"an annotation that has changed": {
			with(l.byAccount("reader", "own"), func(s *plan.Store) { s.Login.RoleFrom = l.annotationOf("reader", "role") }),
			"denied: no session: the role of ServiceAccount alicloud-refused/reader has changed since it was judged: ", false,
		},
		"an audience that RAM does not know": {
			with(l.byAccount("reader", "own"), func(s *plan.Store) { s.Credential.Audiences = "other.example" }),
			"unauthenticated: no session of " + ramRole + "own: AuthenticationFail.OIDCToken.", true,
		},
		"an audience that the role does not take": {
			with(l.byAccount("reader", "own"), func(s *plan.Store) { s.Credential.Audiences = "team.example" }),
			"denied: no session of " + ramRole + "own: AuthenticationFail.NoPermission: There is no permission; let the trust policy of " +
				ramRole + "own accept the provider " + ackProvider + ", the audience team.example" + subject, true,
		},
		"a role that the key may not assume": {
			l.byKey("key", closed.Role), "denied: no session of " + closed.Role + ": NoPermission: You are not authorized to do this action. You should be " +
				"authorized by RAM; let the credential in Secret alicloud-refused/key assume " + closed.Role +
				": in the trust policy of the latter, and with sts:AssumeRole in the policy of the former's RAM user", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.Counters().Sum(counter.Key{Cloud: alicloud.Name})
			l.reads(t, "it", test.store, "one/a", test.want)
			if asked := l.Counters().Sum(counter.Key{Cloud: alicloud.Name}) > before; asked != test.asks {
				t.Errorf("Alibaba Cloud was asked: got %t, want %t", asked, test.asks)
			}
		})
	}
}

// TestAlicloudStoresDoNotShareSessions attacks: a store names the role of another team's, and hopes for its session.
func TestAlicloudStoresDoNotShareSessions(t *testing.T) {
	l := newAlicloudStores(t, "alicloud-attack")
	user := l.user(t, "victim", "none/")
	l.user(t, "attacker", "none/")
	for _, account := range []string{"victim", "attacker"} {
		l.account(t, account, "note", "none")
	}
	l.trusting(t, "pods", "one/", "victim", ackAudience)
	keys := l.role(t, "keys", "one/", user.ARN).Role
	itself := alicloudStore(keys)
	for range 2 { // with and without sessions in the cache
		for _, victim := range []plan.Store{l.byKey("victim", keys), l.byAccount("victim", "pods")} {
			l.reads(t, "the victim", victim, "one/a", planted)
		}
		for _, attacker := range []plan.Store{l.byKey("attacker", keys), l.byAccount("attacker", "pods"), itself} {
			if got := saidOf(t, l.client, plan.Source{Store: attacker, Read: alicloudRead("one/a")}); strings.Contains(got, "planted") {
				t.Errorf("%+v reads what is the victim's", attacker.Credential)
			}
		}
	}
	got := map[string]int{}
	for _, c := range l.Counters().All() {
		if c.Operation == "GetSecretValue" {
			got[c.Identity+" "+c.Code] += c.Count
		}
	}
	session := "acs:ram::" + alicloud.Account + ":assumed-role/%s/k8s-external-secrets OK"
	if diff := cmp.Diff(map[string]int{fmt.Sprintf(session, "keys"): 2, fmt.Sprintf(session, "pods"): 2}, got); diff != "" {
		t.Errorf("reads that Alibaba Cloud saw (-want +got):\n%s", diff)
	}
}

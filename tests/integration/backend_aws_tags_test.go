package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const teams, hop = "arn:aws:iam::123456789012:role/teams", "arn:aws:iam::123456789012:role/hop"

// tenants adds a role that reads for each namespace what is below its name, and that some trust.
func (l *awsLab) tenants(t *testing.T, tagging bool, trust ...string) {
	t.Helper()
	err := l.AWS().IAM().PutRole(iam.Role{ARN: teams, Trust: trust, Tagging: tagging, Permissions: permission.Set{
		{Actions: []string{"secretsmanager:BatchGetSecretValue"}, Resources: []string{"*"}},
		{
			Actions:   []string{"secretsmanager:GetSecretValue"},
			Resources: []string{"arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/" + awserror.TagNamespace + "}/*"},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func storeOf(role string, of plan.Tenant) plan.Store {
	s := awsStore(role)
	s.Tenant = of
	return s
}

// IAM itself refuses one namespace what is another's, though both read as one role.
func TestAWSRefusesANamespaceWhatIsAnothers(t *testing.T) {
	l := startAWS(t)
	for _, name := range []string{"core/a", "core/b", "shop/a"} {
		l.put(t, secretsmanager.Secret{Name: name, String: "planted"})
	}
	l.tenants(t, true, aws.LabUserARN, hop)
	err := l.AWS().IAM().PutRole(iam.Role{ARN: hop, Trust: []string{aws.LabUserARN}, Tagging: true, Permissions: permission.Set{
		{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"*"}, Tags: map[string]string{awserror.TagNamespace: "shop"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	core, shop := plan.Tenant{Namespace: "core"}, plan.Tenant{Namespace: "shop"}
	direct := l.driver(t, l.url, awssession.Config{})
	hops := l.driver(t, l.url, awssession.Config{IntermediateRoleARN: hop})
	read := func(d driver.Driver, role string, of plan.Tenant, key string) string {
		_, err := d.Get(t.Context(), storeOf(role, of), awsRead(key))
		if err != nil {
			return d.Classify(err).String()
		}
		return "ok"
	}
	got := map[string]string{
		"a namespace reads what is its own":               read(direct, teams, core, "core/a"),
		"and not what is another's":                       read(direct, teams, core, "shop/a"),
		"another one does":                                read(direct, teams, shop, "shop/a"),
		"untagged, the role reads nothing":                read(direct, teams, plan.Tenant{}, "core/a"),
		"the syncer's own identity reads for none":        read(direct, "", core, "core/a"),
		"by an intermediate role it is the same":          read(hops, teams, core, "core/a"),
		"and so is the refusal":                           read(hops, teams, core, "shop/a"),
		"the intermediate role is tagged where it reads":  read(hops, "", shop, "core/a"),
		"and refused where its policy names another team": read(hops, "", core, "core/a"),
	}
	want := map[string]string{
		"a namespace reads what is its own":               "ok",
		"and not what is another's":                       "denied",
		"another one does":                                "ok",
		"untagged, the role reads nothing":                "denied",
		"the syncer's own identity reads for none":        "invalid",
		"by an intermediate role it is the same":          "ok",
		"and so is the refusal":                           "denied",
		"the intermediate role is tagged where it reads":  "ok",
		"and refused where its policy names another team": "denied",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}

// A session is one namespace's, and all of its objects share it; with the object's name, each has its own.
func TestAWSSessionsOfTenants(t *testing.T) {
	l := startAWS(t)
	for _, name := range []string{"core/a", "shop/a"} {
		l.put(t, secretsmanager.Secret{Name: name, String: "planted"})
	}
	l.tenants(t, true, aws.LabUserARN, hop)
	if err := l.AWS().IAM().PutRole(iam.Role{ARN: hop, Trust: []string{aws.LabUserARN}}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config  awssession.Config
		tenants []plan.Tenant
		want    int // calls of AssumeRole
	}{
		"a namespace has one for all reads":            {awssession.Config{}, []plan.Tenant{{Namespace: "core"}, {Namespace: "core"}}, 1},
		"two namespaces have two":                      {awssession.Config{}, []plan.Tenant{{Namespace: "core"}, {Namespace: "shop"}}, 2},
		"two objects of one, told apart, have two":     {awssession.Config{}, []plan.Tenant{{Namespace: "core", Name: "a"}, {Namespace: "core", Name: "b"}}, 2},
		"the intermediate role has one more, for both": {awssession.Config{IntermediateRoleARN: hop}, []plan.Tenant{{Namespace: "core"}, {Namespace: "shop"}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			assumed := counter.Key{Service: "sts", Operation: "AssumeRole"}
			before := l.Counters().Sum(assumed)
			d := l.driver(t, l.url, test.config)
			for _, tenant := range test.tenants {
				if _, err := d.Get(t.Context(), storeOf(teams, tenant), awsRead(tenant.Namespace+"/a")); err != nil {
					t.Fatal(err)
				}
			}
			if got := l.Counters().Sum(assumed) - before; got != test.want {
				t.Errorf("got %d calls of AssumeRole, want %d", got, test.want)
			}
		})
	}
}

func TestAWSSaysThatASessionMayNotBeTagged(t *testing.T) {
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "core/a", String: "planted"})
	l.tenants(t, false, aws.LabUserARN)
	d := l.driver(t, l.url, awssession.Config{})
	of := plan.Source{Store: storeOf(teams, plan.Tenant{Namespace: "core"}), Read: awsRead("core/a")}
	_, err := d.Get(t.Context(), of.Store, of.Read)
	const want = "let the syncer's identity tag the session, as its --aws-session-tags demands: " +
		"sts:TagSession beside sts:AssumeRole in the role's trust policy, and in the identity's own"
	if got := d.Hint(err, of); err == nil || got != want {
		t.Errorf("%v: got %q, want %q", err, got, want)
	}
}

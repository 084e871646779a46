package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// found are the names that a walk finds, in order, or what its error says.
func found(t *testing.T, client *backend.Client, source plan.Source) []string {
	t.Helper()
	values, err := client.Get(t.Context(), source)
	if failed, ok := errors.AsType[*backend.Error](err); ok {
		return []string{failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()}
	}
	var names []string
	for _, v := range values {
		if string(v.Data) != "planted "+v.Name {
			t.Errorf("the value of %s is another's", v.Name)
		}
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

func (l *awsLab) tagged(t *testing.T, name string, tags map[string]string) {
	t.Helper()
	l.put(t, secretsmanager.Secret{Name: name, String: "planted " + name, Tags: tags})
	l.putParameters(t, ssm.Parameter{Name: "/" + name, Value: "planted /" + name, Tags: tags})
}

// TestAWSFinds reads by prefixes and tags. No value is read of a secret that is not meant, whatever AWS's filters let through.
func TestAWSFinds(t *testing.T) {
	l := startAWS(t)
	core := map[string]string{"team": "core", "stage": "prod"}
	l.tagged(t, "prod/db", core)
	l.tagged(t, "prod/deeper/db", core)
	l.tagged(t, "prod/web", map[string]string{"team": "web", "stage": "core"}) // the key and the value of a pair, apart
	l.tagged(t, "prod/teams", map[string]string{"team": "core2", "teams": "core"})
	l.tagged(t, "Prod/db", core)
	l.tagged(t, "production/db", core)
	l.tagged(t, "odd/tag", map[string]string{"!no": "!yes", "größe": "groß", "empty": ""})
	l.put(t, secretsmanager.Secret{Name: "!odd/name", String: "planted !odd/name"})
	sm, parameters := awsClient(l.driver(t, l.url, awssession.Config{})), awsClient(l.ssmDriver(t, l.url, awssession.Config{}))
	for name, test := range map[string]struct {
		key, tags string
		want      []string // in Secrets Manager
		below     []string // of these, those below the path in Parameter Store, where that is not all
	}{
		"all below a prefix":                {"prod/", "", []string{"prod/db", "prod/deeper/db", "prod/teams", "prod/web"}, nil},
		"a prefix that is half a name":      {"prod", "", []string{"prod/db", "prod/deeper/db", "prod/teams", "prod/web", "production/db"}, []string{"prod/db", "prod/deeper/db", "prod/teams", "prod/web"}},
		"a tag":                             {"prod/", "team=core", []string{"prod/db", "prod/deeper/db"}, nil},
		"all of several tags":               {"", "stage=prod\nteam=core", []string{"Prod/db", "prod/db", "prod/deeper/db", "production/db"}, nil},
		"a tag that begins as a negation":   {"", "!no=!yes", []string{"odd/tag"}, nil},
		"a tag that no filter can look for": {"", "größe=groß", []string{"odd/tag"}, nil},
		"a tag without a value":             {"", "empty=", []string{"odd/tag"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.Counters().Sum(counter.Key{Service: "secretsmanager", Operation: "BatchGetSecretValue"})
			read := plan.Read{Key: test.key, Path: true, Recursive: true, Tags: plan.List(test.tags)}
			if diff := cmp.Diff(test.want, found(t, sm, plan.Source{Store: awsStore(""), Read: read})); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
			if got := l.Counters().Sum(counter.Key{Service: "secretsmanager", Operation: "BatchGetSecretValue"}) - before; got != 1 {
				t.Errorf("got %d batches, want 1", got)
			}
			var want []string
			for _, name := range test.want {
				if test.below == nil || slices.Contains(test.below, name) {
					want = append(want, "/"+name)
				}
			}
			if read.Key != "" {
				read.Key = "/" + strings.TrimSuffix(read.Key, "/")
			}
			if diff := cmp.Diff(want, found(t, parameters, plan.Source{Store: ssmStore(""), Read: read})); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"!odd/name"}, found(t, sm, plan.Source{Store: awsStore(""), Read: plan.Read{Key: "!odd", Path: true, Recursive: true}})); diff != "" {
		t.Errorf("a prefix that begins as a negation (-want +got):\n%s", diff)
	}
}

// TestAWSFindsMany reads as many secrets as it may, page by page and batch by batch, and not one more.
func TestAWSFindsMany(t *testing.T) {
	l := startAWS(t)
	secrets, all := make([]secretsmanager.Secret, 1000), make([]ssm.Parameter, 1000)
	tags := map[string]string{"team": "core"}
	for i := range secrets {
		name := fmt.Sprintf("many/%04d", i)
		secrets[i] = secretsmanager.Secret{Name: name, String: "planted " + name, Tags: tags}
		all[i] = ssm.Parameter{Name: "/" + name, Value: "planted /" + name, Tags: tags}
	}
	if err := l.AWS().PutSecrets(awsRegion, secrets...); err != nil {
		t.Fatal(err)
	}
	l.putParameters(t, all...)
	sm, parameters := awsClient(l.driver(t, l.url, awssession.Config{})), awsClient(l.ssmDriver(t, l.url, awssession.Config{}))
	secret := plan.Source{Store: awsStore(""), Read: plan.Read{Key: "many/", Path: true, Recursive: true}}
	parameter := plan.Source{Store: ssmStore(""), Read: plan.Read{Key: "/many", Path: true, Recursive: true, Tags: "team=core"}}
	if got := len(found(t, sm, secret)); got != 1000 {
		t.Errorf("got %d secrets, want 1,000", got)
	}
	if got := len(found(t, parameters, parameter)); got != 1000 {
		t.Errorf("got %d parameters, want 1,000", got)
	}
	l.tagged(t, "many/more", tags)
	want := []string{"invalid: more than 1,000 secrets are found; narrow it: name a longer path, or more tags"}
	if diff := cmp.Diff(want, found(t, sm, secret)); diff != "" {
		t.Errorf("one more secret (-want +got):\n%s", diff)
	}
	want = []string{"invalid: more than 1,000 parameters are found; narrow it: name a longer path, or more tags"}
	if diff := cmp.Diff(want, found(t, parameters, parameter)); diff != "" {
		t.Errorf("one more parameter (-want +got):\n%s", diff)
	}
}

func TestAWSSaysWhyNothingIsFound(t *testing.T) {
	l := startAWS(t)
	l.tagged(t, "prod/db", map[string]string{"team": "core"})
	l.tagged(t, "prod/web", map[string]string{"team": "web"})
	listing := permission.Allow{Actions: []string{"secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue", "ssm:DescribeParameters"}, Resources: []string{"*"}}
	role := func(name string, may ...permission.Allow) plan.Store { return l.roleOf(t, name, may, aws.LabUserARN) }
	lists, readsOne := role("lists", listing), role("reads-one", listing, readSecrets("prod/db"))
	none := role("none")
	walk := plan.Read{Key: "prod/", Path: true, Recursive: true}
	below := plan.Read{Key: "/prod", Path: true, Recursive: true, Tags: "team=core"}
	const to = "allow secretsmanager:ListSecrets and secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret that is found, " +
		"and kms:Decrypt on its key, to " + arnOfRole
	for name, test := range map[string]struct {
		source plan.Source
		want   string // what it begins with and, after …, ends with
	}{
		"a prefix with a typo": {
			plan.Source{Store: awsStore(""), Read: plan.Read{Key: "prd/", Path: true, Recursive: true}},
			"not_found: no secret's name begins with prd/; check the path, the tags and the region; case counts",
		},
		"a tag that none has": {
			plan.Source{Store: awsStore(""), Read: plan.Read{Key: "prod/", Path: true, Recursive: true, Tags: "team=shop"}},
			"not_found: no secret's name begins with prod/, with these tags; check the path, the tags and the region; case counts",
		},
		"a parameter's tag that none has": {
			plan.Source{Store: ssmStore(""), Read: plan.Read{Path: true, Recursive: true, Tags: "team=shop"}},
			"not_found: no parameter below / has these tags; check the path, the tags and the region",
		},
		"a role that may not list":            {plan.Source{Store: none, Read: walk}, "denied: AccessDeniedException: …" + to + "none"},
		"a role that may read none":           {plan.Source{Store: lists, Read: walk}, "denied: AccessDeniedException: prod/db: User: …" + to + "lists"},
		"a role that may not read all":        {plan.Source{Store: readsOne, Read: walk}, "denied: AccessDeniedException: prod/web: User: …" + to + "reads-one"},
		"a role that may not list parameters": {plan.Source{Store: ssmStore(none.Role), Read: below}, "denied: AccessDeniedException: …allow ssm:DescribeParameters on *, " + "ssm:GetParameters on each parameter that is found, and kms:Decrypt on its key, to " + none.Role},
	} {
		t.Run(name, func(t *testing.T) {
			client := awsClient(l.driver(t, l.url, awssession.Config{}))
			if test.source.Backend == ssmStore("").Backend {
				client = awsClient(l.ssmDriver(t, l.url, awssession.Config{}))
			}
			got := found(t, client, test.source)[0]
			begin, end, _ := strings.Cut(test.want, "…")
			if !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
	t.Run("a batch that fails fails the walk: a Secret must not lose entries to an outage", func(t *testing.T) {
		if _, err := l.Faults().Add(fault.Fault{
			Kind: fault.Error, Operation: "BatchGetSecretValue", Code: "InternalServiceError", Status: 500, Count: 1,
		}); err != nil {
			t.Fatal(err)
		}
		client := awsClient(l.driver(t, l.url, awssession.Config{}))
		if got := found(t, client, plan.Source{Store: awsStore(""), Read: walk}); !strings.HasPrefix(got[0], "unavailable: ") {
			t.Errorf("got %v, want it unavailable", got)
		}
	})
}

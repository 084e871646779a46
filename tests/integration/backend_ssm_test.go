package integration

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awsparameterstore"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const parameterARN = "arn:aws:ssm:" + awsRegion + ":123456789012:parameter"

// ssmDriver makes a driver that reads at a URL, with sessions of its own.
func (l *awsLab) ssmDriver(t *testing.T, url string, config awssession.Config) driver.Driver {
	t.Helper()
	config.STSEndpoint = url
	sessions, err := awssession.New(config)
	if err != nil {
		t.Fatal(err)
	}
	d, err := awsparameterstore.New(awsparameterstore.Config{Sessions: sessions, Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (l *awsLab) putParameters(t *testing.T, parameters ...ssm.Parameter) {
	t.Helper()
	if err := l.AWS().PutParameters(awsRegion, parameters...); err != nil {
		t.Fatal(err)
	}
}

// ssmRole adds a role that may do some actions on what is below a path, and is trusted by some.
func (l *awsLab) ssmRole(t *testing.T, name, path string, trust []string, actions ...string) plan.Store {
	t.Helper()
	allow := permission.Allow{Actions: actions, Resources: []string{parameterARN + path, parameterARN + path + "/*"}}
	store := l.roleOf(t, name, permission.Set{allow}, trust...)
	store.Backend = backends.AWSParameterStore
	return store
}

func ssmStore(role string) plan.Store {
	store := awsStore(role)
	store.Backend = backends.AWSParameterStore
	return store
}

func ssmPath(path string, recursive bool) plan.Read {
	return plan.Read{Key: path, Path: true, Recursive: recursive}
}

func TestAWSParameterStoreConforms(t *testing.T) {
	l := startAWS(t)
	trust := []string{aws.LabUserARN}
	reads := []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"}
	stores := make([]plan.Store, 3)
	for i := range stores {
		stores[i] = l.ssmRole(t, fmt.Sprint("team", i), fmt.Sprint("/team", i), trust, reads...)
	}
	oneByOne := l.ssmRole(t, "one-by-one", "/team0", trust, "ssm:GetParameter") // the policy of KES's documents
	user := l.AWS().LabUser()
	put := func(t *testing.T, key, text string) { l.putParameters(t, ssm.Parameter{Name: key, Value: text}) }
	backendtest.Run(t, backendtest.Harness{
		New: func(t *testing.T) driver.Driver { return l.ssmDriver(t, l.url, awssession.Config{}) },
		At:  func(t *testing.T, url string) driver.Driver { return l.ssmDriver(t, url, awssession.Config{}) },
		Through: func(t *testing.T, change func([]byte) []byte) driver.Driver {
			return l.ssmDriver(t, damagingPlainly(t, l.url, change), awssession.Config{})
		},
		Stores: stores,
		Key:    func(store int, name string) string { return fmt.Sprintf("/team%d/%s", store, name) },
		Read:   func(key string) plan.Read { return plan.Read{Key: key} },
		Path: func(store int, name string, recursive bool) plan.Read {
			return ssmPath(fmt.Sprintf("/team%d/%s", store, name), recursive)
		},
		NoBatch:     &oneByOne,
		LargestText: 8192,
		Put:         put, PutJSON: put,
		Delete: func(_ *testing.T, key string) { l.AWS().DeleteParameters(awsRegion, key) },
		Refused: map[string]plan.Store{
			"a role that does not trust the syncer": l.ssmRole(t, "stranger", "/team0", []string{"arn:aws:iam::123456789012:user/other"}, reads...),
			"a role that does not exist":            ssmStore("arn:aws:iam::123456789012:role/absent"),
			"a role without permissions":            l.ssmRole(t, "powerless", "/nothing", trust, reads...),
		},
		Unproved: map[string]func(*testing.T) driver.Driver{
			"with an access key that AWS does not know": func(t *testing.T) driver.Driver {
				t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
				return l.ssmDriver(t, l.url, awssession.Config{})
			},
			"with a secret key that is not the right one": func(t *testing.T) driver.Driver {
				t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
				return l.ssmDriver(t, l.url, awssession.Config{})
			},
		},
		Faults: []backendtest.Fault{
			l.fault("an outage", fault.Fault{Kind: fault.Outage}, driver.Unavailable),
			l.fault("connections are cut", fault.Fault{Kind: fault.Cut}, driver.Unavailable),
			l.fault("garbage", fault.Fault{Kind: fault.Garbage}, driver.Unavailable),
			l.fault("little that unpacks to much", fault.Fault{Kind: fault.Flood}, driver.Unavailable),
			l.fault("throttling", fault.Fault{Kind: fault.Throttle}, driver.Throttled),
			l.fault("an error of AWS's own", fault.Fault{Kind: fault.Error, Code: "InternalServerError", Status: 500}, driver.Unavailable),
			l.fault("the KMS key is gone", fault.Fault{Kind: fault.Error, Code: "InvalidKeyId"}, driver.Denied),
		},
		Logins: func(*testing.T) int {
			return l.Counters().Sum(counter.Key{Service: "sts", Operation: "AssumeRole", Code: "OK"})
		},
		Expire:      func(*testing.T) { l.AWS().ExpireSessions() },
		Credentials: []string{user.AccessKeyID, user.SecretAccessKey, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
	})
}

// TestAWSParameters reads each form of name alone, and all of them as one batch.
func TestAWSParameters(t *testing.T) {
	l := startAWS(t)
	l.putParameters(t,
		ssm.Parameter{Name: "/dev/db", Value: "planted 1", Labels: []string{"blue"}},
		ssm.Parameter{Name: "/dev/db", Value: "planted 2"},
		ssm.Parameter{Name: "/dev/text", Value: "planted text", Type: "String"},
		ssm.Parameter{Name: "/dev/list", Value: "planted,list", Type: "StringList"},
		ssm.Parameter{Name: "plain", Value: "planted plain"},
	)
	d := l.ssmDriver(t, l.url, awssession.Config{})
	tests := []struct{ name, key, want string }{
		{"a SecureString is decrypted", "/dev/db", "planted 2"},
		{"a version", "/dev/db:1", "planted 1"},
		{"a label", "/dev/db:blue", "planted 1"},
		{"a plain text", "/dev/text", "planted text"},
		{"a list is its text", "/dev/list", "planted,list"},
		{"a name without slashes", "plain", "planted plain"},
		{"an ARN", parameterARN + "/dev/text", "planted text"},
		{"an ARN with a version", parameterARN + "/dev/db:2", "planted 2"},
		{"no such parameter", "/dev/none", "not_found"},
		{"no such version", "/dev/db:3", "not_found"},
		{"no such label", "/dev/db:green", "not_found"},
	}
	var reads []plan.Read
	var want []string
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			value, err := d.Get(t.Context(), ssmStore(""), plan.Read{Key: test.key})
			got := string(value.Data)
			if err != nil {
				got = d.Classify(err).String()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
		reads, want = append(reads, plan.Read{Key: test.key}), append(want, test.want)
	}
	before := l.Counters().Sum(counter.Key{Service: "ssm"})
	client := awsClient(d)
	var got []string
	for _, half := range [][]plan.Read{reads[:6], reads[6:]} {
		outcomes, err := client.GetBatch(t.Context(), ssmStore(""), half)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, told(outcomes)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes of the batches (-want +got):\n%s", diff)
	}
	if n := l.Counters().Sum(counter.Key{Service: "ssm"}) - before; n != 2 {
		t.Errorf("%d calls for 2 batches", n)
	}
}

// TestAWSParameterErrors are what users see of Parameter Store's own refusals.
func TestAWSParameterErrors(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-90ab-cdef-fedc-ba9876543210"
	l := startAWS(t)
	l.putParameters(t, ssm.Parameter{Name: "/dev/own-key", Value: "planted", KeyID: key})
	l.putParameters(t, ssm.Parameter{Name: "/walked/a", Value: "planted"}, ssm.Parameter{Name: "/walked/b", Value: "planted", KeyID: key})
	reader := l.roleOf(t, "reader", permission.Set{
		{Actions: []string{"ssm:GetParameter"}, Resources: []string{parameterARN + "/dev/*"}},
		{Actions: []string{"ssm:GetParametersByPath"}, Resources: []string{parameterARN + "/walked"}},
	}, aws.LabUserARN)
	reader.Backend = backends.AWSParameterStore
	client := awsClient(l.ssmDriver(t, l.url, awssession.Config{}))
	const as = " from systemManager in region eu-west-1 as arn:aws:iam::123456789012:role/reader: "
	for name, test := range map[string]struct {
		read plan.Read
		want string
	}{
		"a key that the identity may not use": {plan.Read{Key: "/dev/own-key"}, `cannot read key "/dev/own-key"` + as +
			"access denied: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/reader/k8s-external-secrets is not authorized " +
			"to perform: kms:Decrypt on resource: " + key + " because no identity-based policy allows the kms:Decrypt action; " +
			"allow ssm:GetParameter on the parameter, and kms:Decrypt on its key, to arn:aws:iam::123456789012:role/reader"},
		"a path that the identity may not walk": {ssmPath("/dev", true), `cannot read path "/dev"` + as +
			"access denied: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/reader/k8s-external-secrets is not authorized " +
			"to perform: ssm:GetParametersByPath on resource: " + parameterARN + "/dev because no identity-based policy allows the " +
			"ssm:GetParametersByPath action; allow ssm:GetParametersByPath on the path, and kms:Decrypt on its key, " +
			"to arn:aws:iam::123456789012:role/reader"},
		"a key of a parameter below a path": {ssmPath("/walked", true), `cannot read path "/walked"` + as +
			"access denied: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/reader/k8s-external-secrets is not authorized " +
			"to perform: kms:Decrypt on resource: " + key + " because no identity-based policy allows the kms:Decrypt action; " +
			"allow kms:Decrypt on the key of each parameter below the path to arn:aws:iam::123456789012:role/reader, and see that the keys are enabled"},
		"a parameter that is not there": {plan.Read{Key: "/dev/none"}, `cannot read key "/dev/none"` + as +
			"not found: ParameterNotFound; check the name, the region, and the version or label after the colon"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Get(t.Context(), plan.Source{Store: reader, Read: test.read})
			if diff := cmp.Diff(test.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	const nothing = `" from systemManager in region eu-west-1: not found: no parameter is below /dev/`
	for name, test := range map[string]struct {
		read plan.Read
		want string
	}{
		"a path with a typo": {ssmPath("/dev/own", true), `cannot read path "/dev/own` + nothing +
			"own; check the path; a parameter itself is read by its key"},
		"a parameter's own name, or what is deeper than the path": {ssmPath("/dev/own-key", false), `cannot read path "/dev/own-key` + nothing +
			"own-key; check the path, or set {recursive}; a parameter itself is read by its key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Get(t.Context(), plan.Source{Store: ssmStore(""), Read: test.read})
			if diff := cmp.Diff(test.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	_, err := client.Get(t.Context(), plan.Source{Store: ssmStore(""), Read: plan.Read{Key: "dev/none"}})
	if want := `cannot read key "dev/none" from systemManager in region eu-west-1: not a valid request: ` +
		"ValidationException: Parameter name must be a fully qualified name; correct the key and its options in the object"; fmt.Sprint(err) != want {
		t.Errorf("error (-want +got):\n%s", cmp.Diff(want, fmt.Sprint(err)))
	}
}

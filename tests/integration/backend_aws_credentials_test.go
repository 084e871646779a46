package integration

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

func TestAWSIdentities(t *testing.T) {
	const hop = "arn:aws:iam::123456789012:role/hop"
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "hop/a", String: "planted"})
	l.put(t, secretsmanager.Secret{Name: "far/a", String: "planted"})
	l.role(t, "hop", "hop/", aws.LabUserARN)
	far := l.role(t, "far", "far/", hop) // trusts the intermediate role alone

	hops := l.driver(t, l.url, awssession.Config{IntermediateRoleARN: hop})
	read := func(d driver.Driver, store plan.Store, key string) string {
		_, err := d.Get(t.Context(), store, awsRead(key))
		if err != nil {
			return d.Classify(err).String()
		}
		return "ok"
	}
	direct := l.driver(t, l.url, awssession.Config{})
	noRegion := awsStore("")
	noRegion.Location = ""
	got := map[string]string{
		"through the intermediate role to the object's":             read(hops, far, "far/a"),
		"the intermediate role itself, where the object names none": read(hops, awsStore(""), "hop/a"),
		"the intermediate role reads no more than it may":           read(hops, awsStore(""), "far/a"),
		"without the intermediate role the object's is refused":     read(direct, far, "far/a"),
		"the syncer's own identity":                                 read(direct, awsStore(""), "far/a"),
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

// podRole is the machine's own role, which each source of credentials leads to.
const podRole = "arn:aws:iam::123456789012:role/pod"

// cluster is one whose tokens AWS takes.
func (l *awsLab) cluster(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t)
	err := l.AWS().IAM().PutProvider(iam.Provider{
		Issuer: podIssuer, Audiences: []string{"sts.amazonaws.com", "pods.eks.amazonaws.com"}, Keys: c.keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withoutKeys takes the user's keys out of the environment, and puts there what leads to other credentials.
func (l *awsLab) withoutKeys(t *testing.T, environment map[string]string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_REGION", awsRegion)
	for name, value := range environment {
		t.Setenv(name, value)
	}
}

// awsSource is a way to the credentials of podRole, by the SDK's own variables.
type awsSource struct {
	login       counter.Key // what begins a session
	audience    string      // of the pod's token
	environment func(url, tokenFile string) map[string]string
}

func webIdentity() awsSource {
	return awsSource{
		counter.Key{Service: "sts", Operation: "AssumeRoleWithWebIdentity", Code: "OK"}, "sts.amazonaws.com",
		func(_, tokenFile string) map[string]string {
			return map[string]string{"AWS_ROLE_ARN": podRole, "AWS_WEB_IDENTITY_TOKEN_FILE": tokenFile}
		},
	}
}

func podIdentity() awsSource {
	return awsSource{
		counter.Key{Service: "podidentity", Operation: "Credentials", Code: "OK"}, "pods.eks.amazonaws.com",
		func(url, tokenFile string) map[string]string {
			return map[string]string{
				"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": tokenFile,
			}
		},
	}
}

func instanceMetadata() awsSource {
	return awsSource{
		counter.Key{Service: "imds", Operation: "Credentials", Code: "OK"}, "",
		func(url, _ string) map[string]string {
			return map[string]string{"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
		},
	}
}

func TestAWSSourcesOfCredentials(t *testing.T) {
	for name, source := range map[string]awsSource{
		"a web identity, as IRSA gives it": webIdentity(), "EKS Pod Identity": podIdentity(), "the instance's metadata": instanceMetadata(),
	} {
		t.Run(name, func(t *testing.T) {
			l := startAWS(t)
			c := l.cluster(t)
			l.put(t, secretsmanager.Secret{Name: "pod/a", String: "planted"})
			l.put(t, secretsmanager.Secret{Name: "far/a", String: "planted"})
			l.podRole(t)
			l.role(t, "hop", "hop/", podRole)
			far := l.role(t, "far", "far/", podRole)
			farthest := l.role(t, "farthest", "far/", "arn:aws:iam::123456789012:role/hop")
			c.writes(t, podSubject, source.audience, time.Hour)
			l.withoutKeys(t, source.environment(l.url, c.file))

			direct := awsClient(l.driver(t, l.url, awssession.Config{}))
			chained := awsClient(l.driver(t, l.url, awssession.Config{IntermediateRoleARN: "arn:aws:iam::123456789012:role/hop"}))
			reads := func() {
				readTogether(t, direct, plan.Source{Store: awsStore(""), Read: awsRead("pod/a")})
				readTogether(t, direct, plan.Source{Store: far, Read: awsRead("far/a")})
				readTogether(t, chained, plan.Source{Store: farthest, Read: awsRead("far/a")})
			}
			calls := func() []int {
				return []int{l.Counters().Sum(source.login), l.Counters().Sum(counter.Key{Operation: "AssumeRole", Code: "OK"})}
			}
			// One session for each of the two drivers; then far, hop and farthest.
			reads()
			reads()
			if diff := cmp.Diff([]int{2, 3}, calls()); diff != "" {
				t.Errorf("logins and roles assumed (-want +got):\n%s", diff)
			}
			l.AWS().ExpireSessions()
			c.writes(t, podSubject, source.audience, 2*time.Hour) // the file is read anew
			reads()
			if diff := cmp.Diff([]int{4, 6}, calls()); diff != "" {
				t.Errorf("logins and roles assumed after all sessions have ended (-want +got):\n%s", diff)
			}
		})
	}
}

// podRole adds the role that all sources lead to.
func (l *awsLab) podRole(t *testing.T) {
	t.Helper()
	err := l.AWS().IAM().PutRole(iam.Role{
		ARN: podRole, WebIdentity: []iam.WebIdentity{{Issuer: podIssuer, Subjects: []string{podSubject}}}, PodIdentity: []string{podSubject},
		Permissions: permission.Set{readSecrets("pod/")},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.AWS().SetInstanceRole(podRole)
}

func readTogether(t *testing.T, client *backend.Client, source plan.Source) {
	t.Helper()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			values, err := client.Get(t.Context(), source)
			if err != nil || string(values[0].Data) != "planted" {
				t.Errorf("%d values, error %v", len(values), err)
			}
		})
	}
	wait.Wait()
}

func TestAWSSourcesThatGiveNoCredentials(t *testing.T) {
	hour, over := time.Hour, -time.Hour
	for name, test := range map[string]struct {
		source            awsSource
		subject, audience string
		lifetime          time.Duration
		change            func(t *testing.T, l *awsLab, c *cluster)
		want              driver.Kind
	}{
		"a web identity of another service account": {source: webIdentity(), subject: "system:serviceaccount:a:b", audience: "sts.amazonaws.com", lifetime: hour, want: driver.Denied},
		"a web identity for another audience":       {source: webIdentity(), subject: podSubject, audience: "other", lifetime: hour, want: driver.Unauthenticated},
		"a web identity that has expired":           {source: webIdentity(), subject: podSubject, audience: "sts.amazonaws.com", lifetime: over, want: driver.Unauthenticated},
		"a web identity of another issuer's key": {
			source: webIdentity(), subject: podSubject, audience: "sts.amazonaws.com", lifetime: hour, want: driver.Unauthenticated,
			change: func(t *testing.T, l *awsLab, _ *cluster) { l.cluster(t) }, // in the first one's place
		},
		"a token file that is missing": {
			source: webIdentity(), subject: podSubject, audience: "sts.amazonaws.com", lifetime: hour, want: driver.Unauthenticated,
			change: func(t *testing.T, _ *awsLab, c *cluster) {
				if err := os.Remove(c.file); err != nil {
					t.Fatal(err)
				}
			},
		},
		"a pod of another service account":   {source: podIdentity(), subject: "system:serviceaccount:a:b", audience: "pods.eks.amazonaws.com", lifetime: hour, want: driver.Unauthenticated},
		"a pod's token for another audience": {source: podIdentity(), subject: podSubject, audience: "sts.amazonaws.com", lifetime: hour, want: driver.Unauthenticated},
		"a pod's token that has expired":     {source: podIdentity(), subject: podSubject, audience: "pods.eks.amazonaws.com", lifetime: over, want: driver.Unauthenticated},
		"an instance without a role": {
			source: instanceMetadata(), lifetime: hour, want: driver.Unauthenticated,
			change: func(_ *testing.T, l *awsLab, _ *cluster) { l.AWS().SetInstanceRole("") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := startAWS(t)
			c := l.cluster(t)
			l.put(t, secretsmanager.Secret{Name: "pod/a", String: "planted"})
			l.podRole(t)
			token := c.writes(t, test.subject, test.audience, test.lifetime)
			l.withoutKeys(t, test.source.environment(l.url, c.file))
			if test.change != nil {
				test.change(t, l, c)
			}
			_, err := awsClient(l.driver(t, l.url, awssession.Config{})).Get(t.Context(), plan.Source{Store: awsStore(""), Read: awsRead("pod/a")})
			failed, ok := errors.AsType[*backend.Error](err)
			if !ok || failed.Kind != test.want {
				t.Fatalf("got %v, want kind %s", err, test.want)
			}
			if strings.Contains(fmt.Sprintf("%v %#v", err, err), token[:40]) || strings.Contains(err.Error(), token[len(token)-40:]) {
				t.Error("the error holds the token")
			}
			t.Log(err)
		})
	}
}

// What hands out credentials may answer without end, too. For metadata and pods the SDK has HTTP clients of its own.
func TestAWSSourcesWhoseAnswersAreTooLong(t *testing.T) {
	const limit = 192 << 20 // bytes allocated
	for name, source := range map[string]awsSource{
		"a web identity": webIdentity(), "EKS Pod Identity": podIdentity(), "the instance's metadata": instanceMetadata(),
	} {
		t.Run(name, func(t *testing.T) {
			l := startAWS(t)
			c := l.cluster(t)
			l.put(t, secretsmanager.Secret{Name: "pod/a", String: "planted"})
			l.podRole(t)
			c.writes(t, podSubject, source.audience, time.Hour)
			l.withoutKeys(t, source.environment(l.url, c.file))
			f := fault.Fault{Kind: fault.Flood, Service: source.login.Service, Operation: source.login.Operation}
			if _, err := l.Faults().Add(f); err != nil {
				t.Fatal(err)
			}
			client := awsClient(l.driver(t, l.url, awssession.Config{}))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := client.Get(t.Context(), plan.Source{Store: awsStore(""), Read: awsRead("pod/a")})
			runtime.ReadMemStats(&after)
			failed, ok := errors.AsType[*backend.Error](err)
			if !ok || failed.Kind != driver.Unavailable || failed.Message != "no session: the answer is longer than any of the backend's" {
				t.Errorf("got %v, want that the answer is too long", err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > limit {
				t.Errorf("%d MiB were allocated, want %d at most", took>>20, limit>>20)
			}
			l.Faults().Clear()
			if _, err := client.Get(t.Context(), plan.Source{Store: awsStore(""), Read: awsRead("pod/a")}); err != nil {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

// Where version 2 of the metadata service gives no token, version 1 is not asked, which asks for no proof.
func TestAWSInstancesAreAskedByVersion2Alone(t *testing.T) {
	for name, f := range map[string]fault.Fault{
		"an outage": {Kind: fault.Outage}, "no answer": {Kind: fault.Cut}, "an answer that is no token's": {Kind: fault.Flood},
	} {
		t.Run(name, func(t *testing.T) {
			l := startAWS(t)
			l.put(t, secretsmanager.Secret{Name: "pod/a", String: "planted"})
			l.podRole(t)
			l.withoutKeys(t, instanceMetadata().environment(l.url, ""))
			f.Service, f.Operation = "imds", "Token"
			if _, err := l.Faults().Add(f); err != nil {
				t.Fatal(err)
			}
			client := awsClient(l.driver(t, l.url, awssession.Config{}))
			source := plan.Source{Store: awsStore(""), Read: awsRead("pod/a")}
			for range 2 {
				if _, err := client.Get(t.Context(), source); err == nil {
					t.Error("there are credentials")
				}
			}
			if n := l.Counters().Sum(counter.Key{Service: "imds", Operation: "Role"}); n != 0 {
				t.Errorf("%d requests without a token", n)
			}
			l.Faults().Clear()
			if _, err := client.Get(t.Context(), source); err != nil {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

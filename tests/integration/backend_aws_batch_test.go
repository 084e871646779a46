package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

func awsClient(d driver.Driver) *backend.Client {
	return &backend.Client{Drivers: map[plan.Backend]driver.Driver{
		backends.AWSSecretsManager: d, backends.AWSParameterStore: d,
	}}
}

// told is what outcomes say: values, or kinds of errors.
func told(outcomes []backend.Outcome) []string {
	texts := make([]string, len(outcomes))
	for i, outcome := range outcomes {
		texts[i] = string(outcome.Value.Data)
		if failed, ok := errors.AsType[*backend.Error](outcome.Err); ok {
			texts[i] = failed.Kind.String()
		}
	}
	return texts
}

func TestAWSBatchOfNamesAndARNs(t *testing.T) {
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "dev/a", String: "planted a"})
	l.put(t, secretsmanager.Secret{Name: "dev/b", Binary: []byte("planted b")})
	l.put(t, secretsmanager.Secret{Name: "dev/c", String: "planted c"})
	arns := map[string]string{}
	for _, listed := range l.AWS().Secrets(awsRegion) {
		arns[listed.Name] = listed.ARN
	}
	partial := strings.TrimSuffix(arns["dev/a"], arns["dev/a"][len(arns["dev/a"])-7:])
	reads := []plan.Read{
		awsRead("dev/c"), awsRead(arns["dev/a"]), awsRead("dev/none"), awsRead("dev/a"), awsRead(partial), awsRead(arns["dev/b"]),
		{Key: "dev/c"}, // the same, in words that no Plan uses
	}
	outcomes, err := awsClient(l.driver(t, l.url, awssession.Config{})).GetBatch(t.Context(), awsStore(""), reads)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"planted c", "planted a", "not_found", "planted a", "planted a", "planted b", "planted c"}
	if diff := cmp.Diff(want, told(outcomes)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if !outcomes[5].Value.Bytes || outcomes[4].Value.Version == "" {
		t.Error("bytes are not marked as such, or a version is missing")
	}
	if n := l.Counters().Sum(counter.Key{Service: "secretsmanager"}); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// TestAWSBatchOfPages has a front before the emulator that gives its answers in two pages.
func TestAWSBatchOfPages(t *testing.T) {
	l := startAWS(t)
	var want []string
	var reads []plan.Read
	for i := range 20 {
		want = append(want, fmt.Sprint("planted ", i))
		reads = append(reads, awsRead(fmt.Sprint("dev/", i)))
		if i > 0 {
			l.put(t, secretsmanager.Secret{Name: reads[i].Key, String: want[i]})
		}
	}
	want[0] = "not_found" // which the first page tells
	type page map[string]json.RawMessage
	var rest []json.RawMessage
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		answer := page{}
		if rest == nil {
			l.ServeHTTP(recorded, r)
			var values []json.RawMessage
			if json.Unmarshal(recorded.Body.Bytes(), &answer) != nil || json.Unmarshal(answer["SecretValues"], &values) != nil {
				t.Error("the emulator's answer is no batch")
			}
			rest = values[7:]
			answer["SecretValues"], _ = json.Marshal(values[:7])
			answer["NextToken"] = json.RawMessage(`"more"`)
		} else {
			var request struct{ NextToken string }
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.NextToken != "more" {
				t.Errorf("the second page is asked for with the token %q", request.NextToken)
			}
			answer["SecretValues"], _ = json.Marshal(rest)
		}
		maps.Copy(w.Header(), recorded.Header())
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(front.Close)
	outcomes, err := awsClient(l.driver(t, front.URL, awssession.Config{})).GetBatch(t.Context(), awsStore(""), reads)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(outcomes); !slices.Equal(got, want) {
		t.Errorf("outcomes (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func TestAWSSaysWhenToAskAgain(t *testing.T) {
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "dev/a", String: "planted"})
	client := awsClient(l.driver(t, l.url, awssession.Config{}))
	for name, test := range map[string]struct {
		fault fault.Fault
		role  string
	}{
		"of a read":  {fault.Fault{Kind: fault.Throttle, Service: "secretsmanager", RetryAfter: fault.Duration(2 * time.Second)}, aws.TestRoleARN},
		"of a login": {fault.Fault{Kind: fault.Outage, Service: "sts", RetryAfter: fault.Duration(2 * time.Second)}, aws.ReadOnlyRoleARN},
	} {
		t.Run(name, func(t *testing.T) {
			defer l.fault(name, test.fault, 0).Begin(t)()
			store := awsStore(test.role)
			_, single := client.Get(t.Context(), plan.Source{Store: store, Read: awsRead("dev/a")})
			_, batch := client.GetBatch(t.Context(), store, []plan.Read{awsRead("dev/a")})
			for _, err := range []error{single, batch} {
				if failed, ok := errors.AsType[*backend.Error](err); !ok || failed.RetryAfter != 2*time.Second {
					t.Errorf("got %v (%+v)", err, failed)
				}
			}
		})
	}
}

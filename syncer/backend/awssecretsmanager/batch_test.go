package awssecretsmanager

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Two accounts.
const (
	arn       = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	elsewhere = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:"
)

func TestAnswersAreMatchedToIDs(t *testing.T) {
	entry := func(name, suffix, text string) types.SecretValueEntry {
		return types.SecretValueEntry{Name: &name, ARN: aws.String(arn + name + suffix), SecretString: &text, VersionId: aws.String("v")}
	}
	text := func(s string) driver.Result { return driver.Result{Value: driver.Value{Data: []byte(s), Version: "v"}} }
	all := answer{
		values: []types.SecretValueEntry{
			entry("b-AbCdEf", "-GhIjKl", "named like an ARN"),
			entry("b", "-AbCdEf", "b"),
			entry("a/long/name", "-AbCdEf", "a"),
			{Name: aws.String("twice"), ARN: aws.String(arn + "twice-AbCdEf"), SecretString: aws.String("twice"), VersionId: aws.String("v")},
			{Name: aws.String("twice"), ARN: aws.String(arn + "twice-AbCdEf"), SecretString: aws.String("twice"), VersionId: aws.String("v")},
			{Name: aws.String("both"), ARN: aws.String(elsewhere + "both-AbCdEf"), SecretString: aws.String("theirs"), VersionId: aws.String("v")},
			{Name: aws.String("both"), ARN: aws.String(arn + "both-GhIjKl"), SecretString: aws.String("ours"), VersionId: aws.String("v")},
			{Name: aws.String("bytes"), ARN: aws.String(arn + "bytes-AbCdEf"), SecretBinary: []byte{0}, VersionId: aws.String("v")},
			entry("blank", "-AbCdEf", ""),
			{Name: aws.String("empty"), ARN: aws.String(arn + "empty-AbCdEf")},
			{},
		},
		errors: []types.APIErrorType{
			{SecretId: aws.String("gone"), ErrorCode: aws.String("ResourceNotFoundException"), Message: aws.String("m")},
			{},
		},
	}
	for name, test := range map[string]struct {
		id   string
		want driver.Result
	}{
		"by its name":                                 {"a/long/name", text("a")},
		"by its ARN":                                  {arn + "a/long/name-AbCdEf", text("a")},
		"by its ARN without the end":                  {arn + "a/long/name", text("a")},
		"an ARN is rather a whole one":                {arn + "b-AbCdEf", text("b")},
		"a name like the end of an ARN":               {"b-AbCdEf", text("named like an ARN")},
		"the first of two that were asked for":        {"b", text("b")},
		"one that was asked for by name and by ARN":   {"twice", text("twice")},
		"a name that another account has, too":        {"both", driver.Result{Err: driver.ErrNotAnswered}},
		"the other account's, by its ARN":             {elsewhere + "both-AbCdEf", text("theirs")},
		"ours, by its ARN without the end":            {arn + "both", text("ours")},
		"bytes":                                       {"bytes", driver.Result{Value: driver.Value{Data: []byte{0}, Bytes: true, Version: "v"}}},
		"a text without a character":                  {"blank", text("")},
		"a secret that the answer has no value of":    {"empty", driver.Result{Err: driver.ErrNoValue}},
		"a secret that AWS refuses":                   {"gone", driver.Result{Err: &awserror.ItemError{Code: "ResourceNotFoundException", Message: "m"}}},
		"an ARN of another end":                       {arn + "a/long/name-XXXXXX", driver.Result{Err: driver.ErrNotAnswered}},
		"a secret that the answer does not mention":   {"other", driver.Result{Err: driver.ErrNotAnswered}},
		"the end of an ARN alone":                     {"long/name", driver.Result{Err: driver.ErrNotAnswered}},
		"the beginning of an ARN, cut where ends are": {"arn:", driver.Result{Err: driver.ErrNotAnswered}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, all.of(test.id), cmp.Comparer(sameText)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func sameText(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestOnlyCurrentVersionsAreReadInBatches(t *testing.T) {
	for name, test := range map[string]struct {
		read plan.Read
		want int
	}{
		"the default label":    {plan.Read{Key: "a", VersionStage: "AWSCURRENT"}, 20},
		"no label":             {plan.Read{Key: "a"}, 20},
		"another label":        {plan.Read{Key: "a", VersionStage: "AWSPREVIOUS"}, 1},
		"a version by its id":  {plan.Read{Key: "a", VersionID: "v"}, 1},
		"an id beside a label": {plan.Read{Key: "a", VersionID: "v", VersionStage: "AWSCURRENT"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := new(Driver).BatchSize(test.read); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestIDsAreSentOnce(t *testing.T) {
	reads := []plan.Read{{Key: "b"}, {Key: "a"}, {Key: "b", VersionStage: "AWSCURRENT"}}
	if diff := cmp.Diff([]string{"b", "a"}, ids(reads)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

// Each page is bounded, but there may be any number of them.
func TestABatchWithoutEndIsGivenUp(t *testing.T) {
	for name, value := range map[string]string{
		"of large values": `{"Name":"a","SecretString":"` + strings.Repeat("x", 1<<20) + `"}`, "of empty ones": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range map[string]string{
				"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
				"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
			} {
				t.Setenv(name, value)
			}
			pages := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				pages++
				if pages > 100 {
					w.WriteHeader(http.StatusBadRequest) // it must have been given up by now
					return
				}
				_, _ = fmt.Fprintf(w, `{"SecretValues":[%s],"NextToken":"%d"}`, value, pages)
			}))
			defer server.Close()
			d, err := New(Config{Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			results, err := d.GetBatch(t.Context(), plan.Store{Location: "eu-west-1"}, []plan.Read{{Key: "a"}, {Key: "b"}, {Key: "c"}})
			if !errors.Is(err, transport.ErrTooLong) || d.Classify(err) != driver.Unavailable || results != nil {
				t.Errorf("got %d results and the error %v after %d pages", len(results), err, pages)
			}
		})
	}
}

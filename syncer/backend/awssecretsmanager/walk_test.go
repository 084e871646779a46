package awssecretsmanager

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// walk finds what a server lists, and reads what it answers to a batch. read counts the batches.
func walk(t *testing.T, listed, answered string) (values []driver.Value, read int, err error) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer := `{"SecretList":[` + listed + `]}`
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "BatchGetSecretValue") {
			read++
			answer = answered
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	d, err := New(Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	values, err = d.Walk(t.Context(), plan.Store{Location: "eu-west-1"}, plan.Read{Key: "prod/", Path: true, Recursive: true, Tags: "team=core"})
	return values, read, err
}

func TestOnlyWhatIsMeantIsRead(t *testing.T) {
	entry := func(name string, tags ...string) string {
		all := []types.Tag{}
		for _, tag := range tags {
			key, value, _ := strings.Cut(tag, "=")
			all = append(all, types.Tag{Key: &key, Value: &value})
		}
		text, err := json.Marshal(map[string]any{"Name": name, "ARN": arn + name + "-AbCdEf", "Tags": all})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, listed := range map[string]string{
		"another prefix":           entry("dev/db", "team=core"),
		"other case":               entry("Prod/db", "team=core"),
		"no tags":                  entry("prod/db"),
		"another value":            entry("prod/db", "team=core2"),
		"another key":              entry("prod/db", "teams=core"),
		"key and value in two":     entry("prod/db", "team=web", "owner=core"),
		"no name":                  `{"ARN":"` + arn + `prod/db-AbCdEf","Tags":[{"Key":"team","Value":"core"}]}`,
		"nothing to ask for it by": `{"Name":"prod/db","Tags":[{"Key":"team","Value":"core"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, read, err := walk(t, listed, "{}")
			if read > 0 || new(Driver).Classify(err) != driver.NotFound {
				t.Errorf("got %d batches and error %v, want no batch, and that nothing is found", read, err)
			}
		})
	}
	meant := entry("prod/db", "stage=x", "team=core")
	named := func(name, suffix string) string {
		return `{"SecretValues":[{"Name":"` + name + `","ARN":"` + arn + `prod/db` + suffix + `","SecretString":"planted","VersionId":"v"}]}`
	}
	t.Run("what is meant", func(t *testing.T) {
		values, _, err := walk(t, meant, named("prod/db", "-AbCdEf"))
		want := []driver.Value{{Name: "prod/db", Data: []byte("planted"), Version: "v"}}
		if diff := cmp.Diff(want, values); diff != "" || err != nil {
			t.Errorf("error %v, values (-want +got):\n%s", err, diff)
		}
	})
	for name, test := range map[string]struct {
		answer string
		want   driver.Kind
	}{
		"an answer of another name":      {named("prod/other", "-AbCdEf"), driver.Unavailable},
		"an answer of another ARN":       {named("prod/db", "-XXXXXX"), driver.Unavailable},
		"an answer that does not say":    {`{}`, driver.Unavailable},
		"a value that is none":           {`{"SecretValues":[{"Name":"prod/db","ARN":"` + arn + `prod/db-AbCdEf"}]}`, driver.Unavailable},
		"a secret that was just deleted": {`{"Errors":[{"SecretId":"` + arn + `prod/db-AbCdEf","ErrorCode":"ResourceNotFoundException"}]}`, driver.NotFound},
		"one whose key is disabled":      {`{"Errors":[{"SecretId":"` + arn + `prod/db-AbCdEf","ErrorCode":"DecryptionFailure"}]}`, driver.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			values, _, err := walk(t, meant, test.answer)
			if got := new(Driver).Classify(err); err == nil || got != test.want || len(values) > 0 {
				t.Errorf("got %d values and error %v of kind %s, want %s", len(values), err, got, test.want)
			}
		})
	}
}

func TestFiltersNeverExcludeWhatIsMeant(t *testing.T) {
	filter := func(key types.FilterNameStringType, value string) types.Filter {
		return types.Filter{Key: key, Values: []string{value}}
	}
	for name, test := range map[string]struct {
		read plan.Read
		want []types.Filter
	}{
		"all":    {plan.Read{}, nil},
		"a name": {plan.Read{Key: "prod/!a"}, []types.Filter{filter("name", "prod/!a")}},
		"a name that would turn the filter around":     {plan.Read{Key: "!a"}, nil},
		"a name that is longer than a filter":          {plan.Read{Key: strings.Repeat("a", 513)}, nil},
		"one tag of several, as keys may be of others": {plan.Read{Tags: "a=b\nc=d"}, []types.Filter{filter("tag-key", "a"), filter("tag-value", "b")}},
		"a value with an equals sign":                  {plan.Read{Tags: "a=b=c"}, []types.Filter{filter("tag-key", "a"), filter("tag-value", "b=c")}},
		"no value":                                     {plan.Read{Tags: "a="}, []types.Filter{filter("tag-key", "a")}},
		"letters beyond ASCII":                         {plan.Read{Tags: "größe=b"}, []types.Filter{filter("tag-value", "b")}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, filters(test.read), cmpopts.IgnoreUnexported(types.Filter{})); diff != "" {
				t.Errorf("filters (-want +got):\n%s", diff)
			}
		})
	}
}

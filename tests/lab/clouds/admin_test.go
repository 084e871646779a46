package clouds_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
)

// call makes an admin call and decodes its answer into out, unless that is nil.
func call(t *testing.T, method, url, body string, status int, out any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %.300s", method, url, answer.StatusCode, status, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("%s %s: %v", method, url, err)
		}
	}
}

func TestTenThousandSecretsThroughTheAdminAPI(t *testing.T) {
	s, url := serve(t)
	type secret struct {
		Name   string `json:"name"`
		String string `json:"string"`
	}
	body := map[string]any{"region": region}
	secrets := make([]secret, 10_000)
	for i := range secrets {
		secrets[i] = secret{fmt.Sprintf("bulk/%d", i), "planted"}
	}
	body["secrets"] = secrets
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	call(t, "PUT", url+"/_admin/aws/secrets", string(text), 200, &n)
	var listed []struct{ Name, ARN, VersionID string }
	call(t, "GET", url+"/_admin/aws/secrets", "", 200, &listed)
	if n != 10_000 || len(listed) != 10_002 {
		t.Errorf("%d were put and %d listed", n, len(listed))
	}
	if err := get(client(s, url), "bulk/9999"); err != nil {
		t.Error(err)
	}
	call(t, "POST", url+"/_admin/aws/secrets/delete", `{"names":["bulk/9999"]}`, 204, nil)
	if got := code(get(client(s, url), "bulk/9999")); got != "ResourceNotFoundException" {
		t.Errorf("after deletion: %s", got)
	}
	call(t, "POST", url+"/_admin/aws/secrets/delete", `{"all":true}`, 204, nil)
	call(t, "GET", url+"/_admin/aws/secrets?region=us-west-2", "", 200, &listed)
	if len(listed) != 0 {
		t.Errorf("%d secrets are left", len(listed))
	}
}

func TestRotationThroughTheAdminAPI(t *testing.T) {
	s, url := serve(t)
	before := s.AWS().Secrets(region)[0].VersionID
	call(t, "POST", url+"/_admin/aws/secrets/rotate", `{"region":"us-west-2","secrets":[{"name":"dev/a","binary":"AAE="}]}`, 200, nil)
	if after := s.AWS().Secrets(region)[0].VersionID; after == before {
		t.Error("the version is still the same")
	}
	call(t, "POST", url+"/_admin/aws/secrets/rotate", `{"secrets":[{"name":"dev/none","string":"x"}]}`, 400, nil)
}

func TestFaultsAndCountersThroughTheAdminAPI(t *testing.T) {
	s, url := serve(t)
	c := client(s, url)
	var added struct{ ID string }
	call(t, "POST", url+"/_admin/faults", `{"kind":"throttle","service":"secretsmanager","count":1,"retryAfter":"1s"}`, 200, &added)
	var faults []map[string]any
	call(t, "GET", url+"/_admin/faults", "", 200, &faults)
	if len(faults) != 1 || faults[0]["id"] != added.ID {
		t.Errorf("got %v", faults)
	}
	if got := code(get(c, "dev/a")) + " " + code(get(c, "dev/a")); got != "ThrottlingException OK" {
		t.Errorf("got %s", got)
	}
	call(t, "DELETE", url+"/_admin/faults/"+added.ID, "", 400, nil)
	call(t, "POST", url+"/_admin/faults", `{"kind":"outage"}`, 200, &added)
	call(t, "DELETE", url+"/_admin/faults/"+added.ID, "", 204, nil)
	call(t, "DELETE", url+"/_admin/faults", "", 204, nil)
	call(t, "POST", url+"/_admin/faults", `{"kind":"outage","oparation":"GetSecretValue"}`, 400, nil)

	var counts []map[string]any
	call(t, "GET", url+"/_admin/counters", "", 200, &counts)
	if len(counts) != 2 || counts[0]["code"] != "OK" || counts[0]["identity"] != aws.LabUserARN || counts[0]["count"] != 1.0 {
		t.Errorf("got %v", counts)
	}
	call(t, "DELETE", url+"/_admin/counters", "", 204, nil)
	call(t, "GET", url+"/_admin/counters", "", 200, &counts)
	if len(counts) != 0 {
		t.Errorf("after reset: %v", counts)
	}
}

func TestIdentitiesThroughTheAdminAPI(t *testing.T) {
	s, url := serve(t)
	var put struct{ Users []iam.User }
	call(t, "PUT", url+"/_admin/aws/identities", `{
		"users": [{"arn": "arn:aws:iam::123456789012:user/reader",
			"permissions": [{"actions": ["secretsmanager:GetSecretValue"], "resources": ["arn:aws:secretsmanager:*:*:secret:dev/a-??????"]}]}],
		"roles": [{"arn": "arn:aws:iam::123456789012:role/team", "trust": ["arn:aws:iam::123456789012:user/reader"]}]
	}`, 200, &put)
	if len(put.Users) != 1 || put.Users[0].SecretAccessKey == "" {
		t.Fatal("the new user's keys were not told")
	}
	c := client(s, url, func(o *secretsmanager.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(put.Users[0].AccessKeyID, put.Users[0].SecretAccessKey, "")
	})
	if got := code(get(c, "dev/a")) + " " + code(get(c, "dev/b")); got != "OK AccessDeniedException" {
		t.Errorf("got %s", got)
	}
	var all iam.Snapshot
	call(t, "GET", url+"/_admin/aws/identities", "", 200, &all)
	if len(all.Users) != 2 || len(all.Roles) != 4 {
		t.Errorf("%d users and %d roles, want 2 and 4", len(all.Users), len(all.Roles))
	}
	for _, u := range all.Users {
		if u.SecretAccessKey != "" {
			t.Error("the list tells secret access keys")
		}
	}
	call(t, "DELETE", url+"/_admin/aws/identities?name=arn:aws:iam::123456789012:user/reader", "", 204, nil)
	if got := code(get(c, "dev/a")); got != "UnrecognizedClientException" {
		t.Errorf("after removal: %s", got)
	}
	var lab iam.User
	call(t, "GET", url+"/_admin/aws/credentials", "", 200, &lab)
	if lab.ARN != aws.LabUserARN || lab.SecretAccessKey != s.AWS().LabUser().SecretAccessKey {
		t.Error("the lab's user is not told with its keys")
	}
	call(t, "POST", url+"/_admin/aws/sessions/expire", "", 204, nil)
	call(t, "PUT", url+"/_admin/aws/identities", `{"roles": [{"arn": "team"}]}`, 400, nil)
}

package alicloud_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

// admin makes a call of the admin API, and decodes its answer into out unless that is nil.
func (l *lab) admin(method, path, body string, status int, out any) {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), method, "http://"+l.host+"/_admin/alicloud"+path, strings.NewReader(body))
	ok(l.t, err)
	answer, err := http.DefaultClient.Do(request)
	ok(l.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	ok(l.t, err)
	if answer.StatusCode != status {
		l.t.Fatalf("%s %s: status %d, want %d: %s", method, path, answer.StatusCode, status, text)
	}
	if out != nil {
		ok(l.t, json.Unmarshal(text, out))
	}
}

func TestAdminAPI(t *testing.T) {
	l := newLab(t)
	var put struct{ Users []ram.User }
	l.admin("PUT", "/identities", `{"users":[{"arn":"acs:ram::1234567890123456:user/a","permissions":[{"actions":["kms:*"],"resources":["*"]}]}],
		"roles":[{"arn":"acs:ram::1234567890123456:role/b","trust":[],"permissions":[]}]}`, 200, &put)
	l.admin("PUT", "/identities", `{"users":[{"arn":"arn:aws:iam::123456789012:user/a"}]}`, 400, nil)
	l.admin("PUT", "/secrets", `{"secrets":[{"name":"a/text","string":"planted"},{"name":"a/bytes","binary":"AP8=","versionId":"007"}]}`, 200, nil)
	l.admin("PUT", "/secrets", `{"secrets":[{"name":"a/both","string":"x","binary":"AP8="}]}`, 400, nil)
	l.admin("PUT", "/secrets", `{"region":"cn-hangzhou","secrets":[{"name":"a/far","string":"planted"}]}`, 200, nil)

	as := &key{AccessKeyId: put.Users[0].AccessKeyID, AccessKeySecret: put.Users[0].AccessKeySecret}
	answer, err := l.get(as, "a/bytes", nil, nil)
	ok(t, err)
	if answer.SecretData != "AP8=" || answer.VersionId != "007" {
		t.Errorf("got version %s and %d characters", answer.VersionId, len(answer.SecretData))
	}
	l.admin("POST", "/secrets/delete", `{"names":["dev/db"]}`, 204, nil)
	var listed []struct{ Name, ARN, VersionID string }
	l.admin("GET", "/secrets", "", 200, &listed)
	want := []string{"a/bytes", "a/text"}
	var got []string
	for _, s := range listed {
		got = append(got, s.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}

	var known ram.Snapshot
	l.admin("GET", "/identities", "", 200, &known)
	if len(known.Users) != 2 || len(known.Roles) != 2 || known.Users[0].AccessKeySecret != "" {
		t.Errorf("%d users and %d roles are listed, want two and two, without secrets", len(known.Users), len(known.Roles))
	}
	session := l.session()
	l.admin("POST", "/sessions/expire", "", 204, nil)
	_, err = l.get(session, "a/text", nil, nil)
	wantError(t, err, "InvalidSecurityToken.Expired")
	l.admin("DELETE", "/identities?name=acs:ram::1234567890123456:user/a", "", 204, nil)
	_, err = l.get(as, "a/text", nil, nil)
	wantError(t, err, "InvalidAccessKeyId.NotFound")
	l.admin("DELETE", "/identities?name=missing", "", 400, nil)
}

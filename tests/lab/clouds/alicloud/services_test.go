package alicloud_test

import (
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	store "github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// as makes the key of a new user with permissions.
func (l *lab) as(name string, permissions ...permission.Allow) *key {
	l.t.Helper()
	u, err := l.Alicloud().RAM().PutUser(ram.User{ARN: "acs:ram::1234567890123456:user/" + name, Permissions: permissions})
	ok(l.t, err)
	return &key{AccessKeyId: u.AccessKeyID, AccessKeySecret: u.AccessKeySecret}
}

func TestVersionsAndStages(t *testing.T) {
	l := newLab(t)
	ok(t, l.Alicloud().PutSecrets(alicloud.Region,
		store.Secret{Name: "dev/db", Text: "second", VersionID: "002"}, store.Secret{Name: "dev/key", Binary: []byte{0, 255}}))
	if l.Alicloud().PutSecrets(alicloud.Region, store.Secret{Name: "dev/db", Text: "x", VersionID: "001"}) == nil {
		t.Error("a version id was taken twice")
	}
	for name, tc := range map[string]struct {
		secret, id, stage string
		want              []string // version, type, data
		code              string
	}{
		"without either it is the current one":       {secret: "dev/db", want: []string{"002", "text", "second"}},
		"the current one":                            {secret: "dev/db", stage: "ACSCurrent", want: []string{"002", "text", "second"}},
		"the one before":                             {secret: "dev/db", stage: "ACSPrevious", want: []string{"001", "text", "planted"}},
		"by its id":                                  {secret: "dev/db", id: "001", want: []string{"001", "text", "planted"}},
		"by its ARN":                                 {secret: "acs:kms:eu-central-1:1234567890123456:secret/dev/db", want: []string{"002", "text", "second"}},
		"bytes are base64":                           {secret: "dev/key", want: []string{"v3", "binary", "AP8="}},
		"an id and a stage that are not of one":      {secret: "dev/db", id: "001", stage: "ACSCurrent", code: "Forbidden.ResourceNotFound"},
		"an id that never was":                       {secret: "dev/db", id: "003", code: "Forbidden.ResourceNotFound"},
		"a stage that no version has":                {secret: "dev/db", stage: "Mine", code: "Forbidden.ResourceNotFound"},
		"a secret that never was":                    {secret: "dev/none", code: "Forbidden.ResourceNotFound"},
		"no secret":                                  {code: "MissingParameter"},
		"a name longer than any":                     {secret: string(make([]byte, 65)), code: "InvalidParameter"},
		"the stage before of one that has but a one": {secret: "dev/key", stage: "ACSPrevious", code: "Forbidden.ResourceNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := l.get(l.user(), tc.secret, func(r *kms.GetSecretValueRequest) { r.VersionId, r.VersionStage = tc.id, tc.stage }, nil)
			if tc.code != "" {
				wantError(t, err, tc.code)
				return
			}
			ok(t, err)
			if diff := cmp.Diff(tc.want, []string{answer.VersionId, answer.SecretDataType, answer.SecretData}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	l.Alicloud().DeleteSecrets(alicloud.Region, "dev/db")
	_, err := l.get(l.user(), "dev/db", nil, nil)
	wantError(t, err, "Forbidden.ResourceNotFound")
}

func TestReadsNeedPermission(t *testing.T) {
	l := newLab(t)
	mayRead := permission.Allow{Actions: []string{"kms:GetSecretValue"}, Resources: []string{"acs:kms:eu-central-1:*:secret/team/*"}}
	_, err := l.get(l.as("powerless"), "dev/db", nil, nil)
	wantError(t, err, "Forbidden.NoPermission")
	_, err = l.get(l.as("team", mayRead), "dev/db", nil, nil)
	wantError(t, err, "Forbidden.NoPermission")
	_, err = l.get(l.as("team", mayRead), "team/none", nil, nil)
	wantError(t, err, "Forbidden.ResourceNotFound")
}

func TestAssumeRole(t *testing.T) {
	l := newLab(t)
	roles := l.Alicloud().RAM()
	const own, account, other = "acs:ram::1234567890123456:role/own", "acs:ram::1234567890123456:role/account", "acs:ram::6543210987654321:role/other"
	ok(t, roles.PutRole(ram.Role{ARN: own, Trust: []string{alicloud.LabUserARN}, MaxSessionSeconds: 7200}))
	ok(t, roles.PutRole(ram.Role{ARN: account, Trust: []string{"acs:ram::1234567890123456:root"}}))
	ok(t, roles.PutRole(ram.Role{ARN: other, Trust: []string{"acs:ram::1234567890123456:user/stranger"}}))
	may := permission.Allow{Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}}
	for name, tc := range map[string]struct {
		as     *key
		role   string
		change func(*sts.AssumeRoleRequest)
		code   string
	}{
		"a role that trusts the user":             {role: own},
		"a role that trusts the account":          {as: l.as("member", may), role: account},
		"a session as long as the role allows":    {role: own, change: func(r *sts.AssumeRoleRequest) { r.DurationSeconds = requests.NewInteger(7200) }},
		"a role that trusts another user":         {role: other, code: "NoPermission"},
		"a user without the permission to assume": {as: l.as("plain"), role: account, code: "NoPermission"},
		"a session without that permission":       {as: l.session(), role: account, code: "NoPermission"},
		"a role that does not exist":              {role: "acs:ram::1234567890123456:role/missing", code: "EntityNotExist.Role"},
		"no role":                                 {role: "demo", code: "InvalidParameter.RoleArn"},
		"no name":                                 {role: own, change: func(r *sts.AssumeRoleRequest) { r.RoleSessionName = "" }, code: "InvalidParameter.RoleSessionName"},
		"a session longer than the role allows": {role: own, change: func(r *sts.AssumeRoleRequest) { r.DurationSeconds = requests.NewInteger(7201) },
			code: "InvalidParameter.DurationSeconds"},
		"a session policy": {role: own, change: func(r *sts.AssumeRoleRequest) { r.Policy = "{}" }, code: "InvalidParameter.Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			as := tc.as
			if as == nil {
				as = l.user()
			}
			answer, err := l.assume(as, tc.role, tc.change)
			if tc.code != "" {
				wantError(t, err, tc.code)
				return
			}
			ok(t, err)
			if end, err := time.Parse(time.RFC3339, answer.Credentials.Expiration); err != nil || !end.After(l.clock()) {
				t.Errorf("it ends at %q", answer.Credentials.Expiration)
			}
		})
	}
}

func TestFaultsAndCounters(t *testing.T) {
	l := newLab(t)
	for kind, code := range map[fault.Kind]string{
		fault.Throttle: "Throttling.User", fault.Outage: "ServiceUnavailable", fault.Garbage: "SDK.JsonUnmarshalError",
	} {
		_, err := l.Faults().Add(fault.Fault{Cloud: "alicloud", Service: "kms", Key: "dev/*", Kind: kind, Count: 1})
		ok(t, err)
		_, err = l.get(l.user(), "dev/db", nil, nil)
		wantError(t, err, code)
	}
	_, err := l.get(l.user(), "dev/db", nil, nil)
	ok(t, err)
	want := []counter.Count{}
	for _, code := range []string{"Garbage", "OK", "ServiceUnavailable", "Throttling.User"} {
		want = append(want, counter.Count{Count: 1, Key: counter.Key{
			Cloud: "alicloud", Service: "kms", Operation: "GetSecretValue", Identity: alicloud.LabUserARN, Code: code,
		}})
	}
	if diff := cmp.Diff(want, l.Counters().All()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

package aws_test

import (
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// team is a key of tags.
const team = "secretgate:namespace"

func (l *lab) assumeTagged(role string, tags ...types.Tag) (awssdk.CredentialsProvider, error) {
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: awssdk.String("test"), Tags: tags}
	out, err := l.sts(nil).AssumeRole(l.t.Context(), in)
	if err != nil {
		return nil, err
	}
	return credentials.NewStaticCredentialsProvider(
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

func TestTagsOfASessionDecideWhatItMayRead(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "core/db", String: "planted"})
	l.put(store.Secret{Name: "shop/db", String: "planted"})
	const path, condition = "arn:aws:iam::123456789012:role/path", "arn:aws:iam::123456789012:role/condition"
	get := []string{"secretsmanager:GetSecretValue"}
	for arn, may := range map[string]permission.Allow{
		path:      {Actions: get, Resources: []string{"arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/" + team + "}/*"}},
		condition: {Actions: get, Resources: []string{"arn:aws:secretsmanager:*:*:secret:*/*"}, Tags: map[string]string{team: "core"}},
	} {
		ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: arn, Trust: []string{aws.LabUserARN}, Tagging: true, Permissions: permission.Set{may}}))
	}
	for _, tc := range []struct {
		name, role string
		tags       []types.Tag
		key        string
		denied     bool
	}{
		{"a variable in a resource stands for the session's tag", path, []types.Tag{tag(team, "core")}, "core/db", false},
		{"and for no other value", path, []types.Tag{tag(team, "core")}, "shop/db", true},
		{"one that the session does not have matches nothing", path, nil, "core/db", true},
		{"a condition takes a session that has the tag", condition, []types.Tag{tag(team, "core")}, "shop/db", false},
		{"and refuses one with another value", condition, []types.Tag{tag(team, "shop")}, "shop/db", true},
		{"and one without", condition, nil, "core/db", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			session, err := l.assumeTagged(tc.role, tc.tags...)
			ok(t, err)
			_, err = l.get(l.sm(session), tc.key)
			if !tc.denied {
				ok(t, err)
				return
			}
			wantError(t, err, "AccessDeniedException", "secretsmanager:GetSecretValue")
		})
	}
}

func TestTagsThatSTSRefuses(t *testing.T) {
	l := newLab(t)
	const open, closed, core = "arn:aws:iam::123456789012:role/open", "arn:aws:iam::123456789012:role/closed", "arn:aws:iam::123456789012:role/core"
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: open, Trust: []string{aws.LabUserARN}, Tagging: true}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: closed, Trust: []string{aws.LabUserARN}}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{
		ARN: core, Trust: []string{aws.LabUserARN}, Tagging: true, RequestTags: map[string]string{team: "core"},
	}))
	_, err := l.assumeTagged(core, tag(team, "core"))
	ok(t, err)
	for _, tc := range []struct {
		name, role string
		tags       []types.Tag
		code, says string
	}{
		{"those of a role whose trust policy lets none be given", closed, []types.Tag{tag(team, "core")}, "AccessDenied",
			"User: " + aws.LabUserARN + " is not authorized to perform: sts:TagSession on resource: " + closed},
		{"a value that the trust policy does not take", core, []types.Tag{tag(team, "shop")}, "AccessDenied", "sts:AssumeRole"},
		{"none where the trust policy demands one", core, nil, "AccessDenied", "sts:AssumeRole"},
		{"a key of AWS's own", open, []types.Tag{tag("aws:x", "core")}, "ValidationError", "aws:"},
		{"a key with a character that keys do not have", open, []types.Tag{tag("a|b", "core")}, "ValidationError", "tags.1.member.key"},
		{"a value that is too long", open, []types.Tag{tag(team, strings.Repeat("a", 257))}, "ValidationError", "tags.1.member.value"},
		{"two keys that differ in case alone", open, []types.Tag{tag("a", "1"), tag("A", "2")}, "InvalidParameterValue", "case insensitive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := l.assumeTagged(tc.role, tc.tags...)
			wantError(t, err, tc.code, tc.says)
		})
	}
}

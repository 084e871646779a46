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

// chain assumes a role by another's session.
func (l *lab) chain(by awssdk.CredentialsProvider, in *sts.AssumeRoleInput) (awssdk.CredentialsProvider, error) {
	in.RoleSessionName = awssdk.String("test")
	out, err := l.sts(by).AssumeRole(l.t.Context(), in)
	if err != nil {
		return nil, err
	}
	return credentials.NewStaticCredentialsProvider(
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
}

func TestTransitiveTagsGoWithFurtherRoles(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "core/db", String: "planted"})
	const first, next, closed = "arn:aws:iam::123456789012:role/first", "arn:aws:iam::123456789012:role/next", "arn:aws:iam::123456789012:role/closed"
	reads := permission.Set{{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"*"}, Tags: map[string]string{team: "core"}}}
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: first, Trust: []string{aws.LabUserARN}, Tagging: true}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: next, Trust: []string{first}, Tagging: true, Permissions: reads}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: closed, Trust: []string{first}}))
	handed, err := l.chain(nil, &sts.AssumeRoleInput{
		RoleArn: awssdk.String(first), Tags: []types.Tag{tag(team, "core")}, TransitiveTagKeys: []string{team},
	})
	ok(t, err)
	kept, err := l.chain(nil, &sts.AssumeRoleInput{RoleArn: awssdk.String(first), Tags: []types.Tag{tag(team, "core")}})
	ok(t, err)
	for name, tc := range map[string]struct {
		by   awssdk.CredentialsProvider
		code string
	}{"one that is handed on is the next session's": {handed, ""}, "another is not": {kept, "AccessDeniedException"}} {
		t.Run(name, func(t *testing.T) {
			session, err := l.chain(tc.by, &sts.AssumeRoleInput{RoleArn: awssdk.String(next)})
			ok(t, err)
			_, err = l.get(l.sm(session), "core/db")
			if tc.code == "" {
				ok(t, err)
				return
			}
			wantError(t, err, tc.code, "")
		})
	}
	_, err = l.chain(handed, &sts.AssumeRoleInput{RoleArn: awssdk.String(next), Tags: []types.Tag{tag(strings.ToUpper(team), "shop")}})
	wantError(t, err, "InvalidParameterValue", "inherited")
	_, err = l.chain(handed, &sts.AssumeRoleInput{RoleArn: awssdk.String(closed)})
	wantError(t, err, "AccessDenied", "sts:TagSession")
	_, err = l.chain(nil, &sts.AssumeRoleInput{RoleArn: awssdk.String(first), TransitiveTagKeys: []string{team}})
	wantError(t, err, "ValidationError", "none of the session tags")
}

func TestExternalIDs(t *testing.T) {
	l := newLab(t)
	const demanding, open = "arn:aws:iam::123456789012:role/demanding", "arn:aws:iam::123456789012:role/open"
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: demanding, Trust: []string{aws.LabUserARN}, ExternalID: "shop-7"}))
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: open, Trust: []string{aws.LabUserARN}}))
	for _, tc := range []struct{ name, role, id, code string }{
		{"the one that is demanded", demanding, "shop-7", ""},
		{"another", demanding, "shop-8", "AccessDenied"},
		{"none", demanding, "", "AccessDenied"},
		{"one that no role demands", open, "shop-7", ""},
		{"one with a blank", open, "shop 7", "ValidationError"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := &sts.AssumeRoleInput{RoleArn: &tc.role}
			if tc.id != "" {
				in.ExternalId = &tc.id
			}
			_, err := l.chain(nil, in)
			if tc.code == "" {
				ok(t, err)
				return
			}
			wantError(t, err, tc.code, "")
		})
	}
}

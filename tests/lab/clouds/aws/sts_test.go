package aws_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

func everything(actions ...string) permission.Set {
	return permission.Set{{Actions: actions, Resources: []string{"*"}}}
}

func TestGetCallerIdentityTellsUsersAndSessions(t *testing.T) {
	l := newLab(t)
	for name, tc := range map[string]struct {
		credentials awssdk.CredentialsProvider
		want        string
	}{
		"the lab's user":   {l.user(), aws.LabUserARN},
		"a session":        {l.assume(aws.TestRoleARN), "arn:aws:sts::123456789012:assumed-role/test-role/test"},
		"a powerless user": {l.as("powerless", nil), "arn:aws:iam::123456789012:user/powerless"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := l.sts(tc.credentials).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
			ok(t, err)
			if *out.Arn != tc.want || *out.Account != aws.Account || *out.UserId == "" {
				t.Errorf("got %s %s %s, want %s", *out.Arn, *out.Account, *out.UserId, tc.want)
			}
		})
	}
}

func TestAssumedRolesReadWithTheirOwnPermissions(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "dev/db", String: "planted"})
	out, err := l.sts(nil).AssumeRole(context.Background(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String(aws.ReadOnlyRoleARN), RoleSessionName: awssdk.String("k8s-external-secrets"), DurationSeconds: awssdk.Int32(900),
	})
	ok(t, err)
	if want := l.clock().Add(900 * time.Second).UTC().Truncate(time.Second); !out.Credentials.Expiration.Equal(want) {
		t.Errorf("expires %s, want %s", out.Credentials.Expiration, want)
	}
	const want = "arn:aws:sts::123456789012:assumed-role/secrets-readonly-example/k8s-external-secrets"
	if got := *out.AssumedRoleUser.Arn; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	session := l.sm(l.assume(aws.NoBatchRoleARN))
	_, err = l.get(session, "dev/db")
	ok(t, err)
	_, err = batch(session, "dev/db")
	wantError(t, err, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/no-batch/test is not authorized to perform: "+
		"secretsmanager:BatchGetSecretValue because no identity-based policy allows the secretsmanager:BatchGetSecretValue action")
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: aws.NoBatchRoleARN}))
	_, err = l.get(session, "dev/db")
	wantError(t, err, "AccessDeniedException",
		"secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:123456789012:secret:dev/db-")
}

func TestAssumeRoleRefusals(t *testing.T) {
	l := newLab(t)
	ok(t, l.AWS().IAM().PutRole(iam.Role{ARN: "arn:aws:iam::123456789012:role/an-hour", Trust: []string{aws.LabUserARN, aws.TestRoleARN}}))
	stranger := l.as("stranger", everything("sts:AssumeRole"))
	for _, tc := range []struct {
		name        string
		credentials awssdk.CredentialsProvider
		role        string
		session     string
		seconds     int32
		code, says  string
	}{
		{name: "a role that does not trust the caller", credentials: stranger, code: "AccessDenied",
			says: "User: arn:aws:iam::123456789012:user/stranger is not authorized to perform: " +
				"sts:AssumeRole on resource: arn:aws:iam::123456789012:role/test-role"},
		{name: "a role that does not exist", role: "arn:aws:iam::123456789012:role/none", code: "AccessDenied", says: "role/none"},
		{name: "too short a session", seconds: 899, code: "ValidationError", says: "greater than or equal to 900"},
		{name: "too long a session", seconds: 43201, code: "ValidationError", says: "less than or equal to 43200"},
		{name: "longer than the role allows", role: "arn:aws:iam::123456789012:role/an-hour", seconds: 3601, code: "ValidationError",
			says: "MaxSessionDuration"},
		{name: "more than an hour by role chaining", credentials: l.assume(aws.TestRoleARN), role: "arn:aws:iam::123456789012:role/an-hour",
			seconds: 3601, code: "ValidationError", says: "role chaining"},
		{name: "a session name with a blank", session: "a b", code: "ValidationError", says: "roleSessionName"},
		{name: "a role that is no ARN", role: "x", code: "ValidationError", says: "roleArn"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := &sts.AssumeRoleInput{RoleArn: awssdk.String(aws.TestRoleARN), RoleSessionName: awssdk.String("test")}
			if tc.role != "" {
				in.RoleArn = &tc.role
			}
			if tc.session != "" {
				in.RoleSessionName = &tc.session
			}
			if tc.seconds != 0 {
				in.DurationSeconds = &tc.seconds
			}
			_, err := l.sts(tc.credentials).AssumeRole(context.Background(), in)
			wantError(t, err, tc.code, tc.says)
		})
	}
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	const issuer, subject, audience = "https://issuer.example", "system:serviceaccount:secretgate:syncer", "sts.amazonaws.com"
	l := newLab(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	ok(t, l.AWS().IAM().PutProvider(iam.Provider{
		Issuer: issuer, Audiences: []string{audience, "unused"},
		Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &other.PublicKey, KeyID: "old"}, {Key: &key.PublicKey, KeyID: "new"}}},
	}))
	const role = "arn:aws:iam::123456789012:role/irsa"
	ok(t, l.AWS().IAM().PutRole(iam.Role{
		ARN: role, WebIdentity: []iam.WebIdentity{{Issuer: issuer, Subjects: []string{"system:serviceaccount:secretgate:*"},
			Audiences: []string{audience}}},
	}))
	good := jwt.Claims{Issuer: issuer, Subject: subject, Audience: jwt.Audience{audience},
		Expiry: jwt.NewNumericDate(l.clock().Add(time.Minute))}
	for _, tc := range []struct {
		name, keyID string
		role        string
		key         *rsa.PrivateKey
		change      func(*jwt.Claims)
		code        string
	}{
		{name: "a good token", keyID: "new"},
		{name: "a good token without a key id"},
		{name: "a token of another key", keyID: "new", key: other, code: "InvalidIdentityToken"},
		{name: "a token of another issuer", change: func(c *jwt.Claims) { c.Issuer = "https://evil.example" }, code: "InvalidIdentityToken"},
		{name: "a token for another audience", change: func(c *jwt.Claims) { c.Audience = jwt.Audience{"vault"} },
			code: "InvalidIdentityToken"},
		{name: "an audience of the provider that the role does not take",
			change: func(c *jwt.Claims) { c.Audience = jwt.Audience{"unused"} }, code: "AccessDenied"},
		{name: "a subject that the role does not trust", change: func(c *jwt.Claims) { c.Subject = "system:serviceaccount:default:syncer" },
			code: "AccessDenied"},
		{name: "a role without trust in the issuer", role: aws.TestRoleARN, code: "AccessDenied"},
		{name: "an expired token", change: func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(l.clock().Add(-time.Second)) },
			code: "ExpiredTokenException"},
		{name: "a token without expiry", change: func(c *jwt.Claims) { c.Expiry = nil }, code: "InvalidIdentityToken"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			claims := good
			if tc.change != nil {
				tc.change(&claims)
			}
			signer := key
			if tc.key != nil {
				signer = tc.key
			}
			token := sign(t, signer, tc.keyID, claims)
			in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: awssdk.String(role), RoleSessionName: awssdk.String("irsa"),
				WebIdentityToken: &token}
			if tc.role != "" {
				in.RoleArn = &tc.role
			}
			out, err := l.sts(nil).AssumeRoleWithWebIdentity(context.Background(), in)
			if tc.code != "" {
				wantError(t, err, tc.code, "")
				return
			}
			ok(t, err)
			got := []string{*out.SubjectFromWebIdentityToken, *out.Audience, *out.Provider, *out.AssumedRoleUser.Arn}
			if diff := cmp.Diff([]string{subject, audience, issuer, "arn:aws:sts::123456789012:assumed-role/irsa/irsa"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func sign(t *testing.T, key *rsa.PrivateKey, id string, claims jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	ok(t, err)
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	ok(t, err)
	return token
}

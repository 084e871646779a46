package aws_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

var background = context.Background()

func batch(c *secretsmanager.Client, ids ...string) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return c.BatchGetSecretValue(background, &secretsmanager.BatchGetSecretValueInput{SecretIdList: ids})
}

func token(digit string) *string { return awssdk.String(strings.Repeat(digit, 32)) }

func create(t *testing.T, c *secretsmanager.Client, name, value string) *secretsmanager.CreateSecretOutput {
	t.Helper()
	out, err := c.CreateSecret(background, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value,
		ClientRequestToken: token("1")})
	ok(t, err)
	return out
}

func TestASecretsLife(t *testing.T) {
	l := newLab(t)
	c := l.sm(nil)
	created := create(t, c, "dev/db", "one")

	put, err := c.PutSecretValue(background, &secretsmanager.PutSecretValueInput{SecretId: created.ARN, SecretBinary: []byte{0, 1, 255},
		ClientRequestToken: token("2")})
	ok(t, err)
	if diff := cmp.Diff([]string{"AWSCURRENT"}, put.VersionStages); diff != "" {
		t.Error(diff)
	}
	got, err := l.get(c, "dev/db")
	ok(t, err)
	if got.SecretString != nil || string(got.SecretBinary) != "\x00\x01\xff" || *got.VersionId != *token("2") ||
		*got.ARN != *created.ARN || *got.Name != "dev/db" {
		t.Error("the current version is not the binary one that was put")
	}
	if d := got.CreatedDate.Sub(l.clock()).Abs(); d > time.Millisecond {
		t.Errorf("created %s off the clock", d)
	}

	updated, err := c.UpdateSecret(background, &secretsmanager.UpdateSecretInput{
		SecretId: awssdk.String("dev/db"), Description: awssdk.String("a database"), SecretString: awssdk.String("three"),
		ClientRequestToken: token("3"),
	})
	ok(t, err)
	if *updated.VersionId != *token("3") {
		t.Errorf("updated version %s", *updated.VersionId)
	}
	described, err := c.DescribeSecret(background, &secretsmanager.DescribeSecretInput{SecretId: awssdk.String("dev/db")})
	ok(t, err)
	if *described.Description != "a database" {
		t.Errorf("described as %q", *described.Description)
	}
	want := map[string][]string{*token("2"): {"AWSPREVIOUS"}, *token("3"): {"AWSCURRENT"}}
	if diff := cmp.Diff(want, described.VersionIdsToStages); diff != "" {
		t.Error(diff)
	}
	versions, err := c.ListSecretVersionIds(background, &secretsmanager.ListSecretVersionIdsInput{SecretId: awssdk.String("dev/db"),
		IncludeDeprecated: awssdk.Bool(true)})
	ok(t, err)
	if len(versions.Versions) != 3 {
		t.Errorf("%d versions with deprecated ones, want 3", len(versions.Versions))
	}
}

func TestVersionsAndStagesAreChosen(t *testing.T) {
	l := newLab(t)
	c := l.sm(nil)
	create(t, c, "dev/db", "one")
	for digit, stages := range map[string][]string{"2": {"AWSPENDING"}, "3": {"blue", "green"}} {
		_, err := c.PutSecretValue(background, &secretsmanager.PutSecretValueInput{
			SecretId: awssdk.String("dev/db"), SecretString: awssdk.String(digit), ClientRequestToken: token(digit), VersionStages: stages,
		})
		ok(t, err)
	}
	for _, tc := range []struct {
		name        string
		id, stage   *string
		want        string
		code, error string
	}{
		{name: "neither means AWSCURRENT", want: "1"},
		{name: "a stage", stage: awssdk.String("AWSPENDING"), want: "2"},
		{name: "a custom stage", stage: awssdk.String("green"), want: "3"},
		{name: "a version id", id: token("2"), want: "2"},
		{name: "both that agree", id: token("3"), stage: awssdk.String("blue"), want: "3"},
		{name: "both that disagree", id: token("1"), stage: awssdk.String("blue"), code: "InvalidRequestException",
			error: "not associated to the provided VersionId"},
		{name: "a stage that no version has", stage: awssdk.String("AWSPREVIOUS"), code: "ResourceNotFoundException",
			error: "for staging label: AWSPREVIOUS"},
		{name: "a version that does not exist", id: token("9"), code: "ResourceNotFoundException", error: "for VersionId: " + *token("9")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := c.GetSecretValue(background, &secretsmanager.GetSecretValueInput{SecretId: awssdk.String("dev/db"), VersionId: tc.id,
				VersionStage: tc.stage})
			if tc.code != "" {
				wantError(t, err, tc.code, tc.error)
				return
			}
			ok(t, err)
			if *got.VersionId != *token(tc.want) {
				t.Errorf("got version %s, want %s", *got.VersionId, *token(tc.want))
			}
		})
	}
}

func TestStagesAreMoved(t *testing.T) {
	for _, tc := range []struct {
		name     string
		stage    string
		from, to *string
		want     map[string][]string
		code     string
		says     string
	}{
		{name: "current goes to the pending version and leaves previous behind", stage: "AWSCURRENT", from: token("1"), to: token("2"),
			want: map[string][]string{*token("1"): {"AWSPREVIOUS"}, *token("2"): {"AWSCURRENT", "AWSPENDING"}}},
		{name: "pending is removed", stage: "AWSPENDING", from: token("2"), want: map[string][]string{*token("1"): {"AWSCURRENT"}}},
		{name: "a new label is added", stage: "blue", to: token("1"),
			want: map[string][]string{*token("1"): {"AWSCURRENT", "blue"}, *token("2"): {"AWSPENDING"}}},
		{name: "current cannot be removed", stage: "AWSCURRENT", from: token("1"), code: "InvalidParameterException",
			says: "can't be completely removed"},
		{name: "the holder must be named", stage: "AWSCURRENT", to: token("2"), code: "InvalidParameterException",
			says: "RemoveFromVersionId can't be empty"},
		{name: "the holder must be the right one", stage: "AWSCURRENT", from: token("2"), to: token("2"), code: "InvalidParameterException",
			says: "not attached"},
		{name: "the target must exist", stage: "AWSCURRENT", from: token("1"), to: token("9"), code: "ResourceNotFoundException",
			says: "version"},
		{name: "some version must be named", stage: "AWSCURRENT", code: "InvalidParameterException", says: "or both"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newLab(t).sm(nil)
			create(t, c, "dev/db", "one")
			_, err := c.PutSecretValue(background, &secretsmanager.PutSecretValueInput{
				SecretId: awssdk.String("dev/db"), SecretString: awssdk.String("two"), ClientRequestToken: token("2"),
				VersionStages: []string{"AWSPENDING"},
			})
			ok(t, err)
			_, err = c.UpdateSecretVersionStage(background, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: awssdk.String("dev/db"), VersionStage: &tc.stage, RemoveFromVersionId: tc.from, MoveToVersionId: tc.to,
			})
			if tc.code != "" {
				wantError(t, err, tc.code, tc.says)
				return
			}
			ok(t, err)
			described, err := c.DescribeSecret(background, &secretsmanager.DescribeSecretInput{SecretId: awssdk.String("dev/db")})
			ok(t, err)
			if diff := cmp.Diff(tc.want, described.VersionIdsToStages); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWritesAreIdempotentByToken(t *testing.T) {
	l := newLab(t)
	c := l.sm(nil)
	first := create(t, c, "dev/db", "one")
	if again := create(t, c, "dev/db", "one"); *again.ARN != *first.ARN || *again.VersionId != *first.VersionId {
		t.Error("the same creation sent twice made two secrets")
	}
	in := func(value string) *secretsmanager.PutSecretValueInput {
		return &secretsmanager.PutSecretValueInput{SecretId: awssdk.String("dev/db"), SecretString: &value, ClientRequestToken: token("2")}
	}
	for range 2 {
		_, err := c.PutSecretValue(background, in("two"))
		ok(t, err)
	}
	_, err := c.PutSecretValue(background, in("another"))
	wantError(t, err, "ResourceExistsException", "already in use for a version of secret "+*first.ARN)
	other := "another"
	_, err = c.CreateSecret(background, &secretsmanager.CreateSecretInput{Name: awssdk.String("dev/db"), SecretString: &other})
	wantError(t, err, "ResourceExistsException", "The operation failed because the secret dev/db already exists.")
}

func TestWritesThatMakeNoSenseAreRefused(t *testing.T) {
	c := newLab(t).sm(nil)
	create(t, c, "dev/db", "one")
	text, big := "x", strings.Repeat("x", 65537)
	for _, tc := range []struct {
		name       string
		in         secretsmanager.PutSecretValueInput
		code, says string
	}{
		{"no value", secretsmanager.PutSecretValueInput{}, "InvalidRequestException", "either SecretString or SecretBinary"},
		{"two values", secretsmanager.PutSecretValueInput{SecretString: &text, SecretBinary: []byte("x")}, "InvalidParameterException", "both"},
		{"a value over 64 KiB", secretsmanager.PutSecretValueInput{SecretString: &big}, "ValidationException", "65536"},
		{"a short token", secretsmanager.PutSecretValueInput{SecretString: &text, ClientRequestToken: &text}, "InvalidParameterException",
			"32-64"},
		{"a secret that does not exist", secretsmanager.PutSecretValueInput{SecretString: &text, SecretId: &text},
			"ResourceNotFoundException", "Secrets Manager can't find the specified secret."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.in.SecretId == nil {
				tc.in.SecretId = awssdk.String("dev/db")
			}
			_, err := c.PutSecretValue(background, &tc.in)
			wantError(t, err, tc.code, tc.says)
		})
	}
	_, err := c.CreateSecret(background, &secretsmanager.CreateSecretInput{Name: awssdk.String("a b")})
	wantError(t, err, "ValidationException", "Invalid name")
}

func TestDeletion(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "a", String: "x"}, store.Secret{Name: "b", String: "x"})
	c := l.sm(nil)
	remove := func(in secretsmanager.DeleteSecretInput) error { _, err := c.DeleteSecret(background, &in); return err }

	wantError(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("a"), RecoveryWindowInDays: awssdk.Int64(6)}),
		"InvalidParameterException", "between 7 and 30")
	wantError(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("a"), RecoveryWindowInDays: awssdk.Int64(7),
		ForceDeleteWithoutRecovery: awssdk.Bool(true)}),
		"InvalidParameterException", "in conjunction")

	ok(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("a"), RecoveryWindowInDays: awssdk.Int64(7)}))
	_, err := l.get(c, "a")
	wantError(t, err, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	_, err = c.CreateSecret(background, &secretsmanager.CreateSecretInput{Name: awssdk.String("a")})
	wantError(t, err, "InvalidRequestException", "already scheduled for deletion")
	_, err = c.RestoreSecret(background, &secretsmanager.RestoreSecretInput{SecretId: awssdk.String("a")})
	ok(t, err)
	_, err = l.get(c, "a")
	ok(t, err)

	ok(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("b"), ForceDeleteWithoutRecovery: awssdk.Bool(true)}))
	_, err = l.get(c, "b")
	wantError(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	ok(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("b"), ForceDeleteWithoutRecovery: awssdk.Bool(true)}))
	wantError(t, remove(secretsmanager.DeleteSecretInput{SecretId: awssdk.String("b")}), "ResourceNotFoundException", "")
}

func TestADeletedSecretIsGoneAfterItsRecoveryWindow(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "a", String: "x"})
	_, err := l.sm(nil).DeleteSecret(background, &secretsmanager.DeleteSecretInput{SecretId: awssdk.String("a"),
		RecoveryWindowInDays: awssdk.Int64(7)})
	ok(t, err)
	l.advance(7*24*time.Hour - time.Second)
	if got := l.AWS().Secrets(region); len(got) != 1 || !got[0].Deleted {
		t.Errorf("a second before the end: %+v", got)
	}
	l.advance(time.Second)
	if got := l.AWS().Secrets(region); len(got) != 0 {
		t.Errorf("at the end: %+v", got)
	}
}

func TestSecretsAreFoundByNameAndARNInTheirRegionOnly(t *testing.T) {
	l := newLab(t)
	c := l.sm(nil)
	arn := *create(t, c, "dev/db", "one").ARN
	for _, id := range []string{"dev/db", arn, strings.TrimSuffix(arn, arn[len(arn)-7:])} {
		_, err := l.get(c, id)
		ok(t, err)
	}
	elsewhere := l.sm(nil, func(o *secretsmanager.Options) { o.Region = "us-east-1" })
	for _, id := range []string{"dev/db", arn} {
		_, err := l.get(elsewhere, id)
		wantError(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
}

func TestPermissionsAreJudgedPerSecret(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "dev/db", String: "x"}, store.Secret{Name: "prod/db", String: "x"})
	c := l.sm(l.as("dev", permission.Set{
		{Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:*:*:secret:dev/*"}},
		{Actions: []string{"secretsmanager:BatchGetSecretValue"}, Resources: []string{"*"}},
	}))
	_, err := l.get(c, "dev/db")
	ok(t, err)
	const denied = "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: secretsmanager:GetSecretValue on resource: "
	_, err = l.get(c, "prod/db")
	wantError(t, err, "AccessDeniedException", denied+"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-")
	_, err = l.get(c, "prod/none")
	wantError(t, err, "AccessDeniedException",
		denied+"prod/none because no identity-based policy allows the secretsmanager:GetSecretValue action")
	_, err = c.DescribeSecret(background, &secretsmanager.DescribeSecretInput{SecretId: awssdk.String("dev/db")})
	wantError(t, err, "AccessDeniedException", "secretsmanager:DescribeSecret on resource: ")
	_, err = c.ListSecrets(background, &secretsmanager.ListSecretsInput{})
	wantError(t, err, "AccessDeniedException", "secretsmanager:ListSecrets because")

	out, err := batch(c, "dev/db", "prod/db")
	ok(t, err)
	if len(out.SecretValues) != 1 || len(out.Errors) != 1 ||
		*out.Errors[0].SecretId != "prod/db" || *out.Errors[0].ErrorCode != "AccessDeniedException" {
		t.Errorf("%d values, %d errors", len(out.SecretValues), len(out.Errors))
	}
}

func TestABatchTellsWhatIsWrongPerSecret(t *testing.T) {
	l := newLab(t)
	l.put(store.Secret{Name: "a", String: "x"}, store.Secret{Name: "b", Binary: []byte{0}}, store.Secret{Name: "deleted", String: "x"})
	c := l.sm(l.assume(aws.TestRoleARN))
	_, err := l.sm(nil).DeleteSecret(background, &secretsmanager.DeleteSecretInput{SecretId: awssdk.String("deleted")})
	ok(t, err)
	out, err := batch(c, "a", "none", "b", "deleted")
	ok(t, err)
	var got []string
	for _, v := range out.SecretValues {
		got = append(got, fmt.Sprintf("%s %v", *v.Name, v.VersionStages))
	}
	for _, e := range out.Errors {
		got = append(got, *e.SecretId+" "+*e.ErrorCode)
	}
	want := []string{"a [AWSCURRENT]", "b [AWSCURRENT]", "none ResourceNotFoundException", "deleted InvalidRequestException"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ids := make([]string, 21)
	for i := range ids {
		ids[i] = fmt.Sprint("secret", i)
	}
	_, err = batch(c, ids...)
	wantError(t, err, "ValidationException", "less than or equal to 20")
	_, err = batch(c)
	wantError(t, err, "InvalidParameterException", "SecretIdList")
}

func TestListsComeInPages(t *testing.T) {
	l := newLab(t)
	var want []string
	for i := range 250 {
		name := fmt.Sprintf("s%03d", i)
		want = append(want, name)
		l.put(store.Secret{Name: name, String: "x"})
	}
	var got []string
	// The SDK closes a request's body as soon as the answer begins. Where that comes at once, Go's transport may take it for a
	// failed request, and cut a long answer off: the SDK's own retries are part of it.
	retrying := l.sm(nil, func(o *secretsmanager.Options) { o.Retryer = retry.NewStandard() })
	pages := secretsmanager.NewListSecretsPaginator(retrying, &secretsmanager.ListSecretsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(background)
		ok(t, err)
		for _, s := range page.SecretList {
			got = append(got, *s.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err := l.sm(nil).ListSecrets(background, &secretsmanager.ListSecretsInput{NextToken: awssdk.String("!")})
	wantError(t, err, "InvalidNextTokenException", "")
}

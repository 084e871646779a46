package awssession

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
)

// TestWhatToDoWhereSTSRefuses reads as a role, or as a web identity, whose session STS does not begin.
func TestWhatToDoWhereSTSRefuses(t *testing.T) {
	const (
		assume  = "let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		trust   = "let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token"
		keys    = "check the AWS credentials of the syncer; where this region alone refuses them, enable it for the account, or check {location}"
		given   = "give the syncer AWS credentials: a role for its service account (web identity or pod identity), an instance role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		aRole   = "arn:aws:iam::123456789012:role/far"
		nothing = ""
	)
	for name, test := range map[string]struct {
		role   string
		status int
		code   string
		want   string
	}{
		"a role that may not be assumed":             {aRole, 403, "AccessDenied", assume},
		"a web identity that the role does not take": {"", 403, "AccessDenied", trust},
		"a token that STS does not take":             {"", 400, "InvalidIdentityToken", given},
		"an access key that STS does not know":       {aRole, 403, "InvalidClientTokenId", keys},
		"a region where STS is not active":           {aRole, 403, "RegionDisabledException", "let the account's administrator activate STS in the region"},
		"an outage":                                  {aRole, 503, "ServiceUnavailable", nothing},
		"a role of no form":                          {aRole, 400, "ValidationError", nothing},
	} {
		t.Run(name, func(t *testing.T) {
			asUser(t)
			if test.role == "" {
				asWebIdentity(t)
			}
			s, err := New(Config{Region: "eu-west-1"})
			if err != nil {
				t.Fatal(err)
			}
			// The text is no help: STS has named its operations in many ways.
			const answer = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>%s</Code><Message>no</Message></Error></ErrorResponse>`
			s.aws.HTTPClient = doer(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: test.status, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(answer, test.code)))}, nil
			})
			_, err = s.held.Get(t.Context(), s.identity(test.role, "eu-west-1"))
			if got := awserror.Hint(err, plan.Source{}); err == nil || got != test.want {
				t.Errorf("%v: got %q, want %q", err, got, test.want)
			}
		})
	}
}

// asWebIdentity puts what the syncer's service account is given into the environment.
func asWebIdentity(t *testing.T) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("planted"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
	} {
		t.Setenv(name, value)
	}
}

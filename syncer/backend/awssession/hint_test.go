package awssession

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
)

// TestWhatToDoWhereSTSRefuses reads as a role, or as a web identity, whose session STS does not begin.
func TestWhatToDoWhereSTSRefuses(t *testing.T) {
	const (
		assume = "let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		trust  = "let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token"
		keys   = "check the AWS credentials of the syncer; where this region alone refuses them, enable it for the account, or check {location}"
		given  = "give the syncer AWS credentials: a role for its service account (web identity or pod identity), an instance role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		tag    = "let the syncer's identity assume the role and tag the session with secretgate:namespace=core secretgate:name=db: " +
			"sts:AssumeRole and sts:TagSession in the role's trust policy, and in the identity's own"
		mayTag = "let the syncer's identity tag the session, as its --aws-session-tags demands: " +
			"sts:TagSession beside sts:AssumeRole in the role's trust policy, and in the identity's own"
		aRole   = "arn:aws:iam::123456789012:role/far"
		nothing = ""
	)
	core := plan.Tenant{Namespace: "core", Name: "db"}
	for name, test := range map[string]struct {
		role   string
		status int
		code   string
		want   string
		tenant plan.Tenant
		text   string // STS's; it is no help but for tags: STS has named its operations in many ways
	}{
		"a role that may not be assumed":                       {aRole, 403, "AccessDenied", assume, plan.Tenant{}, "no"},
		"a web identity that the role does not take":           {"", 403, "AccessDenied", trust, plan.Tenant{}, "no"},
		"a token that STS does not take":                       {"", 400, "InvalidIdentityToken", given, plan.Tenant{}, "no"},
		"an access key that STS does not know":                 {aRole, 403, "InvalidClientTokenId", keys, plan.Tenant{}, "no"},
		"a region where STS is not active":                     {aRole, 403, "RegionDisabledException", "let the account's administrator activate STS in the region", plan.Tenant{}, "no"},
		"an outage":                                            {aRole, 503, "ServiceUnavailable", nothing, plan.Tenant{}, "no"},
		"a role of no form":                                    {aRole, 400, "ValidationError", nothing, plan.Tenant{}, "no"},
		"a role that may not be assumed on behalf of a tenant": {aRole, 403, "AccessDenied", tag, core, "no"},
		"a session that may not be tagged": {
			aRole, 403, "AccessDenied", mayTag, core, "User: u is not authorized to perform: sts:TagSession on resource: r",
		},
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
			const answer = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`
			s.aws.HTTPClient = doer(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: test.status, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(answer, test.code, test.text)))}, nil
			})
			of := plan.Source{Store: plan.Store{Role: test.role, Location: "eu-west-1", Tenant: test.tenant}}
			err = s.Do(t.Context(), of.Store, func(aws.CredentialsProvider) error { return nil })
			if got := awserror.Hint(err, of); err == nil || got != test.want {
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

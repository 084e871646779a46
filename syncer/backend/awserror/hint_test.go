package awserror

import (
	"io"
	"net"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestHint(t *testing.T) {
	code := func(code, message string) error {
		return &smithy.OperationError{ServiceID: "SSM", OperationName: "GetParameter", Err: &smithy.GenericAPIError{Code: code, Message: message}}
	}
	const parameter = "arn:aws:ssm:eu-west-2:123456789012:parameter/db"
	of := func(key string) plan.Source {
		return plan.Source{Store: plan.Store{Location: "eu-west-1"}, Read: plan.Read{Key: key}}
	}
	for name, test := range map[string]struct {
		err  error
		of   plan.Source
		want string
	}{
		"a region that does not exist": {
			&CredentialsError{Err: &net.DNSError{Name: "sts.eu-west-9.amazonaws.com", IsNotFound: true}}, of("db"),
			"check the region ({location}, or AWS_REGION for webhook and syncer), and the DNS of the syncer's node",
		},
		"a region that the account has not enabled, or a key that AWS does not know": {
			code("UnrecognizedClientException", "The security token included in the request is invalid."), of("db"),
			"check the AWS credentials of the syncer; where this region alone refuses them, enable it for the account, or check {location}",
		},
		"a secret that is marked for deletion": {
			code("InvalidRequestException", "it was marked for deletion."), of("db"), "restore the secret while its recovery window lasts, or name another",
		},
		"the same in a batch": {
			&ItemError{"InvalidRequestException", "it was marked for deletion."}, of("db"), "restore the secret while its recovery window lasts, or name another",
		},
		"an ARN of another region that is not found": {
			code("ParameterNotFound", ""), of(parameter), "the key is an ARN of another region: set {location} to eu-west-2",
		},
		"one that is denied": {
			code("AccessDeniedException", "m"), of(parameter), "the key is an ARN of another region: set {location} to eu-west-2",
		},
		"one that is throttled": {code("ThrottlingException", ""), of(parameter), ""},
		"an ARN of a region":    {code("ParameterNotFound", ""), of("arn:aws:ssm:eu-west-1:123456789012:parameter/db"), ""},
		"an ARN of no region":   {code("ParameterNotFound", ""), of("arn:aws:ssm:{mount}:123456789012:parameter/db"), ""},
		"a denial":              {code("AccessDeniedException", "m"), of("db"), ""},
		"a denial that speaks of STS's operations": {
			code("AccessDeniedException", "not authorized to perform: sts:AssumeRole"), of("db"), "",
		},
		"a session that has ended": {
			code("ExpiredTokenException", "m"), of("db"), "give the syncer AWS credentials: a role for its service account (web identity or pod identity), " +
				"an instance role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		},
		"what is not AWS's":  {io.EOF, of("db"), ""},
		"an outage of DNS's": {&net.DNSError{Name: "sts.eu-west-1.amazonaws.com", IsTimeout: true}, of("db"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Hint(test.err, test.of); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDenialsOfTheKeyOfAValue(t *testing.T) {
	code := func(code, message string) error {
		return &smithy.OperationError{Err: &smithy.GenericAPIError{Code: code, Message: message}}
	}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a key that is disabled":        {code("InvalidKeyId", "x is disabled"), true},
		"a key that is being deleted":   {code("DecryptionFailure", ""), true},
		"KMS's own denial":              {code("KMSAccessDeniedException", ""), true},
		"an action of KMS's":            {code("AccessDeniedException", "x is not authorized to perform: kms:Decrypt on resource: y"), true},
		"a denial that KMS worded":      {code("AccessDeniedException", "The ciphertext refers to … (Service: AWSKMS; Status Code: 400)"), true},
		"an action of another service":  {code("AccessDeniedException", "x is not authorized to perform: ssm:GetParameter on resource: y"), false},
		"KMS in a message of no denial": {code("ThrottlingException", "kms:Decrypt"), false},
		"what is not AWS's":             {io.EOF, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DeniesKey(test.err); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

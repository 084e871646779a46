package awserror

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestClassify(t *testing.T) {
	code := func(code, message string) error {
		return &smithy.OperationError{ServiceID: "Secrets Manager", Err: &smithy.GenericAPIError{Code: code, Message: message}}
	}
	status := func(status int, err error) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
	}
	fromSTS := func(err error) error {
		return &CredentialsError{Err: &smithy.OperationError{ServiceID: "STS", Err: err}}
	}
	tests := map[string]struct {
		err     error
		want    driver.Kind
		explain string
	}{
		"a region that does not exist": {
			fromSTS(&smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: "sts.eu-west-9.amazonaws.com", IsNotFound: true}}}),
			driver.Invalid, "no session: there is no host sts.eu-west-9.amazonaws.com",
		},
		"a region of China's that does not exist": {
			&smithyhttp.RequestSendError{Err: &net.DNSError{Name: "secretsmanager.cn-east-9.amazonaws.com.cn", IsNotFound: true}},
			driver.Invalid, "there is no host secretsmanager.cn-east-9.amazonaws.com.cn",
		},
		"a region that does not exist, to a web identity": {
			&CredentialsError{Err: &smithy.OperationError{ServiceID: "STS", Err: &net.DNSError{Name: "sts.x.amazonaws.com", IsNotFound: true}}},
			driver.Invalid, "no session: there is no host sts.x.amazonaws.com",
		},
		"DNS that does not answer": {
			&smithyhttp.RequestSendError{Err: &net.DNSError{Name: "ssm.eu-west-1.amazonaws.com", Err: "server misbehaving", IsTemporary: true}},
			driver.Unavailable, "lookup ssm.eu-west-1.amazonaws.com: server misbehaving",
		},
		"an endpoint of one's own that does not exist": {
			&smithyhttp.RequestSendError{Err: &net.DNSError{Name: "localstack", Err: "no such host", IsNotFound: true}}, driver.Unavailable, "lookup localstack: no such host",
		},
		"no such secret": {code("ResourceNotFoundException", "m"), driver.NotFound, "ResourceNotFoundException: m"},
		"one marked for deletion": {
			code("InvalidRequestException", "it was marked for deletion."), driver.NotFound, "InvalidRequestException: it was marked for deletion.",
		},
		"another invalid request":            {status(400, code("InvalidRequestException", "m")), driver.Invalid, "InvalidRequestException: m"},
		"a denial":                           {code("AccessDeniedException", "m"), driver.Denied, "AccessDeniedException: m"},
		"a KMS key that is gone":             {code("DecryptionFailure", "m"), driver.Denied, "DecryptionFailure: m"},
		"an unknown access key":              {code("UnrecognizedClientException", "m"), driver.Unauthenticated, "UnrecognizedClientException: m"},
		"a session that has ended":           {code("ExpiredTokenException", "m"), driver.Unauthenticated, "ExpiredTokenException: m"},
		"a request that came too late":       {status(400, code("RequestExpired", "m")), driver.Unauthenticated, "RequestExpired: m"},
		"no such version of a parameter":     {status(400, code("ParameterVersionNotFound", "m")), driver.NotFound, "ParameterVersionNotFound: m"},
		"a denial that speaks of a deletion": {code("AccessDeniedException", "marked for deletion"), driver.Denied, "AccessDeniedException: marked for deletion"},
		"the host of another service":        {status(404, code("UnknownError", "")), driver.Invalid, "UnknownError"},
		"throttling":                         {code("ThrottlingException", ""), driver.Throttled, "ThrottlingException"},
		"too many requests":                  {code("TooManyRequestsException", "m"), driver.Throttled, "TooManyRequestsException: m"},
		"AWS's own fault":                    {code("InternalServiceError", "m"), driver.Unavailable, "InternalServiceError: m"},
		"an unknown code":                    {status(400, code("NewException", "m")), driver.Invalid, "NewException: m"},
		"a call that is not implemented": {
			status(501, code("InternalFailure", "not implemented")), driver.Invalid, "InternalFailure: not implemented",
		},
		"a status of 503": {status(503, code("UnknownError", "")), driver.Unavailable, "UnknownError"},
		"a status of 429": {status(429, errors.New("x")), driver.Throttled, "http response error StatusCode: 429, x"},
		"a page in place of an answer": {
			status(200, &smithy.DeserializationError{Err: errors.New("planted")}), driver.Unavailable, "the answer is not one of AWS's",
		},
		"no such secret, in a batch":               {&ItemError{"ResourceNotFoundException", "m"}, driver.NotFound, "ResourceNotFoundException: m"},
		"an unknown code, in a batch":              {&ItemError{"NewException", ""}, driver.Invalid, "NewException"},
		"a secret marked for deletion, in a batch": {&ItemError{"InvalidRequestException", "marked for deletion"}, driver.NotFound, "InvalidRequestException: marked for deletion"},
		"no connection":                            {&smithyhttp.RequestSendError{Err: io.EOF}, driver.Unavailable, "EOF"},
		"an answer without a value":                {driver.ErrNoValue, driver.Unavailable, "the answer holds no value"},
		"no region":                                {ErrNoRegion, driver.Invalid, "no region is given"},
		"a role that may not be assumed": {
			fromSTS(&smithy.GenericAPIError{Code: "AccessDenied", Message: "m"}), driver.Denied, "no session: AccessDenied: m",
		},
		"an outage of STS": {fromSTS(&smithyhttp.RequestSendError{Err: io.EOF}), driver.Unavailable, "no session: EOF"},
		"no credentials at all": {
			&CredentialsError{Err: &smithy.OperationError{
				ServiceID: "ec2imds", OperationName: "GetMetadata", Err: &smithyhttp.RequestSendError{Err: io.EOF},
			}},
			driver.Unauthenticated, "no session: operation error ec2imds: GetMetadata, request send failed, EOF"},
		"no credentials in time": {&CredentialsError{Err: context.DeadlineExceeded}, driver.Unavailable, "no session: context deadline exceeded"},
		"a code without end, which leaves room for the message": {
			&smithy.GenericAPIError{Code: strings.Repeat("x", 1<<20) + "\n", Message: "m"}, driver.Unknown, strings.Repeat("x", 127) + "…: m",
		},
		"anything else": {errors.New("x"), driver.Unknown, "x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Classify(test.err); got != test.want {
				t.Errorf("kind %s, want %s", got, test.want)
			}
			if got := Explain(test.err); got != test.explain {
				t.Errorf("explained as %q, want %q", got, test.explain)
			}
		})
	}
}

func TestExpired(t *testing.T) {
	ofSession, ofUser := aws.Credentials{AccessKeyID: "a", SessionToken: "t"}, aws.Credentials{AccessKeyID: "a"}
	code := func(code string) error { return &smithy.OperationError{Err: &smithy.GenericAPIError{Code: code}} }
	for name, test := range map[string]struct {
		err  error
		used aws.Credentials
		want bool
	}{
		"a session that has ended, as the services say it": {code("ExpiredTokenException"), ofSession, true},
		"as STS says it":                      {code("ExpiredToken"), ofSession, true},
		"one that the services do not know":   {code("UnrecognizedClientException"), ofSession, true},
		"one that STS does not know":          {code("InvalidClientTokenId"), ofSession, true},
		"a denial":                            {code("AccessDeniedException"), ofSession, false},
		"a wrong signature":                   {code("InvalidSignatureException"), ofSession, false},
		"no answer":                           {io.EOF, ofSession, false},
		"no error":                            {nil, ofSession, false},
		"a user's keys, which are no session": {code("UnrecognizedClientException"), ofUser, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Expired(test.err, test.used); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

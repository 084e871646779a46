package clouds_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	store "github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

const region = "us-west-2"

// serve starts a server on loopback with the secrets dev/a and dev/b.
func serve(t testing.TB) (*clouds.Server, string) {
	t.Helper()
	s := clouds.New(clouds.Options{})
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	if err := s.AWS().PutSecrets(region, store.Secret{Name: "dev/a", String: "planted"},
		store.Secret{Name: "dev/b", String: "planted"}); err != nil {
		t.Fatal(err)
	}
	return s, listening.URL
}

func client(s *clouds.Server, url string, change ...func(*secretsmanager.Options)) *secretsmanager.Client {
	u := s.AWS().LabUser()
	return secretsmanager.New(secretsmanager.Options{
		Region: region, BaseEndpoint: &url, Retryer: awssdk.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, ""),
	}, change...)
}

func get(c *secretsmanager.Client, id string) error {
	_, err := c.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	return err
}

func batch(c *secretsmanager.Client, ids ...string) error {
	_, err := c.BatchGetSecretValue(context.Background(), &secretsmanager.BatchGetSecretValueInput{SecretIdList: ids})
	return err
}

// code is what an error is to the SDK: AWS's code, or how the answer failed to be one.
func code(err error) string {
	var api smithy.APIError
	var garbage *smithy.DeserializationError
	switch {
	case err == nil:
		return "OK"
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.As(err, &garbage):
		return "not deserialized"
	case strings.Contains(err.Error(), "EOF"), strings.Contains(err.Error(), "connection reset"):
		return "cut"
	}
	return err.Error()
}

func TestFaultsAsTheSDKSeesThem(t *testing.T) {
	for _, tc := range []struct {
		name       string
		fault      fault.Fault
		sm, sts    string
		status     int
		retryAfter string
	}{
		{name: "a throttled call", fault: fault.Fault{Kind: fault.Throttle, RetryAfter: fault.Duration(1500 * time.Millisecond)},
			sm: "ThrottlingException", sts: "Throttling", status: 400, retryAfter: "2"},
		{name: "an outage", fault: fault.Fault{Kind: fault.Outage}, sm: "ServiceUnavailable", sts: "ServiceUnavailable", status: 503},
		{name: "a cut connection", fault: fault.Fault{Kind: fault.Cut}, sm: "cut", sts: "cut"},
		{name: "garbage", fault: fault.Fault{Kind: fault.Garbage}, sm: "not deserialized", sts: "not deserialized", status: 200},
		{name: "an error of one's choice", fault: fault.Fault{Kind: fault.Error, Code: "DecryptionFailure", Message: "no key"},
			sm: "DecryptionFailure", sts: "DecryptionFailure", status: 400},
		{name: "an error of the server", fault: fault.Fault{Kind: fault.Error, Code: "InternalServiceError", Status: 500},
			sm: "InternalServiceError", sts: "InternalServiceError", status: 500},
		{name: "a fault of another cloud", fault: fault.Fault{Kind: fault.Outage, Cloud: "azure"}, sm: "OK", sts: "OK"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, url := serve(t)
			if _, err := s.Faults().Add(tc.fault); err != nil {
				t.Fatal(err)
			}
			err := get(client(s, url), "dev/a")
			if got := code(err); got != tc.sm {
				t.Errorf("Secrets Manager: got %s, want %s", got, tc.sm)
			}
			var answer *smithyhttp.ResponseError
			if tc.status != 0 && (!errors.As(err,
				&answer) || answer.HTTPStatusCode() != tc.status || answer.Response.Header.Get("Retry-After") != tc.retryAfter) {
				t.Errorf("got %v, want status %d and Retry-After %q", err, tc.status, tc.retryAfter)
			}
			u := s.AWS().LabUser()
			security := sts.New(sts.Options{Region: region, BaseEndpoint: &url, Retryer: awssdk.NopRetryer{},
				Credentials: credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, "")})
			_, err = security.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
			if got := code(err); got != tc.sts {
				t.Errorf("STS: got %s, want %s", got, tc.sts)
			}
			s.Faults().Clear()
			if err := get(client(s, url), "dev/a"); err != nil {
				t.Errorf("after Clear: %v", err)
			}
		})
	}
}

func TestAFaultOfOneKeyStrikesBatchesThatAskForIt(t *testing.T) {
	s, url := serve(t)
	c := client(s, url)
	if _, err := s.Faults().Add(fault.Fault{Kind: fault.Throttle, Service: "secretsmanager", Key: "dev/b"}); err != nil {
		t.Fatal(err)
	}
	arn := s.AWS().Secrets(region)[1].ARN
	got := []string{code(get(c, "dev/a")), code(get(c, "dev/b")), code(get(c, arn)), code(batch(c, "dev/a")), code(batch(c, "dev/a", arn))}
	if diff := cmp.Diff([]string{"OK", "ThrottlingException", "ThrottlingException", "OK", "ThrottlingException"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCountersTellWhoCalledWhatAndHowItEnded(t *testing.T) {
	s, url := serve(t)
	c := client(s, url)
	for _, id := range []string{"dev/a", "dev/b", "none"} {
		_ = get(c, id)
	}
	_ = batch(c, "dev/a", "dev/b")
	stranger := credentials.NewStaticCredentialsProvider("AKIAUNKNOWN", "x", "")
	_ = get(client(s, url, func(o *secretsmanager.Options) { o.Credentials = stranger }), "dev/a")
	key := func(operation, identity, code string) counter.Key {
		return counter.Key{Cloud: "aws", Service: "secretsmanager", Operation: operation, Identity: identity, Code: code}
	}
	want := []counter.Count{
		{Key: key("BatchGetSecretValue", aws.LabUserARN, "OK"), Count: 1},
		{Key: key("GetSecretValue", "", "UnrecognizedClientException"), Count: 1},
		{Key: key("GetSecretValue", aws.LabUserARN, "OK"), Count: 2},
		{Key: key("GetSecretValue", aws.LabUserARN, "ResourceNotFoundException"), Count: 1},
	}
	if diff := cmp.Diff(want, s.Counters().All()); diff != "" {
		t.Error(diff)
	}
	if got := s.Counters().Sum(counter.Key{Operation: "GetSecretValue"}); got != 4 {
		t.Errorf("GetSecretValue was called %d times, want 4", got)
	}
	s.Counters().Reset()
	if got := s.Counters().All(); len(got) != 0 {
		t.Errorf("after Reset: %v", got)
	}
}

// direct calls a handler without a network, so that synctest can fake the time that a call takes.
type direct struct{ http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.Host = r.URL.Host
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestSlowCallsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clouds.New(clouds.Options{})
		if err := s.AWS().PutSecrets(region, store.Secret{Name: "dev/a", String: "planted"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Faults().Add(fault.Fault{Kind: fault.Latency, Latency: fault.Duration(20 * time.Millisecond)}); err != nil {
			t.Fatal(err)
		}
		c := client(s, "http://clouds.example", func(o *secretsmanager.Options) { o.HTTPClient = direct{s} })
		start := time.Now()
		var calls sync.WaitGroup
		for range 300 {
			calls.Go(func() {
				if err := get(c, "dev/a"); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("300 calls of 20 ms at once took %s", took)
		}
	})
}

func TestReadsAndRotationsAtOnceSeeWholeVersions(t *testing.T) {
	s, url := serve(t)
	c := client(s, url)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for range 50 {
				if err := s.AWS().RotateSecrets(region, store.Secret{Name: "dev/a", String: "planted"}); err != nil {
					t.Error(err)
				}
				out, err := c.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: awssdk.String("dev/a")})
				if err != nil {
					t.Error(err)
				} else if diff := cmp.Diff([]string{"AWSCURRENT"}, out.VersionStages); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	calls.Wait()
}

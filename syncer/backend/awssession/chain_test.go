package awssession

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

// source gives out credentials of an hour, numbered from 1, unless it is down.
type source struct {
	given int
	down  bool
}

func (s *source) Retrieve(context.Context) (aws.Credentials, error) {
	if s.down {
		return aws.Credentials{}, errors.New("it is down")
	}
	s.given++
	return aws.Credentials{AccessKeyID: fmt.Sprint(s.given), SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
}

// GetMetadata answers as an instance's metadata service does.
func (s *source) GetMetadata(ctx context.Context, input *imds.GetMetadataInput, _ ...func(*imds.Options)) (*imds.GetMetadataOutput, error) {
	c, err := s.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	text := "role"
	if strings.HasSuffix(input.Path, text) {
		text = fmt.Sprintf(`{"Code":"Success","AccessKeyId":%q,"SecretAccessKey":"s","Expiration":%q}`, c.AccessKeyID, c.Expires.Format(time.RFC3339))
	} else {
		s.given-- // the role's name is none
	}
	return &imds.GetMetadataOutput{Content: io.NopCloser(strings.NewReader(text))}, nil
}

func TestCredentialsOfTheChainAreRenewedBeforeTheirEnd(t *testing.T) {
	for name, test := range map[string]struct {
		chain func(*source) aws.CredentialsProvider
		want  []string
	}{
		"a web identity's, and what the SDK keeps as long as they last": {
			func(s *source) aws.CredentialsProvider { return aws.NewCredentialsCache(s) },
			[]string{"1", "1", "2", "2", "no session: failed to refresh cached credentials, it is down"},
		},
		"a pod's, which the SDK lets go five minutes earlier": {
			func(s *source) aws.CredentialsProvider {
				return aws.NewCredentialsCache(s, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
			},
			[]string{"1", "2", "2", "2", "no session: failed to refresh cached credentials, it is down"},
		},
		"but not an instance's, which the SDK uses for longer while it gives no others": {
			func(s *source) aws.CredentialsProvider {
				return aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = s }))
			},
			[]string{"1", "1", "1", "2", "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := &source{}
				s := &Sessions{aws: aws.Config{Credentials: test.chain(from)}}
				s.held = &session.Cache[identity, aws.Credentials]{Obtain: s.obtain}
				var got []string
				get := func(after time.Duration) {
					<-time.After(after)
					c, err := s.held.Get(t.Context(), identity{})
					if err != nil {
						c.AccessKeyID = err.Error()
					}
					got = append(got, c.AccessKeyID)
				}
				get(0)
				get(58 * time.Minute)
				get(90 * time.Second) // in the last minute
				get(time.Minute)
				from.down = true
				get(2 * time.Hour)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("credentials at first, after 58, 59½ and 60½ minutes, and after their end in an outage (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// doer makes requests by calling it.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(request *http.Request) (*http.Response, error) { return d(request) }

func TestWhereAWebIdentityBeginsItsSession(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("planted"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "",
		"AWS_CONFIG_FILE": token + ".none", "AWS_SHARED_CREDENTIALS_FILE": token + ".none", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
	} {
		t.Setenv(name, value)
	}
	for name, test := range map[string]struct {
		config    Config
		sdk, want string // AWS_REGION, and the URL that is asked
	}{
		"in the syncer's region, if only we are told it":    {Config{Region: "eu-west-1"}, "", "https://sts.eu-west-1.amazonaws.com/"},
		"and rather than in the SDK's":                      {Config{Region: "eu-west-1"}, "eu-west-2", "https://sts.eu-west-1.amazonaws.com/"},
		"in the SDK's, if only that is told":                {Config{}, "eu-west-2", "https://sts.eu-west-2.amazonaws.com/"},
		"in the first one of all, if neither is told":       {Config{}, "", "https://sts.us-east-1.amazonaws.com/"},
		"for the whole world, as of old":                    {Config{STSEndpointType: "legacy"}, "eu-west-2", "https://sts.amazonaws.com/"},
		"at an endpoint of one's own":                       {Config{STSEndpoint: "http://sts"}, "eu-west-2", "http://sts/"},
		"in China, whatever the type of endpoint is called": {Config{STSEndpointType: "legacy", Region: "cn-north-1"}, "", "https://sts.cn-north-1.amazonaws.com.cn/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_REGION", test.sdk)
			s, err := New(test.config)
			if err != nil {
				t.Fatal(err)
			}
			var asked string
			s.aws.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
				asked = request.URL.String()
				return nil, errors.New("it is down")
			})
			_, err = s.held.Get(t.Context(), identity{})
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Errorf("asked at (-want +got):\n%s%v", diff, err)
			}
		})
	}
}

// issued is STS's answer to AssumeRole.
const issued = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%d</AccessKeyId>` +
	`<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`

// asUser puts the keys of a user into the environment.
func asUser(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
}

func TestAnAnswerWithoutCredentialsIsNoSession(t *testing.T) {
	asUser(t)
	for name, answer := range map[string]string{
		"none at all": `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult/></AssumeRoleResponse>`,
		"ones without a key": `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
			`<SecretAccessKey>s</SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			s.aws.HTTPClient = doer(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer))}, nil
			})
			_, err = s.held.Get(t.Context(), identity{role: "arn:aws:iam::123456789012:role/far", region: "eu-west-1"})
			if err == nil || awserror.Classify(err) != driver.Unavailable || awserror.Explain(err) != "no session: the answer holds no value" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestARoleIsAssumedOnceUntilShortlyBeforeItsEnd(t *testing.T) {
	asUser(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Region: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		var asked []url.Values
		s.aws.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
			text, err := io.ReadAll(request.Body)
			if err != nil {
				return nil, err
			}
			form, err := url.ParseQuery(string(text))
			if asked = append(asked, form); len(asked) > 2 {
				return nil, errors.New("it is down")
			}
			answer := fmt.Sprintf(issued, len(asked), time.Now().Add(time.Hour).Format(time.RFC3339))
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer))}, err
		})
		var got []string
		for _, after := range []time.Duration{0, 58 * time.Minute, 90 * time.Second, time.Hour - time.Second, 0, time.Minute} {
			<-time.After(after)
			c, err := s.held.Get(t.Context(), identity{role: "arn:aws:iam::123456789012:role/far", region: "eu-west-1"})
			if err != nil {
				c.AccessKeyID = awserror.Explain(err)
			}
			got = append(got, c.AccessKeyID)
		}
		if diff := cmp.Diff([]string{"1", "1", "2", "2", "2", "no session: it is down"}, got); diff != "" {
			t.Errorf("sessions at first, after 58 and 59½ minutes, and around the next one's end in an outage (-want +got):\n%s", diff)
		}
		want := url.Values{
			"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::123456789012:role/far"},
			"RoleSessionName": {"k8s-external-secrets"}, "DurationSeconds": {"3600"},
		}
		if diff := cmp.Diff(want, asked[0]); diff != "" || len(asked) != 4 {
			t.Errorf("asked %d times for (-want +got):\n%s", len(asked), diff)
		}
	})
}

func TestTheTagsOfASession(t *testing.T) {
	asUser(t)
	for name, test := range map[string]struct {
		tenant plan.Tenant
		want   url.Values
	}{
		"none without a tenant": {plan.Tenant{}, url.Values{}},
		"the namespace's name": {plan.Tenant{Namespace: "core"}, url.Values{
			"Tags.member.1.Key": {"secretgate:namespace"}, "Tags.member.1.Value": {"core"},
		}},
		"and the object's": {plan.Tenant{Namespace: "core", Name: "db"}, url.Values{
			"Tags.member.1.Key": {"secretgate:namespace"}, "Tags.member.1.Value": {"core"},
			"Tags.member.2.Key": {"secretgate:name"}, "Tags.member.2.Value": {"db"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{Region: "eu-west-1"})
			if err != nil {
				t.Fatal(err)
			}
			got := url.Values{}
			s.aws.HTTPClient = doer(func(request *http.Request) (*http.Response, error) {
				text, err := io.ReadAll(request.Body)
				if err != nil {
					return nil, err
				}
				form, err := url.ParseQuery(string(text))
				for name, value := range form {
					if strings.HasPrefix(name, "Tags.") || strings.HasPrefix(name, "TransitiveTagKeys.") {
						got[name] = value
					}
				}
				answer := fmt.Sprintf(issued, 1, time.Now().Add(time.Hour).Format(time.RFC3339))
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer))}, err
			})
			store := plan.Store{Role: "arn:aws:iam::123456789012:role/far", Location: "eu-west-1", Tenant: test.tenant}
			if err := s.Do(t.Context(), store, func(aws.CredentialsProvider) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the tags of AssumeRole (-want +got):\n%s", diff)
			}
		})
	}
}

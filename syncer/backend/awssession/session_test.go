package awssession

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/session"
)

func TestSTSEndpoint(t *testing.T) {
	tests := map[string]struct {
		config           Config
		region           string
		url, signingName string
	}{
		"regional is the default":                             {Config{}, "eu-west-1", "", "eu-west-1"},
		"regional by name":                                    {Config{STSEndpointType: "regional"}, "eu-west-1", "", "eu-west-1"},
		"legacy is one for the world":                         {Config{STSEndpointType: "legacy"}, "eu-west-1", "https://sts.amazonaws.com", "us-east-1"},
		"legacy where no region is known":                     {Config{STSEndpointType: "legacy"}, "", "https://sts.amazonaws.com", "us-east-1"},
		"China has no part in it":                             {Config{STSEndpointType: "legacy"}, "cn-north-1", "", "cn-north-1"},
		"nor has the government's cloud":                      {Config{STSEndpointType: "legacy"}, "us-gov-west-1", "", "us-gov-west-1"},
		"nor have the secret ones":                            {Config{STSEndpointType: "legacy"}, "us-isob-east-1", "", "us-isob-east-1"},
		"nor has Europe's secret one":                         {Config{STSEndpointType: "legacy"}, "eu-isoe-west-1", "", "eu-isoe-west-1"},
		"nor Europe's sovereign one":                          {Config{STSEndpointType: "legacy"}, "eusc-de-east-1", "", "eusc-de-east-1"},
		"where no region is known it is the first one of all": {Config{}, "", "", "us-east-1"},
		"an endpoint of one's own wins over the type": {
			Config{STSEndpointType: "legacy", STSEndpoint: "http://sts"}, "eu-west-1", "http://sts", "eu-west-1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var o sts.Options
			test.config.stsEndpoint(test.region)(&o)
			if aws.ToString(o.BaseEndpoint) != test.url || o.Region != test.signingName {
				t.Errorf("got %q signed for %q, want %q signed for %q", aws.ToString(o.BaseEndpoint), o.Region, test.url, test.signingName)
			}
		})
	}
}

func TestAStoreWithAServerOfItsOwnIsRefused(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Do(t.Context(), plan.Store{Location: "eu-west-1", Address: "https://a.example"}, func(aws.CredentialsProvider) error {
		t.Error("a call is made")
		return nil
	})
	if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Invalid {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestTimeouts(t *testing.T) {
	for name, test := range map[string]struct{ given, request, session time.Duration }{
		"as given":           {3 * time.Second, 3 * time.Second, 3 * time.Second},
		"ten seconds if not": {0, 10 * time.Second, 0}, // the latter is session.DefaultTimeout
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{Timeout: test.given})
			if err != nil {
				t.Fatal(err)
			}
			request := s.aws.HTTPClient.(sender).HTTPClient.(*awshttp.BuildableClient).GetTimeout() //nolint:errcheck // New made it
			if request != test.request || s.held.Timeout != test.session || s.held.GracePeriod != session.GracePeriod {
				t.Errorf("a request may take %s, and a session %s; one that is refused is kept for %s", request, s.held.Timeout, s.held.GracePeriod)
			}
		})
	}
}

func TestNewRefusesABadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		says   string
	}{
		"an unknown type of endpoint": {Config{STSEndpointType: "global"}, "AWS_STS_ENDPOINT_TYPE must be regional or legacy"},
		"a CA bundle that is missing": {Config{ExtraCACerts: filepath.Join(t.TempDir(), "none.pem")}, "the CA bundle cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want that %s", err, test.says)
			}
		})
	}
}

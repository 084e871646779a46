package awssession

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestSTSEndpoint(t *testing.T) {
	tests := map[string]struct {
		config           Config
		region           string
		url, signingName string
	}{
		"regional is the default":         {Config{}, "eu-west-1", "", "eu-west-1"},
		"regional by name":                {Config{STSEndpointType: "regional"}, "eu-west-1", "", "eu-west-1"},
		"legacy is one for the world":     {Config{STSEndpointType: "legacy"}, "eu-west-1", "https://sts.amazonaws.com", "us-east-1"},
		"legacy where no region is known": {Config{STSEndpointType: "legacy"}, "", "https://sts.amazonaws.com", "us-east-1"},
		"China has no part in it":         {Config{STSEndpointType: "legacy"}, "cn-north-1", "", "cn-north-1"},
		"nor has the government's cloud":  {Config{STSEndpointType: "legacy"}, "us-gov-west-1", "", "us-gov-west-1"},
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

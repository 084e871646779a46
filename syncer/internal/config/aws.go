package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
)

func (c *Config) bindAWS(s *settings.Section, lookup func(string) (string, bool)) *settings.Section {
	s.String(&c.AWS.IntermediateRoleARN, "aws-intermediate-role-arn", "",
		"role to assume before any of an object, and to read as where objects name none", "AWS_INTERMEDIATE_ROLE_ARN")
	s.String(&c.sessionTags, "aws-session-tags", "",
		"tag the sessions of assumed roles: namespace, or namespace,name; each namespace, or each object, then has sessions and reads of its own",
		"AWS_SESSION_TAGS")
	s.String(&c.SecretsManagerEndpoint, "aws-sm-endpoint", "", "URL to use for Secrets Manager", "AWS_SM_ENDPOINT")
	s.String(&c.ParameterStoreEndpoint, "aws-ssm-endpoint", "", "URL to use for Systems Manager Parameter Store", "AWS_SSM_ENDPOINT")
	s.String(&c.AWS.STSEndpoint, "aws-sts-endpoint", "", "URL to use for STS", "AWS_STS_ENDPOINT")
	s.String(&c.AWS.STSEndpointType, "aws-sts-endpoint-type", "regional",
		"regional, or legacy for the global sts.amazonaws.com", "AWS_STS_ENDPOINT_TYPE")
	localstack, _ := lookup("LOCALSTACK") // KES's one switch that is off where it is empty
	s.Bool(&c.localstack, "localstack", localstack != "", "use LocalStack for AWS, in us-west-2 by default (env LOCALSTACK, any value)")
	s.String(&c.localstackSM, "localstack-sm-url", awssession.LocalStackURL, "LocalStack's Secrets Manager", "LOCALSTACK_SM_URL")
	s.String(&c.localstackSSM, "localstack-ssm-url", awssession.LocalStackURL, "LocalStack's Parameter Store", "LOCALSTACK_SSM_URL")
	s.String(&c.localstackSTS, "localstack-sts-url", awssession.LocalStackURL, "LocalStack's STS", "LOCALSTACK_STS_URL")
	return s
}

// checkAWS refuses a role that could never be assumed, before every object fails for it.
func (c *Config) checkAWS() error {
	aws, _ := backends.Of(backends.AWSSecretsManager)
	return errors.Join(
		aws.Setting("--aws-intermediate-role-arn (AWS_INTERMEDIATE_ROLE_ARN)", plan.Role, c.AWS.IntermediateRoleARN), c.checkSessionTags())
}

// checkSessionTags has AWS's backends learn on whose behalf they are read, where sessions are to be tagged.
func (c *Config) checkSessionTags() error {
	var tenancy plan.Tenancy
	switch tags := settings.List(c.sessionTags); {
	case len(tags) == 0:
		return nil
	case slices.Equal(tags, []string{"namespace"}):
		tenancy = plan.NamespaceTenancy
	case slices.Equal(tags, []string{"namespace", "name"}):
		tenancy = plan.ObjectTenancy
	default:
		return fmt.Errorf("--aws-session-tags (AWS_SESSION_TAGS) is %q: must be namespace, or namespace,name, or nothing for no tags",
			c.sessionTags)
	}
	c.Tenancies = map[plan.Backend]plan.Tenancy{backends.AWSSecretsManager: tenancy, backends.AWSParameterStore: tenancy}
	return nil
}

// finishAWS completes the settings of AWS's drivers. Endpoints take precedence over LocalStack's.
func (c *Config) finishAWS() {
	if c.localstack {
		c.Policy.Defaults.Region = cmp.Or(c.Policy.Defaults.Region, "us-west-2") // KES's
		c.SecretsManagerEndpoint = cmp.Or(c.SecretsManagerEndpoint, c.localstackSM)
		c.ParameterStoreEndpoint = cmp.Or(c.ParameterStoreEndpoint, c.localstackSSM)
		c.AWS.STSEndpoint = cmp.Or(c.AWS.STSEndpoint, c.localstackSTS)
	}
	c.AWS.Region = c.Policy.Defaults.Region
}

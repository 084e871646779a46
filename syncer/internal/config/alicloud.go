package config

import "github.com/secretgate/secretgate/shared/settings"

func (c *Config) bindAlicloud(s *settings.Section) *settings.Section {
	s.String(&c.Alicloud.Endpoint, "alicloud-endpoint", "",
		"host of Alibaba Cloud KMS, such as kms.eu-central-1.aliyuncs.com, or a URL", "ALICLOUD_ENDPOINT")
	s.String(&c.Alicloud.STSEndpoint, "alicloud-sts-endpoint", "sts.aliyuncs.com",
		"host of Alibaba Cloud STS, or a URL", "ALICLOUD_STS_ENDPOINT")
	s.String(&c.Alicloud.Region, "alicloud-region", "",
		"region of Alibaba Cloud KMS, where the endpoint's name does not contain it", "ALICLOUD_REGION")
	return s
}

// alicloud completes the driver's settings. The access key comes only from the environment: flags are visible in the
// process list; so does what ACK sets in pods.
func (c *Config) alicloud(lookup func(string) (string, bool)) {
	c.Alicloud.AccessKeyID, _ = lookup("ALICLOUD_ACCESS_KEY_ID")
	c.Alicloud.AccessKeySecret, _ = lookup("ALICLOUD_ACCESS_KEY_SECRET")
	c.Alicloud.OIDC.RoleARN, _ = lookup("ALIBABA_CLOUD_ROLE_ARN")
	c.Alicloud.OIDC.ProviderARN, _ = lookup("ALIBABA_CLOUD_OIDC_PROVIDER_ARN")
	c.Alicloud.OIDC.TokenFile, _ = lookup("ALIBABA_CLOUD_OIDC_TOKEN_FILE")
	c.Alicloud.ExtraCACerts, c.Alicloud.Timeout = c.extraCACerts, c.BackendTimeout
}

package config

import "github.com/secretgate/secretgate/shared/settings"

// bindGCP binds where Secret Manager is; credentials are found as Google's own tools find them.
func (c *Config) bindGCP(s *settings.Section) *settings.Section {
	s.String(&c.GCP.Endpoint, "gcp-endpoint", "",
		"host or host:port to use for Google Secret Manager (gRPC over TLS), such as a Private Service Connect endpoint")
	s.String(&c.GCP.STSEndpoint, "gcp-sts-endpoint", "",
		"host or host:port to use for Google's Security Token Service (HTTPS), by which stores exchange tokens of ServiceAccounts; "+
			"empty: sts.googleapis.com")
	s.String(&c.GCP.IAMEndpoint, "gcp-iam-endpoint", "",
		"host or host:port to use for Google's IAM Service Account Credentials API (HTTPS), by which they act as service accounts; "+
			"empty: iamcredentials.googleapis.com")
	return s
}

// gcp completes the driver's settings.
func (c *Config) gcp() {
	c.GCP.ExtraCACerts, c.GCP.Timeout = c.extraCACerts, c.BackendTimeout
}

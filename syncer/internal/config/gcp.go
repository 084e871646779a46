package config

import "github.com/secretgate/secretgate/shared/settings"

// bindGCP binds where Secret Manager is; credentials are found as Google's own tools find them.
func (c *Config) bindGCP(s *settings.Section) *settings.Section {
	s.String(&c.GCP.Endpoint, "gcp-endpoint", "",
		"host or host:port to use for Google Secret Manager (gRPC over TLS), such as a Private Service Connect endpoint")
	return s
}

// gcp completes the driver's settings.
func (c *Config) gcp() {
	c.GCP.ExtraCACerts, c.GCP.Timeout = c.extraCACerts, c.BackendTimeout
}

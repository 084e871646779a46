package config

import (
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
)

// bindAzure binds where Azure is; credentials come only from the environment: flags are visible in the process list.
func (c *Config) bindAzure(s *settings.Section) *settings.Section {
	s.String(&c.Azure.Environment, "azure-environment", "AzureCloud",
		"Azure's cloud: AzureCloud, AzureChinaCloud, AzureUSGovernment or AzureGermanCloud", "AZURE_ENVIRONMENT")
	s.String(&c.Azure.AuthorityHost, "azure-authority-host", "", "URL of Entra ID; empty: the cloud's", "AZURE_AUTHORITY_HOST")
	s.String(&c.Azure.DNSSuffix, "azure-key-vault-dns-suffix", "",
		"DNS suffix of Key Vaults; empty: the cloud's, such as vault.azure.net", "AZURE_KEY_VAULT_DNS_SUFFIX")
	return s
}

// azure completes the driver's settings.
func (c *Config) azure() {
	c.Azure.ExtraCACerts, c.Azure.Timeout = c.extraCACerts, c.BackendTimeout
}

// checkAzure has the driver say what is wrong with where Azure is, so that it is listed with all other problems.
func (c *Config) checkAzure() error {
	where := azurekeyvault.Config{Environment: c.Azure.Environment, AuthorityHost: c.Azure.AuthorityHost, DNSSuffix: c.Azure.DNSSuffix}
	_, err := azurekeyvault.New(where)
	return err
}

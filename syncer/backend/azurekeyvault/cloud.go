package azurekeyvault

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// azureCloud is where Entra ID and the vaults of one of Azure's clouds are.
type azureCloud struct {
	// authority is Entra ID's URL, suffix what follows the names of vaults.
	authority, suffix string
	// private: Microsoft's public Entra ID does not know the authority, and is not asked whether it is one.
	private bool
}

const publicAuthority = "https://login.microsoftonline.com"

// chooseCloud knows KES's names of the clouds, and those of the Azure SDKs.
func chooseCloud(c Config) (azureCloud, error) {
	var chosen azureCloud
	switch strings.ToLower(c.Environment) {
	case "", "azurecloud", "azurepubliccloud", "azurepublic":
		chosen = azureCloud{authority: publicAuthority, suffix: "vault.azure.net"}
	case "azurechinacloud", "azurechina":
		chosen = azureCloud{authority: "https://login.chinacloudapi.cn", suffix: "vault.azure.cn"}
	case "azureusgovernment", "azureusgovernmentcloud", "azuregovernment":
		chosen = azureCloud{authority: "https://login.microsoftonline.us", suffix: "vault.usgovcloudapi.net"}
	case "azuregermancloud", "azuregermany":
		chosen = azureCloud{authority: "https://login.microsoftonline.de", suffix: "vault.microsoftazure.de"}
	default:
		return azureCloud{}, fmt.Errorf("AZURE_ENVIRONMENT %q is none of Azure's clouds: "+
			"give AzureCloud, AzureChinaCloud, AzureUSGovernment or AzureGermanCloud", c.Environment)
	}
	chosen.suffix = strings.TrimPrefix(cmp.Or(c.DNSSuffix, chosen.suffix), ".")
	if !regexp.MustCompile(`\A[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+\z`).MatchString(chosen.suffix) {
		return azureCloud{}, fmt.Errorf("AZURE_KEY_VAULT_DNS_SUFFIX %q is no domain: give one such as vault.azure.net", chosen.suffix)
	}
	if c.AuthorityHost != "" {
		host, err := url.Parse(c.AuthorityHost)
		if err == nil && host.Scheme == "" {
			host, err = url.Parse("https://" + c.AuthorityHost) // as the Azure SDKs take it, too
		}
		if err != nil || host.Scheme != "https" || host.Host == "" || host.User != nil {
			return azureCloud{}, fmt.Errorf("AZURE_AUTHORITY_HOST must be a URL such as %s", publicAuthority)
		}
		chosen.authority = strings.TrimSuffix(host.String(), "/")
	}
	chosen.private = chosen.authority != publicAuthority
	return chosen, nil
}

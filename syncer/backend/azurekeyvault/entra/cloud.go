// Package entra gets tokens of Entra ID, as one of Azure's clouds and the environment's credentials say.
package entra

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Cloud is where Entra ID and the vaults of one of Azure's clouds are.
type Cloud struct {
	// Authority is Entra ID's URL, Suffix what follows the names of vaults.
	Authority, Suffix string
	// Private: Microsoft's public Entra ID does not know the authority, and is not asked whether it is one.
	Private bool
}

const publicAuthority = "https://login.microsoftonline.com"

// ChooseCloud knows KES's names of the clouds, and those of the Azure SDKs. An authority host and a DNS suffix replace the
// cloud's.
func ChooseCloud(environment, authorityHost, dnsSuffix string) (Cloud, error) {
	var chosen Cloud
	switch strings.ToLower(environment) {
	case "", "azurecloud", "azurepubliccloud", "azurepublic":
		chosen = Cloud{Authority: publicAuthority, Suffix: "vault.azure.net"}
	case "azurechinacloud", "azurechina":
		chosen = Cloud{Authority: "https://login.chinacloudapi.cn", Suffix: "vault.azure.cn"}
	case "azureusgovernment", "azureusgovernmentcloud", "azuregovernment":
		chosen = Cloud{Authority: "https://login.microsoftonline.us", Suffix: "vault.usgovcloudapi.net"}
	case "azuregermancloud", "azuregermany":
		chosen = Cloud{Authority: "https://login.microsoftonline.de", Suffix: "vault.microsoftazure.de"}
	default:
		return Cloud{}, fmt.Errorf("AZURE_ENVIRONMENT %q is none of Azure's clouds: "+
			"give AzureCloud, AzureChinaCloud, AzureUSGovernment or AzureGermanCloud", environment)
	}
	chosen.Suffix = strings.TrimPrefix(cmp.Or(dnsSuffix, chosen.Suffix), ".")
	if !regexp.MustCompile(`\A[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+\z`).MatchString(chosen.Suffix) {
		return Cloud{}, fmt.Errorf("AZURE_KEY_VAULT_DNS_SUFFIX %q is no domain: give one such as vault.azure.net", chosen.Suffix)
	}
	if authorityHost != "" {
		host, err := url.Parse(authorityHost)
		if err == nil && host.Scheme == "" {
			host, err = url.Parse("https://" + authorityHost) // as the Azure SDKs take it, too
		}
		if err != nil || host.Scheme != "https" || host.Host == "" || host.User != nil {
			return Cloud{}, fmt.Errorf("AZURE_AUTHORITY_HOST must be a URL such as %s", publicAuthority)
		}
		chosen.Authority = strings.TrimSuffix(host.String(), "/")
	}
	chosen.Private = chosen.Authority != publicAuthority
	return chosen, nil
}

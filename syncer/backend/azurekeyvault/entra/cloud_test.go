package entra

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseCloud(t *testing.T) {
	public := Cloud{Authority: "https://login.microsoftonline.com", Suffix: "vault.azure.net"}
	china := Cloud{Authority: "https://login.chinacloudapi.cn", Suffix: "vault.azure.cn", Private: true}
	government := Cloud{Authority: "https://login.microsoftonline.us", Suffix: "vault.usgovcloudapi.net", Private: true}
	german := Cloud{Authority: "https://login.microsoftonline.de", Suffix: "vault.microsoftazure.de", Private: true}
	own := Cloud{Authority: "https://login.example/adfs", Suffix: "vault.azure.net", Private: true}
	suffixed := Cloud{Authority: public.Authority, Suffix: "vault.example"}
	type asked struct{ Environment, AuthorityHost, DNSSuffix string }
	tests := map[string]struct {
		asked asked
		want  Cloud
	}{
		"the public cloud is the default":                     {asked{}, public},
		"the public cloud, as KES calls it":                   {asked{Environment: "AzureCloud"}, public},
		"the public cloud, as others call it":                 {asked{Environment: "AzurePublicCloud"}, public},
		"China, as KES calls it":                              {asked{Environment: "AzureChinaCloud"}, china},
		"China, as the SDK for JavaScript calls it":           {asked{Environment: "AzureChina"}, china},
		"the US government, as KES calls it":                  {asked{Environment: "AzureUSGovernment"}, government},
		"the US government, as others call it":                {asked{Environment: "AZUREUSGOVERNMENTCLOUD"}, government},
		"Germany, as KES calls it":                            {asked{Environment: "AzureGermanCloud"}, german},
		"an authority of one's own is private":                {asked{AuthorityHost: "https://login.example/adfs/"}, own},
		"an authority may lack its scheme":                    {asked{AuthorityHost: "login.example/adfs"}, own},
		"the public authority stays public when it is named":  {asked{AuthorityHost: "https://login.microsoftonline.com/"}, public},
		"a DNS suffix of one's own":                           {asked{DNSSuffix: "vault.example"}, suffixed},
		"a DNS suffix of one's own that begins with its dot":  {asked{DNSSuffix: ".vault.example"}, suffixed},
		"an authority of one's own wins over the environment": {asked{Environment: "AzureChinaCloud", AuthorityHost: "https://login.example/adfs", DNSSuffix: "vault.azure.net"}, own},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ChooseCloud(test.asked.Environment, test.asked.AuthorityHost, test.asked.DNSSuffix)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("cloud (-want +got):\n%s", diff)
			}
		})
	}
}

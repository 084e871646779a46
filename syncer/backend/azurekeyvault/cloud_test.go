package azurekeyvault

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseCloud(t *testing.T) {
	public := azureCloud{authority: "https://login.microsoftonline.com", suffix: "vault.azure.net"}
	china := azureCloud{authority: "https://login.chinacloudapi.cn", suffix: "vault.azure.cn", private: true}
	government := azureCloud{authority: "https://login.microsoftonline.us", suffix: "vault.usgovcloudapi.net", private: true}
	german := azureCloud{authority: "https://login.microsoftonline.de", suffix: "vault.microsoftazure.de", private: true}
	own := azureCloud{authority: "https://login.example/adfs", suffix: "vault.azure.net", private: true}
	suffixed := azureCloud{authority: public.authority, suffix: "vault.example"}
	tests := map[string]struct {
		config Config
		want   azureCloud
	}{
		"the public cloud is the default":                     {Config{}, public},
		"the public cloud, as KES calls it":                   {Config{Environment: "AzureCloud"}, public},
		"the public cloud, as others call it":                 {Config{Environment: "AzurePublicCloud"}, public},
		"China, as KES calls it":                              {Config{Environment: "AzureChinaCloud"}, china},
		"China, as the SDK for JavaScript calls it":           {Config{Environment: "AzureChina"}, china},
		"the US government, as KES calls it":                  {Config{Environment: "AzureUSGovernment"}, government},
		"the US government, as others call it":                {Config{Environment: "AZUREUSGOVERNMENTCLOUD"}, government},
		"Germany, as KES calls it":                            {Config{Environment: "AzureGermanCloud"}, german},
		"an authority of one's own is private":                {Config{AuthorityHost: "https://login.example/adfs/"}, own},
		"an authority may lack its scheme":                    {Config{AuthorityHost: "login.example/adfs"}, own},
		"the public authority stays public when it is named":  {Config{AuthorityHost: "https://login.microsoftonline.com/"}, public},
		"a DNS suffix of one's own":                           {Config{DNSSuffix: "vault.example"}, suffixed},
		"a DNS suffix of one's own that begins with its dot":  {Config{DNSSuffix: ".vault.example"}, suffixed},
		"an authority of one's own wins over the environment": {Config{Environment: "AzureChinaCloud", AuthorityHost: "https://login.example/adfs", DNSSuffix: "vault.azure.net"}, own},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := chooseCloud(test.config)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(azureCloud{})); diff != "" {
				t.Errorf("cloud (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRefusesABadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		says   string
	}{
		"an unknown cloud":                 {Config{Environment: "Azure"}, "give AzureCloud, AzureChinaCloud, AzureUSGovernment or AzureGermanCloud"},
		"an authority without TLS":         {Config{AuthorityHost: "http://login.example"}, "AZURE_AUTHORITY_HOST must be a URL such as"},
		"an authority with a password":     {Config{AuthorityHost: "https://u:p@login.example"}, "AZURE_AUTHORITY_HOST must be a URL such as"},
		"a DNS suffix that is a URL":       {Config{DNSSuffix: "https://vault.azure.net"}, "AZURE_KEY_VAULT_DNS_SUFFIX"},
		"a DNS suffix with another's host": {Config{DNSSuffix: "vault.azure.net@evil.example"}, "AZURE_KEY_VAULT_DNS_SUFFIX"},
		"a CA bundle that is missing":      {Config{ExtraCACerts: filepath.Join(t.TempDir(), "none.pem")}, "the CA bundle cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want that %s", err, test.says)
			}
		})
	}
}

func TestClientsAreKeptUpToABound(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := d.client("v")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.client("v"); err != nil || again != first {
		t.Errorf("the client of a vault is made anew (%v)", err)
	}
	for i := range 2 * maxClients {
		if _, err := d.client("v" + strings.Repeat("a", i%60) + string(rune('a'+i/60))); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.clients) > maxClients {
		t.Errorf("%d clients are kept, want %d at most", len(d.clients), maxClients)
	}
}

package azurekeyvault

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

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

func TestNewRefusesAMetadataHostThatIsNoURL(t *testing.T) {
	const variable = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
	for _, host := range []string{"169.254.169.254", "http://", "http://a b"} {
		t.Setenv(variable, host)
		if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), variable+" must be a URL") {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestAnswersThatAreAnothersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		id, version string
		want        bool
	}{
		"the newest":                 {"https://kv.vault.azure.net/secrets/db/7", "", true},
		"a version":                  {"https://kv.vault.azure.net/secrets/db/7a", "7A", true},
		"capitals of another time":   {"https://KV.vault.azure.net/secrets/Db/7", "7", true},
		"a port":                     {"https://kv.vault.azure.net:443/secrets/db/7", "7", true},
		"no version":                 {"https://kv.vault.azure.net/secrets/db", "", true},
		"another secret":             {"https://kv.vault.azure.net/secrets/other/7", "", false},
		"another version":            {"https://kv.vault.azure.net/secrets/db/8", "7", false},
		"another vault":              {"https://other.vault.azure.net/secrets/db/7", "", false},
		"a vault that begins alike":  {"https://kv2.vault.azure.net/secrets/db/7", "", false},
		"what is no id of a secret":  {"db", "", false},
		"what is no URL":             {"https://kv.vault.azure.net:x/secrets/db/7", "", false},
		"none of the version wanted": {"https://kv.vault.azure.net/secrets/db", "7", false},
		"an object of another kind":  {"https://kv.vault.azure.net/keys/db/7", "7", false},
		"more than an object":        {"https://kv.vault.azure.net/secrets/db/7/a", "7", false},
	} {
		t.Run(name, func(t *testing.T) {
			of, ok := parse(test.id, "kv")
			if got := ok && of.is(object{"secrets", "db", test.version}); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestAReadOfNoVaultIsRefused(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Get(t.Context(), plan.Store{}, plan.Read{Key: "a"}); !errors.Is(err, errNoVault) {
		t.Errorf("got %v, want %v", err, errNoVault)
	}
}

func TestClientsAreKeptUpToABound(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := d.own.of("v")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.own.of("v"); err != nil || again != first {
		t.Errorf("the client of a vault is made anew (%v)", err)
	}
	for i := range 2 * maxVaults {
		if _, err := d.own.of(fmt.Sprint("v", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.own.held) > maxVaults {
		t.Errorf("%d clients are kept, want %d at most", len(d.own.held), maxVaults)
	}
}

package backend_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
)

const (
	control   = "must not contain control characters"
	invisible = "must not contain invisible characters"
	spaces    = "must not start or end with white space"
	special   = `must not contain %, ?, # or \, which a URL's path gives another meaning`
	slashes   = "must not start or end with / nor contain //"
	dots      = "must not contain the path segments . and .."
	azureName = "must be a secret's name, or name/version, of letters, digits and dashes"
	simple    = "must be letters, digits, _ and -"
	host      = "must be letters, digits and dashes: it becomes a host name"
	aRegion   = "must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name"
	aRole     = "must be the ARN of a role, as in arn:aws:iam::123456789012:role/name"
	aRAMRole  = "must be the ARN of a RAM role, as in acs:ram::1234567890123456:role/name"
	aProject  = "must be a project id or number: lower-case letters, digits, dashes, dots and colons"
	aServer   = "must be a URL such as https://vault.example.com:8200"
	only      = "must be a scheme, a host and a port, and nothing else"
	anObject  = "must be the name of an object, of lower-case letters, digits, dashes and dots"
	aClient   = "must be the client id of an identity, as in 00000000-0000-4000-8000-000000000000"
	aSuffix   = "must be what follows the names of vaults, in lower case, as in vault.azure.net"
	anAccount = "must be the e-mail of a service account, as in name@project.iam.gserviceaccount.com"
	aCluster  = "must be the URL of a cluster, as in https://container.googleapis.com/v1/projects/P/locations/L/clusters/C"
	ascii     = "must be of ASCII alone: HTTP clients take other characters for those that they resemble"
)

func TestOnlyOneSpellingOfAKeyIsAccepted(t *testing.T) {
	vaultOwn := func(first string) string {
		return "must not start with " + first + "/, where Vault keeps what belongs to the syncer: write secret/data/name"
	}
	const syncers = "must not end like a path of Vault that answers a token of the syncer: give the secret another name"
	// What each backend says of a key; keys that are not here are accepted.
	for name, keys := range map[plan.Backend]map[string]string{
		backend.AWSSecretsManager: {
			"hello-service/password": "", "arn:aws:secretsmanager:eu-west-1:1:secret:a-AbCdEf": "", "a//b": "", "a/../b": "", "a%2eb": "", "日本/é": "", "a b": "",
			"a\nb": control, "a\x00b": control, "a\x7fb": control, "a\u0085b": control, "a\u200bb": invisible, "a\u202eb": invisible,
			"a\u2028b": invisible, "\ufeffa": invisible, "a\u00a0b": invisible, " a": spaces, "a ": spaces, " ": spaces,
			strings.Repeat("ä", 2048): "",
		},
		backend.AWSParameterStore: {"/hello-service/password": "", "/a:3": "", "/a\tb": control, "a\u200db": invisible},
		backend.Vault: {
			"secret/data/hello-service/credentials": "", "a": "", "secret/data/a b": "", "secret/data/..a": "", "secret/data/a..": "", "secret/data/...": "",
			"team/auth/x": "", "authority/x": "",
			"secret/data/team-a/../team-b/x": dots, "../x": dots, "x/..": dots, "secret/./x": dots, ".": dots, "..": dots,
			"secret/data/%2e%2e/x": special, "secret/data/a%2Fb": special + ": write secret/data/a/b", "a%2f%2e": special, "secret/data/x?version=1": special, "secret/data/x#a": special, `secret\data`: special,
			"/secret/data/x": slashes + ": write secret/data/x", "secret/data/x/": slashes + ": write secret/data/x",
			"secret//data/x": slashes + ": write secret/data/x", "/": slashes, "//": slashes,
			"secret/data/\r\nx": control, "secret/data/x\u200b/y": invisible, " secret/data/x": spaces,
			"auth/token/lookup-self": vaultOwn("auth"), "identity/oidc/token/r": vaultOwn("identity"), "sys/mounts": vaultOwn("sys"),
			"cubbyhole/x": vaultOwn("cubbyhole"), "auth": vaultOwn("auth"),
			"ns1/auth/token/lookup-self": syncers, "ns1/ns2/auth/token/lookup-self": syncers, "ns1/identity/oidc/token/r": syncers,
			"secret/auth/github": "", "secret/auth/token/lookup-self/x": "", "team/auth/token": "", "secret/identity/oidc/token": "",
		},
		backend.AzureKeyVault: {
			"name": "", "hello-service/credentials": "", "A1/0123456789abcdef": "",
			"a/b/c": azureName, "a/": azureName, "/a": azureName, "a_b": azureName, "a.b": azureName, "../x": azureName, "a%2fb": azureName,
			"a?b": azureName, "-a": azureName, "a/..": azureName, "a b": azureName, "a\n": azureName,
		},
		backend.GCPSecretManager: {
			"my-gsm_secret-1": "", "a/b": simple, "a.b": simple, "..": simple, "a/versions/1": simple, "a\n": simple, "a:access": simple, "é": simple,
		},
		backend.AlicloudKMS: {"hello-credentials1": "", "a/b_c": "", "a&Action=x": "", "a\u0000": control},
	} {
		of, known := backend.Of(name)
		if !known {
			t.Fatalf("there is no backend %s", name)
		}
		for key, problem := range keys {
			t.Run(fmt.Sprintf("%s %.40q", name, key), func(t *testing.T) {
				if got := of.Key(key); got != problem {
					t.Errorf("got %q, want %q", got, problem)
				}
			})
		}
	}
}

func TestOnlyOneSpellingOfWhatAStoreIsIsAccepted(t *testing.T) {
	for _, test := range []struct {
		backend plan.Backend
		aspect  plan.Aspect
		values  map[string]string
	}{
		{backend.AWSSecretsManager, plan.Location, map[string]string{
			"eu-west-1": "", "us-gov-east-1": "", "x.evil.example": aRegion, "evil.example/": aRegion, "evil.example#": aRegion, "EU-WEST-1": aRegion,
			"-eu": aRegion, "eu-": aRegion, "eu west": aRegion, "eu@evil": aRegion, "eu\n": aRegion, "a:8080": aRegion,
		}},
		{backend.AWSSecretsManager, plan.Role, map[string]string{
			"arn:aws:iam::123456789012:role/test-role": "", "arn:aws-cn:iam::123456789012:role/a/path/name+=,.@-_": "", "arn:aws:iam::123456789012:role/a:b/r": "",
			"arn:aws-iso-b:iam::123456789012:role/r": "", "nope": aRole, "test-role": aRole, "arn:aws:iam::1234:role/r": aRole, "arn:aws:iam::123456789012:user/u": aRole,
			"arn:aws:sts::123456789012:assumed-role/r/s": aRole, "arn:aws:iam::123456789012:role/": aRole, "arn:aws:iam::123456789012:role/a:b": aRole,
			"acs:ram::1234567890123456:role/r": aRole, "arn\n": control, "the role": aRole, " arn": spaces, "arn\u200b": invisible,
		}},
		{backend.AlicloudKMS, plan.Role, map[string]string{
			"acs:ram::1234567890123456:role/demo": "", "acs:ram::{UID}:role/demo": "", "demo": aRAMRole, "arn:aws:iam::123456789012:role/r": aRAMRole,
			"acs:ram:::role/demo": aRAMRole, "acs:ram::1:user/u": aRAMRole, "acs:ram::1:role/a\u200b": invisible,
		}},
		{backend.AlicloudKMS, plan.Location, map[string]string{"cn-hangzhou": "", "evil.example/": aRegion, "cn-hangzhou.evil": aRegion}},
		{backend.Vault, plan.Mount, map[string]string{
			"my-kubernetes-vault-mount-point": "", "clusters/one": "", "a/../b": dots, "a/": slashes + ": write a", "a%2e": special,
			"it%2Fkubernetes": special + ": write it/kubernetes", "%2fk%2F": special + ": write k", "a?b": special, "token\n": control,
		}},
		{backend.Vault, plan.Role, map[string]string{"my-vault-role": "", "a/b": "", "a\x1b[31m": control}},
		{backend.AzureKeyVault, plan.Container, map[string]string{
			"hello-world": "", "evil.example/": host, "evil.example#": host, "evil.example?": host, "a.b": host, "user@evil": host, "a:443": host, "-a": host,
			"a/": host, `a\`: host, "a\n": host, "é": host,
		}},
		{backend.AzureKeyVault, plan.Role, map[string]string{
			"5ec4e79a-0000-4000-8000-00000000ab01": "", "5EC4E79A-0000-4000-8000-00000000AB01": "", "reader": aClient, "5ec4e79a-0000-4000-8000-00000000ab01/": aClient,
			"{5ec4e79a-0000-4000-8000-00000000ab01}": aClient, "5ec4e79a-0000-4000-8000-00000000ab01\n": aClient,
		}},
		{backend.AzureKeyVault, plan.Address, map[string]string{
			"vault.azure.net": "", "vault.usgovcloudapi.net": "", "net": aSuffix, "Vault.azure.net": aSuffix, ".vault.azure.net": aSuffix,
			"vault.azure.net:443": aSuffix, "https://vault.azure.net": aSuffix, "vault.azure.net/": aSuffix, "vault.azure.net.": aSuffix,
		}},
		{backend.GCPSecretManager, plan.Location, map[string]string{"europe-west1": "", "evil.example/": aRegion, "us.rep.evil": aRegion, "US": aRegion}},
		{backend.GCPSecretManager, plan.Role, map[string]string{
			"reader@my-project.iam.gserviceaccount.com": "", "1-compute@developer.gserviceaccount.com": "", "p@appspot.gserviceaccount.com": "",
			"a@my.domain.com.iam.gserviceaccount.com": "", "reader": anAccount, "reader@example.com": anAccount, "a/../b@p.iam.gserviceaccount.com": anAccount,
			"a@p.iam.gserviceaccount.com:generateIdToken": anAccount, "a@p.iam.gserviceaccount.com\n": anAccount,
		}},
		{backend.GCPSecretManager, plan.Mount, map[string]string{
			"https://container.googleapis.com/v1/projects/p/locations/europe-west1-b/clusters/c": "", "https://oidc.example": "",
			"http://container.googleapis.com/v1": aCluster, "https://u@container.googleapis.com": aCluster, "https://a.example/?b": aCluster,
			"https://a.example//b": aCluster, "https://a.example/": aCluster,
		}},
		{backend.GCPSecretManager, plan.Container, map[string]string{
			"my-gsm-secret-project": "", "123456789": "", "example.com:project": "", "p/secrets/x": aProject, "../p": aProject, "P": aProject, "p\n": aProject, "p%2f": aProject,
		}},
		{backend.Vault, plan.Namespace, map[string]string{"team": "", "org/team": "", "team/": slashes + ": write team", "../team": dots, "a%2f": special + ": write a"}},
		{backend.Vault, plan.Address, map[string]string{
			"https://vault.example.com": "", "https://vault.example.com:8200": "", "http://10.0.0.1:8200": "", "https://[fd00::1]:8200": "",
			"vault.example.com": aServer, "vault.example.com:8200": aServer, "ftp://vault.example.com": aServer, "https://": aServer, "https://:8200": aServer,
			"https://vault.example.com/":  "must be in lower case, and not end with a slash: write https://vault.example.com",
			"https://Vault.example.com":   "must be in lower case, and not end with a slash: write https://vault.example.com",
			"HTTPS://vault.example.com":   "must be in lower case, and not end with a slash: write https://vault.example.com",
			"https://a@vault.example.com": only, "https://a:b@vault.example.com": only, "https://vault.example.com/v1": only, "https://vault.example.com?a=b": only,
			"https://vault.example.com#a": only, "https://vault.example.com\u3002evil": ascii, "https://vau\u200blt": ascii, "https://vault\n": aServer,
		}},
		{backend.Vault, plan.Account, map[string]string{"vault-reader": "", "a.b": "", "a\nb": anObject, "..": anObject, "a/b": anObject, "A": anObject}},
	} {
		of, _ := backend.Of(test.backend)
		for value, problem := range test.values {
			t.Run(fmt.Sprintf("%s %d %q", test.backend, test.aspect, value), func(t *testing.T) {
				if got := of.Unusable(test.aspect, value); got != problem {
					t.Errorf("got %q, want %q", got, problem)
				}
			})
		}
	}
}

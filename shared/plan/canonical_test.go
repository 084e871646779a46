package plan_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
)

// quote writes text so that YAML reads it back unchanged.
func quote(text string) string { return strconv.QuoteToASCII(text) }

func TestOnlyOneSpellingOfAKeyIsAccepted(t *testing.T) {
	vaultOwn := func(first string) string {
		return "must not start with " + first + "/, where Vault keeps what belongs to the syncer: write secret/data/name"
	}
	const syncers = "must not end like a path of Vault that answers a token of the syncer: give the secret another name"
	// What each backend says of a key; keys that are not here are accepted.
	for backend, keys := range map[string]map[string]string{
		"secretsManager": {
			"hello-service/password": "", "arn:aws:secretsmanager:eu-west-1:1:secret:a-AbCdEf": "", "a//b": "", "a/../b": "", "a%2eb": "", "日本/é": "", "a b": "",
			"a\nb": control, "a\x00b": control, "a\x7fb": control, "a\u0085b": control, "a\u200bb": invisible, "a\u202eb": invisible,
			"a\u2028b": invisible, "\ufeffa": invisible, "a\u00a0b": invisible, " a": spaces, "a ": spaces, " ": spaces,
			strings.Repeat("ä", 2048): "",
		},
		"systemManager": {"/hello-service/password": "", "/a:3": "", "/a\tb": control, "a\u200db": invisible},
		"vault": {
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
		"azureKeyVault": {
			"name": "", "hello-service/credentials": "", "A1/0123456789abcdef": "",
			"a/b/c": azureName, "a/": azureName, "/a": azureName, "a_b": azureName, "a.b": azureName, "../x": azureName, "a%2fb": azureName,
			"a?b": azureName, "-a": azureName, "a/..": azureName, "a b": azureName, "a\n": azureName,
		},
		"gcpSecretsManager": {
			"my-gsm_secret-1": "", "a/b": simple, "a.b": simple, "..": simple, "a/versions/1": simple, "a\n": simple, "a:access": simple, "é": simple,
		},
		"alicloudSecretsManager": {"hello-credentials1": "", "a/b_c": "", "a&Action=x": "", "a\u0000": control},
	} {
		for key, problem := range keys {
			t.Run(fmt.Sprintf("%s %.40q", backend, key), func(t *testing.T) {
				k := quote(key)
				body := fmt.Sprintf(`{spec: {backendType: %s, keyVaultName: v, data: [{key: %s, name: a}], dataFrom: [%s], dataFromWithOptions: [{key: %s}]}}`,
					backend, k, k, k)
				var want []string
				if problem != "" {
					for _, at := range []string{"spec.dataFrom[0]", "spec.dataFromWithOptions[0].key", "spec.data[0].key"} {
						want = append(want, fmt.Sprintf("%s: Invalid value: %q: %s", at, key, problem))
					}
				}
				_, errs := plan.From(object(t, body), plan.Defaults{})
				if diff := cmp.Diff(want, problems(errs)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func TestOnlyOneSpellingOfOtherNamesIsAccepted(t *testing.T) {
	for subject, test := range map[string]struct {
		backend string
		values  map[string]string
	}{
		"region": {"secretsManager", map[string]string{
			"eu-west-1": "", "us-gov-east-1": "", "x.evil.example": aRegion, "evil.example/": aRegion, "evil.example#": aRegion, "EU-WEST-1": aRegion,
			"-eu": aRegion, "eu-": aRegion, "eu west": aRegion, "eu@evil": aRegion, "eu\n": aRegion, "a:8080": aRegion,
		}},
		"roleArn": {"secretsManager", map[string]string{
			"arn:aws:iam::123456789012:role/test-role": "", "arn:aws-cn:iam::123456789012:role/a/path/name+=,.@-_": "", "arn:aws:iam::123456789012:role/a:b/r": "",
			"arn:aws-iso-b:iam::123456789012:role/r": "", "nope": aRole, "test-role": aRole, "arn:aws:iam::1234:role/r": aRole, "arn:aws:iam::123456789012:user/u": aRole,
			"arn:aws:sts::123456789012:assumed-role/r/s": aRole, "arn:aws:iam::123456789012:role/": aRole, "arn:aws:iam::123456789012:role/a:b": aRole,
			"acs:ram::1234567890123456:role/r": aRole, "arn\n": control, "the role": aRole, " arn": spaces, "arn\u200b": invisible,
		}},
		"roleArn of Alibaba Cloud": {"alicloudSecretsManager", map[string]string{
			"acs:ram::1234567890123456:role/demo": "", "acs:ram::{UID}:role/demo": "", "demo": aRAMRole, "arn:aws:iam::123456789012:role/r": aRAMRole,
			"acs:ram:::role/demo": aRAMRole, "acs:ram::1:user/u": aRAMRole, "acs:ram::1:role/a\u200b": invisible,
		}},
		"vaultMountPoint": {"vault", map[string]string{
			"my-kubernetes-vault-mount-point": "", "clusters/one": "", "a/../b": dots, "a/": slashes + ": write a", "a%2e": special,
			"it%2Fkubernetes": special + ": write it/kubernetes", "%2fk%2F": special + ": write k", "a?b": special, "token\n": control,
		}},
		"vaultRole": {"vault", map[string]string{"my-vault-role": "", "a/b": "", "a\x1b[31m": control}},
		"keyVaultName": {"azureKeyVault", map[string]string{
			"hello-world": "", "evil.example/": host, "evil.example#": host, "evil.example?": host, "a.b": host, "user@evil": host, "a:443": host, "-a": host,
			"a/": host, `a\`: host, "a\n": host, "é": host,
		}},
		"projectId": {"gcpSecretsManager", map[string]string{
			"my-gsm-secret-project": "", "123456789": "", "example.com:project": "", "p/secrets/x": aProject, "../p": aProject, "P": aProject, "p\n": aProject, "p%2f": aProject,
		}},
	} {
		field, _, _ := strings.Cut(subject, " ")
		for value, problem := range test.values {
			t.Run(fmt.Sprintf("%s %q", subject, value), func(t *testing.T) {
				other := "keyVaultName: ok, "
				if field == "keyVaultName" {
					other = ""
				}
				body := fmt.Sprintf(`{spec: {backendType: %s, %s%s: %s, dataFrom: [a]}}`, test.backend, other, field, quote(value))
				if problem == "" {
					checkProblems(t, body)
				} else {
					checkProblems(t, body, fmt.Sprintf("spec.%s: Invalid value: %q: %s", field, value, problem))
				}
			})
		}
	}
}

func TestVersionsOfGCPAreIdentifiers(t *testing.T) {
	for version, problem := range map[string]string{
		"1": "", `"12345678901"`: "", "latest": "", "my_alias-1": "", `"1/../../x"`: simple, `"1:access"`: simple, `"1 "`: simple, `"%2e"`: simple, "-1": "",
	} {
		t.Run(version, func(t *testing.T) {
			body := `{spec: {backendType: gcpSecretsManager, data: [{key: a, name: x, version: ` + version + `}]}}`
			if problem == "" {
				checkProblems(t, body)
			} else {
				checkProblems(t, body, fmt.Sprintf("spec.data[0].version: Invalid value: %s: %s", version, problem))
			}
		})
	}
}

func TestNamesThatAreTooLongAreNotRepeated(t *testing.T) {
	long := strings.Repeat("a", 2049)
	const tooLong = ": Too long: may not be more than 2048 characters"
	checkProblems(t, `{spec: {backendType: vault, vaultRole: `+long+`, vaultMountPoint: `+long+`, dataFrom: [`+long+`], data: [{key: `+long+`, name: a}]}}`,
		"spec.vaultMountPoint"+tooLong, "spec.vaultRole"+tooLong, "spec.dataFrom[0]"+tooLong, "spec.data[0].key"+tooLong)
	checkProblems(t, `{spec: {backendType: systemManager, roleArn: `+long+`, region: `+long+`, data: [{path: `+long+`}]}}`,
		"spec.roleArn"+tooLong, "spec.region"+tooLong, "spec.data[0].path"+tooLong)
}

func TestOptionsThatAreTooLongAreNotRepeated(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	checkProblems(t, `{spec: {backendType: secretsManager, dataFromWithOptions: [{key: a, versionId: `+long(65)+`, versionStage: `+long(257)+`}],
		data: [{key: a, name: x, property: `+long(1025)+`}, {key: a, name: z, property: `+long(1024)+`, versionStage: `+long(256)+`}]}}`,
		"spec.dataFromWithOptions[0].versionId: Too long: may not be more than 64 characters",
		"spec.dataFromWithOptions[0].versionStage: Too long: may not be more than 256 characters",
		"spec.data[0].property: Too long: may not be more than 1024 characters")
}

// A default is judged as what an object says: a mistake in the settings must not become a request.
func TestDefaultsMustBeCanonical(t *testing.T) {
	for name, test := range map[string]struct {
		body     string
		defaults plan.Defaults
		want     string
	}{
		"region":  {`{spec: {backendType: secretsManager, dataFrom: [a]}}`, plan.Defaults{Region: "evil.example/"}, `spec.region: Invalid value: "evil.example/": ` + aRegion},
		"mount":   {`{spec: {backendType: vault, dataFrom: [a]}}`, plan.Defaults{VaultMount: "a/../b"}, `spec.vaultMountPoint: Invalid value: "a/../b": ` + dots},
		"project": {`{spec: {backendType: gcpSecretsManager, dataFrom: [a]}}`, plan.Defaults{Project: "a/b"}, `spec.projectId: Invalid value: "a/b": ` + aProject},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := plan.From(object(t, test.body), test.defaults)
			if diff := cmp.Diff([]string{test.want}, problems(errs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

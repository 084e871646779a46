package kes_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
)

const (
	control   = "must not contain control characters"
	invisible = "must not contain invisible characters"
	special   = `must not contain %, ?, # or \, which a URL's path gives another meaning`
	dots      = "must not contain the path segments . and .."
	simple    = "must be letters, digits, _ and -"
	host      = "must be letters, digits and dashes: it becomes a host name"
	aRegion   = "must be lower-case letters, digits and dashes, as in eu-west-1: it becomes a host name"
	aRole     = "must be the ARN of a role, as in arn:aws:iam::123456789012:role/name"
	aRAMRole  = "must be the ARN of a RAM role, as in acs:ram::1234567890123456:role/name"
	aProject  = "must be a project id or number: lower-case letters, digits, dashes, dots and colons"
)

// quote writes text so that YAML reads it back unchanged.
func quote(text string) string { return strconv.QuoteToASCII(text) }

func TestEveryKeyIsJudgedByTheRuleOfItsBackend(t *testing.T) {
	for name, keys := range map[string]map[string]string{ // what each says of a key
		"secretsManager":         {"a//b": "", "a\u200bb": invisible},
		"systemManager":          {"/a:3": "", "/a\tb": control},
		"vault":                  {"secret/data/a b": "", "secret/data/a/../b": dots, "auth/x": "must not start with auth/, where Vault keeps what belongs to the syncer: write secret/data/name"},
		"azureKeyVault":          {"a/b": "", "a/b/c": "must be a secret's name, or name/version, of letters, digits and dashes"},
		"gcpSecretsManager":      {"a_b-1": "", "a/b": simple},
		"alicloudSecretsManager": {"a/b_c": "", "a\u0000": control},
	} {
		for key, problem := range keys {
			t.Run(fmt.Sprintf("%s %q", name, key), func(t *testing.T) {
				k := quote(key)
				body := fmt.Sprintf(`{spec: {backendType: %s, keyVaultName: v, data: [{key: %s, name: a}], dataFrom: [%s], dataFromWithOptions: [{key: %s}]}}`,
					name, k, k, k)
				var want []string
				if problem != "" {
					for _, at := range []string{"spec.dataFrom[0]", "spec.dataFromWithOptions[0].key", "spec.data[0].key"} {
						want = append(want, fmt.Sprintf("%s: Invalid value: %q: %s", at, key, problem))
					}
				}
				_, errs := understand(object(t, body), kes.Installation{})
				if diff := cmp.Diff(want, problems(errs)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func TestEveryFieldThatSaysWhereToReadIsJudgedByTheRuleOfItsBackend(t *testing.T) {
	for name, test := range map[string]struct{ spec, right, wrong, problem string }{
		"region":                   {"backendType: secretsManager, region", "eu-west-1", "x.evil.example", aRegion},
		"region, of parameters":    {"backendType: systemManager, region", "eu-west-1", "EU-WEST-1", aRegion},
		"roleArn":                  {"backendType: secretsManager, roleArn", "arn:aws:iam::123456789012:role/r", "acs:ram::1:role/r", aRole},
		"roleArn, of parameters":   {"backendType: systemManager, roleArn", "arn:aws:iam::123456789012:role/r", "nope", aRole},
		"roleArn of Alibaba Cloud": {"backendType: alicloudSecretsManager, roleArn", "acs:ram::1:role/r", "demo", aRAMRole},
		"vaultMountPoint":          {"backendType: vault, vaultMountPoint", "clusters/one", "it%2Fkubernetes", special + ": write it/kubernetes"},
		"vaultRole":                {"backendType: vault, vaultRole", "a/b", "a\x1b[31m", control},
		"keyVaultName":             {"backendType: azureKeyVault, keyVaultName", "hello-world", "evil.example/", host},
		"projectId":                {"backendType: gcpSecretsManager, projectId", "example.com:project", "p/secrets/x", aProject},
	} {
		t.Run(name, func(t *testing.T) {
			field := test.spec[strings.LastIndexByte(test.spec, ' ')+1:]
			body := func(value string) string {
				return fmt.Sprintf(`{spec: {%s: %s, dataFrom: [a]}}`, test.spec, quote(value))
			}
			checkProblems(t, body(test.right))
			checkProblems(t, body(test.wrong), fmt.Sprintf("spec.%s: Invalid value: %q: %s", field, test.wrong, test.problem))
		})
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
		body string
		in   kes.Installation
		want string
	}{
		"region":  {`{spec: {backendType: secretsManager, dataFrom: [a]}}`, kes.Installation{Defaults: backend.Defaults{Region: "evil.example/"}}, `spec.region: Invalid value: "evil.example/": ` + aRegion},
		"mount":   {`{spec: {backendType: vault, dataFrom: [a]}}`, kes.Installation{Defaults: backend.Defaults{VaultMount: "a/../b"}}, `spec.vaultMountPoint: Invalid value: "a/../b": ` + dots},
		"project": {`{spec: {backendType: gcpSecretsManager, dataFrom: [a]}}`, kes.Installation{Defaults: backend.Defaults{Project: "a/b"}}, `spec.projectId: Invalid value: "a/b": ` + aProject},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := understand(object(t, test.body), test.in)
			if diff := cmp.Diff([]string{test.want}, problems(errs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

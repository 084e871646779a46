//nolint:lll // a table of cases has long rows
package attack

import (
	"fmt"

	"github.com/secretgate/secretgate/shared/names"
)

// on attacks one backend by a spec's other fields.
func on(backend, name, spec, denied string) Attack {
	return Attack{Name: name, Guard: Core(), Object: fmt.Sprintf("spec: {backendType: %s, %s}", backend, spec), Denied: denied}
}

// under is an attack in a namespace of other limits.
func (a Attack) under(guard Guard) Attack {
	a.Guard = guard
	return a
}

// unstorable is an attack whose object the API server does not store.
func (a Attack) unstorable(schema string) Attack {
	a.Schema = schema
	return a
}

func aws() []Attack {
	const permitted, host, unset = "dataFrom: [dev/core/a]", "it becomes a host name", "an empty value is not permitted"
	attack := func(name, spec, denied string) Attack { return on("secretsManager", name, spec+", "+permitted, denied) }
	role := func(name, arn string) Attack { return attack(name, fmt.Sprintf("roleArn: %q", arn), notPermitted(arn)) }
	strict := with(Guard{names.AnnotationRequireRole: "true"})
	return []Attack{
		attack("another region", "region: us-east-1", notPermitted("us-east-1")),
		attack("a region that makes another host", "region: us-west-2.evil.example", host),
		attack("a region that ends the host's name", "region: 'us-west-2/'", host),
		attack("a region before which a user stands", "region: 'x@evil'", host),
		attack("a region that the installation takes for granted", "suspend: false", notPermitted("us-west-2")).under(with(Guard{names.AnnotationPermittedRegion: "eu-.*"})),
		role("another role", "arn:aws:iam::123456789012:role/secrets-readonly-example"),
		role("a role of that name in another account", "arn:aws:iam::999999999999:role/core-reader"),
		role("a role that contains a permitted one", "arn:aws:iam::123456789012:role/x/arn:aws:iam::123456789012:role/core-reader"),
		attack("a role and a line break", `roleArn: "arn:aws:iam::123456789012:role/core-reader\nx"`, "must not contain control characters"),
		attack("no role where one is demanded", "suspend: false", "demands a role").under(strict),
		attack("an empty role where one is demanded", "roleArn: ''", "demands a role").under(strict),
		attack("Vault's role instead of AWS's", "vaultRole: core-reader", "demands a role").under(strict),
	}
}

func parameters() []Attack {
	attack := func(name, data, denied string) Attack { return on("systemManager", name, "data: ["+data+"]", denied) }
	return []Attack{
		attack("the tree of all parameters", "{path: /, recursive: true}", notPermitted("/")),
		attack("another tree", "{path: /prod}", notPermitted("/prod")),
		attack("the tree above the permitted one", "{path: /dev, recursive: true}", notPermitted("/dev")),
		attack("a parameter by its ARN", "{key: 'arn:aws:ssm:us-west-2:123456789012:parameter/prod/db', name: x}", notPermitted("arn:aws:ssm:us-west-2:123456789012:parameter/prod/db")),
		attack("a secret of Secrets Manager, by reference", "{key: /aws/reference/secretsmanager/prod/db, name: x}", notPermitted("/aws/reference/secretsmanager/prod/db")),
		attack("a version of a forbidden parameter", "{key: '/prod/db:1', name: x}", notPermitted("/prod/db:1")),
		attack("a permitted key beside a forbidden path", "{key: /dev/core/a, path: /prod, name: x}", "key and path exclude each other").unstorable("exactly one of key and path is required"),
	}
}

func vault() []Attack {
	attack := func(name, key, denied string) Attack {
		return on("vault", name, fmt.Sprintf("vaultMountPoint: kubernetes, vaultRole: core-reader, kvVersion: 1, data: [{key: %q, name: x, property: id}]", key), denied)
	}
	login := func(name, spec, denied string) Attack {
		return on("vault", name, spec+", dataFrom: [secret/data/dev/core/a]", denied)
	}
	const dots, slashes, special, own = "must not contain the path segments . and ..", "must not start or end with /", "must not contain %, ?, #", "keeps what belongs to the syncer"
	everything := keyed(".*")
	return []Attack{
		attack("dots that lead out of the permitted path", "secret/data/dev/core/../../prod/db", dots),
		attack("dots at the end", "secret/data/dev/core/..", dots),
		attack("a single dot", "secret/data/dev/core/./db", dots),
		attack("an empty segment", "secret/data/dev/core//db", slashes),
		attack("a slash at the start", "/secret/data/dev/core/db", slashes),
		attack("a slash at the end", "secret/data/dev/core/", slashes),
		attack("encoded dots", "secret/data/dev/core/%2e%2e/%2e%2e/prod/db", special),
		attack("a query", "secret/data/dev/core/db?version=1", special),
		attack("a fragment", "secret/data/dev/core/db#prod", special),
		attack("backslashes", `secret/data/dev/core/..\..\prod\db`, special),
		attack("full-width dots that lead into the permitted path", "secret/data/prod/\uff0e\uff0e/dev/core/db", notPermitted("secret/data/prod/\uff0e\uff0e/dev/core/db")),
		attack("the path of a namespace of Vault", "team/secret/data/dev/core/db", notPermitted("team/secret/data/dev/core/db")),
		attack("the syncer's own token", "auth/token/lookup-self", own).under(everything),
		attack("the syncer's own token in a namespace of Vault", "team/auth/token/lookup-self", "must not end like a path of Vault that answers a token").under(everything),
		attack("a token in the syncer's name", "identity/oidc/token/core", own).under(everything),
		attack("Vault's own settings", "sys/mounts", own).under(everything),
		attack("the syncer's cubbyhole", "cubbyhole/x", own).under(everything),
		login("another mount", "vaultMountPoint: approle, vaultRole: core-reader", notPermitted("approle")),
		login("a mount that leads to another one", "vaultMountPoint: kubernetes/../approle, vaultRole: core-reader", dots),
		login("a mount with a query", "vaultMountPoint: 'kubernetes?x', vaultRole: core-reader", special),
		login("a mount that is not set", "vaultRole: core-reader", "an empty value is not permitted"),
		login("another role of Vault", "vaultMountPoint: kubernetes, vaultRole: my-vault-role", notPermitted("my-vault-role")),
		login("no role of Vault where one is demanded", "vaultMountPoint: kubernetes", "demands a role").under(with(Guard{names.AnnotationRequireRole: "true"})),
		login("a version of KV that there is not", "vaultMountPoint: kubernetes, vaultRole: core-reader, kvVersion: 3", "must be 1 or 2").unstorable("spec.kvVersion"),
	}
}

func azure() []Attack {
	attack := func(name, key, denied string) Attack {
		return on("azureKeyVault", name, fmt.Sprintf("keyVaultName: core-vault, data: [{key: %q, name: x}]", key), denied)
	}
	at := func(name, vault, denied string) Attack {
		return on("azureKeyVault", name, fmt.Sprintf("keyVaultName: %q, dataFrom: [dev-core-a]", vault), denied)
	}
	const segment, host = "must be a secret's name, or name/version", "it becomes a host name"
	return []Attack{
		attack("another secret of the Key Vault", "prod-db", notPermitted("prod-db")),
		attack("dots that lead to certificates", "dev-core-a/../../certificates/prod", segment),
		attack("dots alone", "..", segment),
		attack("a query in a Key Vault's secret", "dev-core-a?api-version=1", segment),
		attack("an encoded slash in a Key Vault's secret", "dev-core-a%2f..%2fprod-db", segment),
		attack("a version of another secret", "prod-db/0123456789abcdef0123456789abcdef", notPermitted("prod-db/0123456789abcdef0123456789abcdef")),
		at("another Key Vault", "prod-vault", notPermitted("prod-vault")),
		at("a Key Vault in capitals", "CORE-VAULT", notPermitted("CORE-VAULT")),
		at("a Key Vault at another host", "evil.example/core-vault", host),
		at("a Key Vault that ends the host's name", "prod-vault.vault.azure.net#", host),
		at("a Key Vault before which a user stands", "core-vault@evil", host),
		on("azureKeyVault", "no Key Vault", "dataFrom: [dev-core-a]", "needs the name of the Key Vault").unstorable("keyVaultName is required"),
	}
}

func google() []Attack {
	attack := func(name, spec, denied string) Attack { return on("gcpSecretsManager", name, spec, denied) }
	const word, project = "must be letters, digits, _ and -", "must be a project id or number"
	return []Attack{
		attack("another project", "projectId: my-gsm-secret-project, dataFrom: [dev-core-a]", notPermitted("my-gsm-secret-project")),
		attack("another project by its number", "projectId: '310987654321', dataFrom: [dev-core-a]", notPermitted("310987654321")),
		attack("a project that the credential takes for granted", "dataFrom: [dev-core-a]", "an empty value is not permitted"),
		attack("a project that is a path", "projectId: core-project/secrets/x, dataFrom: [dev-core-a]", project),
		attack("a secret by its full name", "projectId: core-project, dataFrom: [projects/my-gsm-secret-project/secrets/prod-db]", word),
		attack("a version that leads to another secret", "projectId: core-project, data: [{key: dev-core-a, name: x, version: latest/../../../prod-db/versions/1}]", word),
		attack("a forbidden secret of the permitted project", "projectId: core-project, dataFrom: [prod-db]", notPermitted("prod-db")),
	}
}

func alicloud() []Attack {
	attack := func(name, spec, denied string) Attack { return on("alicloudSecretsManager", name, spec, denied) }
	return []Attack{
		attack("another secret of KMS", "dataFrom: [prod/db]", notPermitted("prod/db")),
		attack("a second parameter of the query", "dataFrom: ['prod/db&SecretName=dev/core/a']", notPermitted("prod/db&SecretName=dev/core/a")),
		attack("another role of Alibaba Cloud", "roleArn: 'acs:ram::1234567890123456:role/demo', dataFrom: [dev/core/a]", notPermitted("acs:ram::1234567890123456:role/demo")),
		attack("a backend that is not supported", "controllerId: '', keyByName: true, dataFrom: [dev/core/a]", "is not supported").as("akeyless").unstorable("are not supported by Secretgate"),
	}
}

// as is the attack on another backend.
func (a Attack) as(backend string) Attack {
	a.Object = "spec: {backendType: " + backend + ", dataFrom: [dev/core/a]}"
	return a
}

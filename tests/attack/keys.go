//nolint:lll // a table of cases has long rows
package attack

import (
	"fmt"

	"github.com/secretgate/secretgate/shared/names"
)

// key is an attack on AWS Secrets Manager by one key. It is quoted as YAML, which has JSON's escapes.
func key(name, key, denied string) Attack {
	return Attack{Name: name, Guard: Core(), Object: fmt.Sprintf("spec: {backendType: secretsManager, data: [{key: %q, name: x}]}", key), Denied: denied}
}

// spellings are keys that a careless matcher takes for the permitted ones.
func spellings() []Attack {
	forbidden := func(name, text string) Attack { return key(name, text, notPermitted(text)) }
	return []Attack{
		forbidden("another team's key", "prod/db"),
		forbidden("a key that contains the pattern's text", "prod/dev/core/db"),
		forbidden("a key that ends in a permitted one", "x/dev/core/db"),
		forbidden("a key that begins with a permitted one", "dev/core/db/../../../prod/db"),
		forbidden("a key that only begins like the pattern", "dev/core"),
		forbidden("a key in capitals", "DEV/CORE/DB"),
		forbidden("a key with a Cyrillic letter that looks like a Latin one", "dev/\u0441ore/db"),
		forbidden("a key with full-width slashes", "dev\uff0fcore\uff0fdb"),
		forbidden("a key with a division slash", "dev\u2215core\u2215db"),
		forbidden("a key with full-width dots", "dev/core/\uff0e\uff0e/\uff0e\uff0e/prod/db"),
		forbidden("a key with an encoded slash", "dev%2Fcore%2Fdb"),
		forbidden("an ARN instead of a name", "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db-AbCdEf"),
		forbidden("an ARN of another account that ends in a permitted name", "arn:aws:secretsmanager:us-west-2:999999999999:secret:dev/core/db"),
		key("a line break and a forbidden key", "dev/core/db\nprod/db", "must not contain control characters"),
		key("a forbidden key, a line break and a permitted one", "prod/db\ndev/core/db", "must not contain control characters"),
		key("a trailing line break", "dev/core/db\n", "must not contain control characters"),
		key("a carriage return", "dev/core/db\rprod", "must not contain control characters"),
		key("a byte of zero", "dev/core/db\x00prod", "must not contain control characters"),
		key("an escape sequence for terminals", "dev/core/\x1b[2Kdb", "must not contain control characters"),
		key("a zero-width space", "dev/core/\u200bdb", "must not contain invisible characters"),
		key("a text that runs from right to left", "dev/core/\u202ebd/dorp", "must not contain invisible characters"),
		key("a byte-order mark", "\ufeffdev/core/db", "must not contain invisible characters"),
		key("a trailing space", "dev/core/db ", "must not start or end with white space"),
		key("a line separator of Unicode", "dev/core/db\u2028prod", "must not contain invisible characters"),
		{
			Name: "a key of more than 2048 characters", Guard: Core(), Object: "spec: {backendType: secretsManager, dataFrom: [dev/core/" + repeat("x", 2049) + "]}",
			Denied: "may not be more than 2048", Schema: "than 2048", // older ones say "longer", not "more"
		},
	}
}

// fields are forbidden keys in every field that reads, beside permitted ones in the others.
func fields() []Attack {
	attack := func(name, spec string) Attack {
		return Attack{Name: name, Guard: Core(), Object: "spec: {backendType: secretsManager, " + spec + "}", Denied: notPermitted("prod/db")}
	}
	return []Attack{
		attack("dataFrom", "dataFrom: [dev/core/a, prod/db]"),
		attack("dataFromWithOptions, which KES never judged", "dataFromWithOptions: [{key: prod/db}]"),
		attack("dataFromWithOptions beside permitted data and dataFrom", "data: [{key: dev/core/a, name: x}], dataFrom: [dev/core/b], dataFromWithOptions: [{key: dev/core/c}, {key: prod/db, isBinary: true}]"),
		attack("the last of many entries", "data: ["+repeat("{key: dev/core/a, name: x}, ", 400)+"{key: prod/db, name: x}]"),
		attack("a second entry of the same name", "data: [{key: dev/core/a, name: x}, {key: prod/db, name: x}]"),
		attack("another version of a forbidden key", "data: [{key: prod/db, name: x, versionId: v1, versionStage: AWSPREVIOUS}]"),
		attack("a property of a forbidden key", "data: [{key: prod/db, name: x, property: password}]"),
		attack("a forbidden key, adopting", "adoptExisting: true, deletionPolicy: Retain, dataFrom: [prod/db]"),
		attack("a forbidden key that is never refreshed", "refreshInterval: '0', dataFrom: [prod/db]"),
		{
			Name: "more entries than an object may have", Guard: Core(), Object: "spec: {backendType: secretsManager, dataFrom: [" + repeat("dev/core/a, ", 1000) + "prod/db]}",
			Denied: "must have at most 1000 items", Schema: "must have at most 1000 items",
		},
		{
			Name: "an object of another syncer", Guard: Core(), Object: "spec: {controllerId: another, backendType: secretsManager, dataFrom: [prod/db]}",
			Denied: notPermitted("prod/db"), Unserved: true,
		},
		{
			Name: "a syncer that is not the namespace's", Guard: with(Guard{names.AnnotationPermittedControllerID: "(core)?"}),
			Object: "spec: {controllerId: another, backendType: secretsManager, dataFrom: [dev/core/a]}",
			Denied: notPermitted("another"), Unserved: true,
		},
		{
			Name: "a forced refresh", Guard: Core(), Denied: notPermitted("prod/db"),
			Object: "{metadata: {annotations: {secretgate.io/force-sync: now}}, spec: {backendType: secretsManager, dataFrom: [prod/db]}}",
		},
		{
			Name: "a status of success, made up", Guard: Core(), Denied: notPermitted("prod/db"),
			Object: "{spec: {backendType: secretsManager, dataFrom: [prod/db]}, status: {status: SUCCESS, observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: Synced, " +
				"message: '', observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z'}]}}",
		},
		{
			Name: "the policy's annotations on the object itself", Guard: Core(), Denied: notPermitted("prod/db"),
			Object: "{metadata: {annotations: {externalsecrets.kubernetes-client.io/permitted-key-name: '.*', secretgate.io/permit-adopt: 'true'}}, " +
				"spec: {backendType: secretsManager, dataFrom: [prod/db]}}",
		},
	}
}

// deprecated are forbidden keys by deprecated names.
func deprecated() []Attack {
	const both = "is the deprecated name of"
	attack := func(name, object, denied string) Attack {
		return Attack{Name: name, Guard: Core(), Object: object, Denied: denied}
	}
	return []Attack{
		attack("properties", "spec: {backendType: secretsManager, properties: [{key: prod/db, name: x}]}", notPermitted("prod/db")),
		attack("properties beside permitted data", "spec: {backendType: secretsManager, data: [{key: dev/core/a, name: x}], properties: [{key: prod/db, name: x}]}", both),
		attack("data beside permitted properties", "spec: {backendType: secretsManager, data: [{key: prod/db, name: x}], properties: [{key: dev/core/a, name: x}]}", both),
		attack("properties beside permitted data, with a forged manifest", `{metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"data":[]}}'}}, `+
			"spec: {backendType: secretsManager, data: [{key: dev/core/a, name: x}], properties: [{key: prod/db, name: x}]}}", both),
		attack("a descriptor", "secretDescriptor: {backendType: secretsManager, data: [{key: prod/db, name: x}]}", notPermitted("prod/db")),
		attack("a descriptor beside a permitted spec", "{spec: {backendType: secretsManager, dataFrom: [dev/core/a]}, secretDescriptor: {backendType: secretsManager, dataFrom: [prod/db]}}", both),
		attack("a spec beside a permitted descriptor", "{spec: {backendType: secretsManager, dataFrom: [prod/db]}, secretDescriptor: {backendType: secretsManager, dataFrom: [dev/core/a]}}", both),
		attack("properties of a descriptor", "secretDescriptor: {backendType: secretManager, properties: [{key: prod/db, name: x}]}", notPermitted("prod/db")),
		attack("properties beside data of a descriptor", "secretDescriptor: {backendType: secretsManager, data: [{key: dev/core/a, name: x}], properties: [{key: prod/db, name: x}]}", both),
		attack("a descriptor in a descriptor", "secretDescriptor: {backendType: secretsManager, secretDescriptor: {dataFrom: [prod/db]}}", "at least one of data"),
		attack("a misspelled backend", "spec: {backendType: secretManager, dataFrom: [prod/db]}", notPermitted("prod/db")),
	}
}

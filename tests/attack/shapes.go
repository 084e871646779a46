//nolint:lll // a table of cases has long rows
package attack

import (
	"fmt"
	"strings"
)

func repeat(text string, n int) string { return strings.Repeat(text, n) }

// templates are Secrets that must not be made, of values that may be read.
func templates() []Attack {
	attack := func(name, fields, denied string) Attack {
		return on("secretsManager", name, "dataFrom: [dev/core/a], "+fields, denied)
	}
	template := func(name, fields, denied string) Attack { return attack(name, "template: {"+fields+"}", denied) }
	metadata := func(name, fields string) Attack {
		return template(name, "metadata: {"+fields+"}", "a template may set labels and annotations only")
	}
	const token, own, code, only = "may not be made from an ExternalSecret", "are Secretgate's own", "cannot be made by a template", "a template may set"
	return []Attack{
		template("a token of a service account", "type: kubernetes.io/service-account-token, metadata: {annotations: {kubernetes.io/service-account.name: syncer}}", token),
		template("a token that lets nodes join", "type: bootstrap.kubernetes.io/token", token),
		attack("a token by the type's deprecated name", "type: kubernetes.io/service-account-token", token),
		attack("a token beside the type's deprecated name", "type: Opaque, template: {type: kubernetes.io/service-account-token}", "is the deprecated name of"),
		{
			Name: "a token by a descriptor's type", Guard: Core(), Denied: token,
			Object: "secretDescriptor: {backendType: secretsManager, dataFrom: [dev/core/a], type: kubernetes.io/service-account-token}",
		},
		metadata("a Secret of another namespace", "namespace: kube-system"),
		metadata("a Secret of another name", "name: syncer-token"),
		metadata("a Secret whose name is made up", "generateName: x-"),
		metadata("owners of a Secret", "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: x, uid: x, blockOwnerDeletion: true}]"),
		metadata("finalizers of a Secret", "finalizers: [example.com/never]"),
		metadata("the uid of another Secret", "uid: 0-0, resourceVersion: '1'"),
		template("our proof of ownership", "metadata: {annotations: {secretgate.io/owner-uid: x}}", own),
		template("our label", "metadata: {labels: {secretgate.io/managed: 'false'}}", own),
		template("code that makes the type", "type: 'kubernetes.io/<%= \"service-account-token\" %>'", code),
		template("code that makes the type, by a dollar", "type: '${\"kubernetes.io/service-account-token\"}'", code),
		template("code in our proof of ownership", "metadata: {annotations: {secretgate.io/owner-uid: '<%= data.x %>'}}", own),
		template("another kind of object", "kind: ClusterRoleBinding", "must be Secret or absent"),
		template("fields that a Secret has not", "spec: {x: y}", only),
		template("a status", "status: {x: y}", only),
		template("an entry with a path in its name", "data: {../../x: eA==}", "a valid config key must consist of"),
		template("bytes that are none", "data: {x: '*'}", "is not base64"),
		on("secretsManager", "an entry's name with a path in it", "data: [{key: dev/core/a, name: ../x}]", "a valid config key must consist of").unstorable("should match"),
		attack("a template that is a list", "template: [{type: kubernetes.io/service-account-token}]", "must be an object").unstorable("spec.template"),
	}
}

// patterns are annotations that a careless matcher takes for permission, or dies of.
func patterns() []Attack {
	forbidden := func(name, pattern, key string) Attack {
		return on("secretsManager", name, fmt.Sprintf("dataFrom: [%q]", key), notPermitted(key)).under(keyed(pattern))
	}
	says := func(name, pattern, denied string) Attack {
		return on("secretsManager", name, "dataFrom: [prod/db]", denied).under(keyed(pattern))
	}
	const large = "holds patterns that are too large"
	return []Attack{
		says("a pattern of JavaScript", "(?!prod).*|.*", "is not a valid RE2 pattern: look-ahead"),
		says("a pattern that escapes from its anchors", "a)|.*|(b", "is not a valid RE2 pattern"),
		says("a bad line beside one that permits", ".*\n[", "is not a valid RE2 pattern"),
		says("an empty annotation", "", "is empty, which permits nothing"),
		says("an annotation of blank lines", " \n\t\n", "is empty, which permits nothing"),
		says("a pattern of gigabytes", repeat(`(?:(?:.?){30}){30}`, 100), large),
		says("a pattern of classes of Unicode", repeat(`\pL{1000}`, 27), large),
		says("a hundred thousand lines", repeat("ab\n", 50_000)+".*", large),
		says("groups in groups", repeat("(", 2000)+repeat(")", 2000), "is not a valid RE2 pattern"),
		on("secretsManager", "a pattern that other matchers never end on", "dataFrom: ["+repeat("x", 2000)+"]", "is not permitted in namespace").under(keyed("(x+x+)+y")),
		forbidden("alternatives that are anchored together only", "dev/core/a|dev/core/b", "prod/dev/core/b"),
		forbidden("a quotation that is left open", `dev/core/\Q`, "dev/core/db"),
		forbidden("a multi-line pattern", "(?m)^dev/core/a$", "prod/db"),
		forbidden("a pattern's own anchors", "^dev/core/", "dev/core/db"),
		forbidden("a key that is the pattern's text", "dev/core/[^/]+", "dev/core/[^/]+"),
	}
}

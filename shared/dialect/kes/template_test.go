package kes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// withTemplate is an object whose template is this flow-style YAML.
func withTemplate(text string) string {
	return `{spec: {backendType: secretsManager, dataFrom: [a], template: ` + text + `}}`
}

func TestTemplate(t *testing.T) {
	yes := true
	for name, test := range map[string]struct {
		body string
		want plan.Template
	}{
		"all that it may set": {
			withTemplate(`{apiVersion: v1, kind: Secret, metadata: {labels: {dog: farfel}, annotations: {cat: cheese, example.com/Note: "a b"}},
				type: kubernetes.io/tls, immutable: true, data: {a: QQ==}, stringData: {b: B}}`),
			plan.Template{
				Labels: map[string]string{"dog": "farfel"}, Annotations: map[string]string{"cat": "cheese", "example.com/Note": "a b"},
				Type: "kubernetes.io/tls", Immutable: &yes,
				Data: map[string][]byte{"a": []byte("A")}, StringData: map[string][]byte{"b": []byte("B")},
			},
		},
		"stringData beside data": {
			withTemplate(`{stringData: {a: plain}, data: {a: QQ==}}`),
			plan.Template{Type: "Opaque", Data: map[string][]byte{"a": []byte("A")}, StringData: map[string][]byte{"a": []byte("plain")}},
		},
		"an empty one": {withTemplate(`{}`), plan.Template{Type: "Opaque"}},
		"null members are absent": {
			withTemplate(`{metadata: {labels: null, annotations: {a: null, b: c}, name: null}, type: null, immutable: null, data: null, stringData: null}`),
			plan.Template{Type: "Opaque", Annotations: map[string]string{"b": "c"}},
		},
		"null": {withTemplate(`null`), plan.Template{Type: "Opaque"}},
		"the deprecated type where there is no template": {
			`{spec: {backendType: secretsManager, dataFrom: [a], type: example.com/old}}`, plan.Template{Type: "example.com/old"},
		},
		"the deprecated type where the template has none": {
			`{spec: {backendType: secretsManager, dataFrom: [a], type: example.com/old, template: {metadata: {labels: {a: b}}}}}`,
			plan.Template{Type: "example.com/old", Labels: map[string]string{"a": "b"}},
		},
		"the deprecated type equal to the template's": {
			`{spec: {backendType: secretsManager, dataFrom: [a], type: example.com/t, template: {type: example.com/t}}}`,
			plan.Template{Type: "example.com/t"},
		},
		"an empty type is Opaque": {withTemplate(`{type: ""}`), plan.Template{Type: "Opaque"}},
		"empty text is a value":   {withTemplate(`{stringData: {a: ""}}`), plan.Template{Type: "Opaque", StringData: map[string][]byte{"a": {}}}},
		"base64 with line breaks": {withTemplate(`{data: {a: "QU\nJD\n"}}`), plan.Template{Type: "Opaque", Data: map[string][]byte{"a": []byte("ABC")}}},
		"a dollar and a brace that never closes are text in lodash": {
			withTemplate(`{stringData: {a: "${HOME %> < %", b: "}{$", c: "${a\\}"}}`),
			plan.Template{Type: "Opaque", StringData: map[string][]byte{"a": []byte("${HOME %> < %"), "b": []byte("}{$"), "c": []byte(`${a\}`)}},
		},
		"base64 that spells a dollar and braces is no code in lodash": {
			withTemplate(`{data: {a: JHtIT01FfQ==}}`), plan.Template{Type: "Opaque", Data: map[string][]byte{"a": []byte("${HOME}")}},
		},
		"code in every place that KES renders": {
			withTemplate(`{metadata: {labels: {a: "<% b %>", s: t}, annotations: {c: "x<%- d %>"}}, data: {e: "<%= f %>", g: QQ==},
				stringData: {h: "pw=${data.password}", i: "\\${x}", j: "${a\\}b}", k: "<%"}}`),
			plan.Template{
				Type: "Opaque", Engine: template.Lodash, Labels: map[string]string{"s": "t"}, Annotations: map[string]string{},
				Data: map[string][]byte{"g": []byte("A")}, StringData: map[string][]byte{"k": []byte("<%")},
				Made: []plan.Made{
					made("spec.template.data[e]", plan.InData, "e", "<%= f %>"),
					made("spec.template.metadata.annotations[c]", plan.InAnnotations, "c", "x<%- d %>"),
					made("spec.template.metadata.labels[a]", plan.InLabels, "a", "<% b %>"),
					made("spec.template.stringData[h]", plan.InStringData, "h", "pw=${data.password}"),
					made("spec.template.stringData[i]", plan.InStringData, "i", `\${x}`),
					made("spec.template.stringData[j]", plan.InStringData, "j", `${a\}b}`),
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, mustPlan(t, test.body, kes.Installation{}).Template); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func made(at string, part plan.Part, name, source string) plan.Made {
	return plan.Made{Text: template.Text{Field: at, Source: source}, Part: part, Name: name}
}

func TestTemplateRefusals(t *testing.T) {
	const (
		onlyThese = "a template may set metadata.labels, metadata.annotations, type, immutable, data and stringData"
		onlyMeta  = "a template may set labels and annotations only; name, namespace and owner are the ExternalSecret's"
		own       = "keys under secretgate.io/ are Secretgate's own"
		quotes    = "must be a string: put it in quotes"
	)
	for name, test := range map[string]struct {
		template string
		want     []string
	}{
		"a text":          {`"a"`, []string{"spec.template: Invalid value: must be an object: the fields of a Secret"}},
		"a list":          {`[]`, []string{"spec.template: Invalid value: must be an object: the fields of a Secret"}},
		"a number":        {`1`, []string{"spec.template: Invalid value: must be an object: the fields of a Secret"}},
		"another kind":    {`{apiVersion: v2, kind: Pod}`, []string{`spec.template.apiVersion: Invalid value: "v2": must be v1 or absent`, `spec.template.kind: Invalid value: "Pod": must be Secret or absent`}},
		"unknown members": {`{spec: {}, status: {}, Data: {}}`, []string{"spec.template.Data: Forbidden: " + onlyThese, "spec.template.spec: Forbidden: " + onlyThese, "spec.template.status: Forbidden: " + onlyThese}},
		"other metadata": {
			`{metadata: {name: other, namespace: kube-system, ownerReferences: [], finalizers: [x], generateName: g}}`,
			[]string{
				"spec.template.metadata.finalizers: Forbidden: " + onlyMeta, "spec.template.metadata.generateName: Forbidden: " + onlyMeta,
				"spec.template.metadata.name: Forbidden: " + onlyMeta, "spec.template.metadata.namespace: Forbidden: " + onlyMeta,
				"spec.template.metadata.ownerReferences: Forbidden: " + onlyMeta,
			},
		},
		"members of the wrong type": {
			`{metadata: [], immutable: "yes", type: {}, data: text, stringData: [a]}`,
			[]string{
				"spec.template.data: Invalid value: must be an object of strings", `spec.template.immutable: Invalid value: "yes": must be true or false`,
				"spec.template.metadata: Invalid value: must be an object", "spec.template.stringData: Invalid value: must be an object of strings",
				"spec.template.type: Invalid value: " + quotes,
			},
		},
		"values that are no strings": {
			`{metadata: {labels: {a: 1, b: true}, annotations: {c: []}}, stringData: {d: {}}}`,
			[]string{
				"spec.template.metadata.annotations[c]: Invalid value: " + quotes, "spec.template.metadata.labels[a]: Invalid value: " + quotes,
				"spec.template.metadata.labels[b]: Invalid value: " + quotes, "spec.template.stringData[d]: Invalid value: " + quotes,
			},
		},
		"our own keys": {
			`{metadata: {labels: {secretgate.io/managed: "false"}, annotations: {secretgate.io/owner-uid: x}}}`,
			[]string{
				"spec.template.metadata.annotations[secretgate.io/owner-uid]: Forbidden: " + own,
				"spec.template.metadata.labels[secretgate.io/managed]: Forbidden: " + own,
			},
		},
		"an invalid label value": {
			`{metadata: {labels: {a: "b c"}}}`,
			[]string{`spec.template.metadata.labels[a]: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, ` +
				`'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is ` +
				`'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`},
		},
		"a label value that is too long": {
			`{metadata: {labels: {a: ` + strings.Repeat("x", 64) + `}}}`,
			[]string{`spec.template.metadata.labels[a]: Invalid value: "` + strings.Repeat("x", 64) + `": must be no more than 63 bytes`},
		},
		"an invalid key": {
			`{metadata: {annotations: {"a b": c}}}`,
			[]string{`spec.template.metadata.annotations[a b]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', ` +
				`and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is ` +
				`'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`},
		},
		"capitals in a label's prefix, which an annotation's may have": {
			`{metadata: {labels: {Example.com/Team: a}, annotations: {Example.com/Team: a}}}`,
			[]string{`spec.template.metadata.labels[Example.com/Team]: Invalid value: "Example.com/Team": prefix part a lowercase RFC 1123 subdomain ` +
				`must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character ` +
				`(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		},
		"annotations larger than the API server takes": {
			`{metadata: {annotations: {a: ` + strings.Repeat("x", 256*1024) + `}}}`,
			[]string{"spec.template.metadata.annotations: Too long: may not be more than 262144 bytes"},
		},
		"a Secret of a service account": {
			`{type: kubernetes.io/service-account-token, metadata: {annotations: {kubernetes.io/service-account.name: default}}}`,
			[]string{"spec.template.type: Forbidden: a Secret of type kubernetes.io/service-account-token may not be made from an ExternalSecret: " +
				"a service account's token would be issued into it"},
		},
		"a bootstrap token": {
			`{type: bootstrap.kubernetes.io/token}`,
			[]string{"spec.template.type: Forbidden: a Secret of type bootstrap.kubernetes.io/token may not be made from an ExternalSecret: it would let nodes join the cluster"},
		},
		"code in the type": {
			`{type: "<%= a %>"}`, []string{"spec.template.type: Forbidden: the type cannot be made by a template: write the type itself"},
		},
		"code in the type, by lodash's other delimiter": {
			`{type: "${a}"}`, []string{"spec.template.type: Forbidden: the type cannot be made by a template: write the type itself"},
		},
		"names of texts with code that no Secret may have": {
			`{metadata: {labels: {secretgate.io/managed: "${a}"}, annotations: {a b: "${a}"}}, stringData: {"..": "${a}"}}`,
			[]string{
				`spec.template.metadata.annotations[a b]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
				"spec.template.metadata.labels[secretgate.io/managed]: Forbidden: keys under secretgate.io/ are Secretgate's own",
				`spec.template.stringData[..]: Invalid value: "..": must not be '..'`,
			},
		},
		"data that is not base64 is not shown": {
			`{data: {a: "plain!"}}`, []string{"spec.template.data[a]: Invalid value: is not base64: use stringData for plain text"},
		},
		"keys that no Secret may have": {
			`{data: {"a/b": QQ==}, stringData: {"..": x}}`,
			[]string{
				`spec.template.data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' ` +
					`(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
				`spec.template.stringData[..]: Invalid value: "..": must not be '..'`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) { checkProblems(t, withTemplate(test.template), test.want...) })
	}
}

func TestTheDeprecatedTypeIsJudgedAsTheNewOne(t *testing.T) {
	checkProblems(t, `{spec: {backendType: secretsManager, dataFrom: [a], type: kubernetes.io/service-account-token}}`,
		"spec.type: Forbidden: a Secret of type kubernetes.io/service-account-token may not be made from an ExternalSecret: a service account's token would be issued into it")
	checkProblems(t, `{spec: {backendType: secretsManager, dataFrom: [a], type: one, template: {type: two}}}`,
		"spec.type: Forbidden: is the deprecated name of spec.template.type, which is set too: remove spec.type")
}

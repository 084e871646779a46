package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// KES README, Templating: all that its example does, of its values.
func TestTemplatesOfKESReadme(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	putAWS(t, namespace+"/s1", `{"intKey": 11, "objKey": {"strKey": "hello world"}}`)
	putAWS(t, namespace+"/s2", `{"arrKey": [1, 2, 3]}`)
	const spec = `
  backendType: secretsManager
  data:
    - {key: NS/s1, name: s1}
    - {key: NS/s2, name: s2}
  template:
    metadata:
      labels:
        label1: <%= JSON.parse(data.s1).intKey %>
        label2: <%= JSON.parse(data.s1).objKey.strKey.replace(" ", "-") %>
    data:
      encoded: |
        <%= Buffer.from(JSON.stringify(JSON.parse(data.s1).objKey)).toString("base64") %>
    stringData:
      stringDataFromData: '<%= JSON.stringify(JSON.parse(data.s1).objKey) %>'
      file.yaml: |
        <%= yaml.dump(JSON.parse(data.s1)) %>
        <% let s2 = JSON.parse(data.s2) %><% s2.arrKey.forEach((e, i) => { %>arr_<%= i %>: <%= e %>
        <% }) %>`
	said := kubectl.MustApply(t, namespace, object("templated", in(namespace, spec)))
	contains(t, said, "Warning: spec.template.metadata.labels[label1]: a value goes where all can read it who may list Secrets' metadata: use stringData")
	secret := awaitData(t, namespace, "templated", map[string]string{
		"s1": `{"intKey": 11, "objKey": {"strKey": "hello world"}}`, "s2": `{"arrKey": [1, 2, 3]}`,
		"encoded": `{"strKey":"hello world"}`, "stringDataFromData": `{"strKey":"hello world"}`,
		"file.yaml": "intKey: 11\nobjKey:\n  strKey: hello world\n\narr_0: 1\narr_1: 2\narr_2: 3\n\n",
	})
	if secret.Labels["label1"] != "11" || secret.Labels["label2"] != "hello-world" {
		t.Errorf("got the labels %v, want label1 11 and label2 hello-world", secret.Labels)
	}
}

// A docker config of two entries follows both of them.
func TestTemplateFollowsItsValues(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	config := func(password string) map[string]string {
		auth := base64.StdEncoding.EncodeToString([]byte("ann:" + password))
		return map[string]string{
			"user": "ann", "password": password,
			".dockerconfigjson": `{"auths": {"registry.example.com": {"auth": "` + auth + `"}}}`,
		}
	}
	first, second := secretValue(), secretValue()
	putAWS(t, namespace+"/registry", fmt.Sprintf(`{"user": "ann", "password": %q}`, first))
	kubectl.MustApply(t, namespace, object("registry", in(namespace, `
  backendType: secretsManager
  refreshInterval: 10s
  data:
    - {key: NS/registry, name: user, property: user}
    - {key: NS/registry, name: password, property: password}
  template:
    type: kubernetes.io/dockerconfigjson
    stringData:
      .dockerconfigjson: '{"auths": {"registry.example.com": {"auth": "<%= Buffer.from(data.user + ":" + data.password).toString("Base64") %>"}}}'`)))
	awaitData(t, namespace, "registry", config(first))
	putAWS(t, namespace+"/registry", fmt.Sprintf(`{"user": "ann", "password": %q}`, second))
	awaitData(t, namespace, "registry", config(second))
}

// TestTemplateThatFails leaves the Secret whole and says where, without a value.
func TestTemplateThatFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ code, bad, says string }{
		"a value that is no JSON": {
			"<%= JSON.parse(data.v).p %>", "no JSON: %s",
			"ERROR, spec.template.stringData[made]: line 1, column 5: JSON.parse: the text that it is given cannot be parsed",
		},
		"a member that is gone": {
			"${JSON.parse(data.v).p.length}", `{"q": %q}`,
			"ERROR, spec.template.stringData[made]: line 1, column 22: p.length: a value is missing, null, or of another type than the code takes it for",
		},
		"a loop without an end": {
			"<% while (!JSON.parse(data.v).p) {} %>", `{"q": %q}`,
			"ERROR, spec.template.stringData[made]: line 1, column 24: data.v: the template takes too long",
		},
		"a result that is too large": {
			"<%= JSON.parse(data.v).p || 'x'.repeat(2e6) %>", `{"q": %q}`,
			"ERROR, spec.template.stringData[made]: the texts up to this one have more than 1 MiB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, good, bad := newNamespace(t, nil), secretValue(), secretValue()
			value := fmt.Sprintf(`{"p": %q}`, good)
			putAWS(t, namespace+"/v", value)
			kubectl.MustApply(t, namespace, object("db", in(namespace, `
  backendType: secretsManager
  refreshInterval: 10s
  data: [{key: NS/v, name: v}]
  template: {stringData: {made: '`+strings.ReplaceAll(tc.code, "'", "''")+`'}}`)))
			awaitReason(t, namespace, "db", plan.ReasonSynced)
			before := getSecret(t, namespace, "db")
			putAWS(t, namespace+"/v", fmt.Sprintf(tc.bad, bad))
			failed := awaitReason(t, namespace, "db", plan.ReasonTemplateFailed)
			// How far a loop has come when it ends is chance.
			if got := failed.Status.Status; !strings.HasPrefix(got, tc.says) && !strings.HasSuffix(got, "the template takes too long") {
				t.Errorf("got the status %q, want %q", got, tc.says)
			}
			if after := getSecret(t, namespace, "db"); after.ResourceVersion != before.ResourceVersion {
				t.Error("the Secret was written")
			}
			counts := harness.MustScrape(t, theLab.Syncer.MetricsAddress)
			if n := counts.MustSum(t, "secretgate_template_errors_total", `dialect="kes"`); n < 1 {
				t.Errorf("got %v failures of templates, want some", n)
			}
			putAWS(t, namespace+"/v", value)
			awaitReason(t, namespace, "db", plan.ReasonSynced)
		})
	}
}

// TestTemplatesAreCompiledAtAdmission rejects what is no code, and warns of what will probably fail.
func TestTemplatesAreCompiledAtAdmission(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	const spec = `{backendType: secretsManager, data: [{key: a, name: x}], template: {stringData: {made: %q}}}`
	_, err := kubectl.Apply(t.Context(), namespace, object("x", fmt.Sprintf(spec, "a\n<%= data. %>")))
	if err == nil {
		t.Fatal("a template that is no code is accepted")
	}
	contains(t, err.Error(), "spec.template.stringData[made]: Invalid value: line 2, column 11: unexpected token )")
	said, err := kubectl.Apply(t.Context(), namespace, object("x", fmt.Sprintf(spec, "<%= data.y %>${process.env.HOME}")))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, said, "Warning: spec.template.stringData[made]: line 1, column 10: the object has no entry y: it is undefined")
	contains(t, said, "Warning: spec.template.stringData[made]: line 1, column 16: process is not defined in templates, which fail where they use it")
}

package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnAPIIsGuessed(t *testing.T) {
	const es, sd, ns = "kubernetes-client.io/v1, ExternalSecret", "secrets-manager.tuenti.io/v1alpha1, SecretDefinition", "v1, Namespace"
	c := prepared(t)
	for name, tc := range map[string]struct{ apiVersion, kind, want string }{
		"an ExternalSecret":                        {"kubernetes-client.io/v1", "ExternalSecret", ""},
		"a SecretDefinition":                       {"secrets-manager.tuenti.io/v1alpha1", "SecretDefinition", ""},
		"a Namespace":                              {"v1", "Namespace", ""},
		"another version":                          {"kubernetes-client.io/v1beta1", "ExternalSecret", es},
		"another version of SecretDefinitions":     {"secrets-manager.tuenti.io/v1", "SecretDefinition", sd},
		"no version":                               {"kubernetes-client.io", "ExternalSecret", es},
		"no group":                                 {"v1", "ExternalSecret", es},
		"no apiVersion":                            {"", "SecretDefinition", sd},
		"a typo in the group":                      {"kubernetes-cleint.io/v1", "ExternalSecret", es},
		"another top-level domain":                 {"kubernetes-client.com/v1", "ExternalSecret", es},
		"the prefix of the annotations":            {"externalsecrets.kubernetes-client.io/v1", "ExternalSecret", es},
		"the plural":                               {"kubernetes-client.io/v1", "ExternalSecrets", es},
		"other capitals":                           {"kubernetes-client.io/v1", "externalSecret", es},
		"a typo in group and kind":                 {"kubernetes-clients.io/v1", "ExternalSecert", es},
		"another kind of the group":                {"kubernetes-client.io/v1", "Secret", es},
		"no kind":                                  {"kubernetes-client.io/v1", "", es},
		"a kind of another group of ours":          {"kubernetes-client.io/v1", "SecretDefinition", sd},
		"an ExternalSecret in tuenti's group":      {"secrets-manager.tuenti.io/v1alpha1", "ExternalSecret", es},
		"Namespaces":                               {"v1", "Namespaces", ns},
		"other capitals of a Namespace":            {"v1", "NameSpace", ns},
		"another version of a Namespace":           {"v1beta1", "Namespace", ns},
		"ESO's ExternalSecret":                     {"external-secrets.io/v1", "ExternalSecret", ""},
		"ESO's ClusterExternalSecret":              {"external-secrets.io/v1", "ClusterExternalSecret", ""},
		"a typo in ESO's ExternalSecret":           {"external-secrets.io/v1", "ExternalSecrets", ""},
		"an ExternalSecret of an unknown product":  {"example.com/v1", "ExternalSecret", ""},
		"a Namespace of a cloud":                   {"servicebus.azure.com/v1", "Namespace", ""},
		"a Secret":                                 {"v1", "Secret", ""},
		"a SealedSecret":                           {"bitnami.com/v1alpha1", "SealedSecret", ""},
		"an apiVersion that a template will make":  {"{{ .Values.api }}", "ExternalSecret", ""},
		"a kind of ours that a template will make": {"kubernetes-client.io/v1", "{{ .Values.kind }}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := object{value: map[string]any{"apiVersion": tc.apiVersion, "kind": tc.kind}}
			got := ""
			if meant, ok := c.apis.meant(o.api()); ok {
				got = meant.apiVersion() + ", " + meant.kind
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestWhatLooksLikeOursAndIsNotIsAnError(t *testing.T) {
	path := file(t, "a.yaml", `
apiVersion: kubernetes-client.io/v1beta1
kind: ExternalSecret
metadata: {name: a, namespace: core}
---
{"kind": "ExternalSecrets", "apiVersion": "kubernetes-client.io/v1", "metadata": {"name": "b"}}
---
apiVersion: kubernetes-cleint.io/v1
kind: ExternalSecret
metadata: {name: c}
---
apiVersion: v1
kind: namespace
metadata: {name: core}
---
apiVersion: v1
kind: List
items: [{apiVersion: secrets-manager.tuenti.io/v1, kind: SecretDefinition, metadata: {name: d}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: e}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: f}
---
apiVersion: example.com/v1
kind: ExternalSecret
metadata: {name: {{ .Release.Name }}}
`)
	for name, c := range map[string]*Checker{"judged": {}, "compared": {CompareMatching: true}} {
		t.Run(name, func(t *testing.T) {
			report := run(t, c, path)
			want := []string{
				`2:13: error: core/a: apiVersion: "kubernetes-client.io/v1beta1", kind "ExternalSecret" is not an API that Secretgate serves: ` +
					`did you mean apiVersion: kubernetes-client.io/v1, kind: ExternalSecret?`,
				`6:10: error: default/b: kind: "kubernetes-client.io/v1", kind "ExternalSecrets" is not an API that Secretgate serves: ` +
					`did you mean apiVersion: kubernetes-client.io/v1, kind: ExternalSecret?`,
				`8:13: error: default/c: apiVersion: "kubernetes-cleint.io/v1", kind "ExternalSecret" is not an API that Secretgate serves: ` +
					`did you mean apiVersion: kubernetes-client.io/v1, kind: ExternalSecret?`,
				`13:7: error: core: kind: "v1", kind "namespace" is not an API that Secretgate serves: did you mean apiVersion: v1, kind: Namespace?`,
				`18:22: error: default/d: apiVersion: "secrets-manager.tuenti.io/v1", kind "SecretDefinition" is not an API that Secretgate serves: ` +
					`did you mean apiVersion: secrets-manager.tuenti.io/v1alpha1, kind: SecretDefinition?`,
			}
			var got []string
			for _, f := range report.Findings {
				got = append(got, strings.TrimPrefix(compiler(f), path+":"))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			summary := "0 ExternalSecrets in 1 file: 5 errors, 0 warnings; 3 other objects skipped, 1 of another product: external-secrets.io"
			if report.Summary() != summary {
				t.Errorf("got %s, want %s", report.Summary(), summary)
			}
		})
	}
}

func TestAMistypedFieldIsNamed(t *testing.T) {
	const es = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {backendType: vault, data: [{key: secret/data/a, name: a}]"
	const unknown = ": kubectl refuses it, other clients drop it silently"
	for name, tc := range map[string]struct {
		text string
		want []string // without place and object
	}{
		"in the spec": {es + ", vaultrole: x, backend: x}", []string{
			"error: spec.vaultrole: is not a field of the CRD" + unknown + "; did you mean vaultRole?",
			"error: spec.backend: is not a field of the CRD" + unknown + "; did you mean backendType?",
		}},
		"with nothing near": {es + ", secretStoreRef: x}", []string{"error: spec.secretStoreRef: is not a field of the CRD" + unknown}},
		"in an entry": {strings.Replace(es, "name: a}]", "naem: a, name: a}]", 1) + "}", []string{
			"error: spec.data[0].naem: is not a field of the CRD" + unknown + "; did you mean name?",
		}},
		"near a deprecated field alone": {es + ", propertes: x}", []string{"error: spec.propertes: is not a field of the CRD" + unknown}},
		"beside the spec":               {es + "}\nspce: {}", []string{"error: spce: is not a field of the CRD" + unknown + "; did you mean spec?"}},
		"in a descriptor": {strings.Replace(es, "spec:", "secretDescriptor:", 1) + ", kvVerson: 1}", []string{
			"warning: secretDescriptor: is deprecated: use spec",
			"warning: spec.kvVerson: is not a field of the CRD and has no effect; did you mean kvVersion?",
		}},
		"in the metadata": {strings.Replace(es, "name: a}", "name: a, lables: {}}", 1) + "}", []string{
			"error: metadata.lables: is not a field of metadata" + unknown + "; did you mean labels?",
		}},
		"a label that is no text": {strings.Replace(es, "name: a}", "name: a, labels: {a: 1}}", 1) + "}", []string{
			"error: metadata.labels[a]: must be a text: write it in quotes",
		}},
		"an annotation that is null": {strings.Replace(es, "name: a}", "name: a, annotations: {a: }}", 1) + "}", nil},
		"in an annotation": {strings.Replace(es, "name: a}", "name: a, annotations: {secretgate.io/forcesync: a}}", 1) + "}", []string{
			"warning: metadata.annotations[secretgate.io/forcesync]: means nothing on this object; did you mean " +
				"secretgate.io/force-sync?",
		}},
		"an annotation that is right": {
			strings.Replace(es, "name: a}", "name: a, annotations: {secretgate.io/force-sync: a, secretgate.io/restart: 'false', b: c}}", 1) + "}", nil},
		"a policy on an object": {strings.Replace(es, "name: a}", "name: a, annotations: {iam.amazonaws.com/permitted: a}}", 1) + "}", []string{
			"warning: metadata.annotations[iam.amazonaws.com/permitted]: means nothing on this object: it counts on the Namespace",
		}},
		"in a Namespace, whose policy would be none": {"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, anotations: {}}", []string{
			"error: metadata.anotations: is not a field of metadata" + unknown + "; did you mean annotations?",
		}},
		"in a map whose keys have dots": {"apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: a}\n" +
			"spec: {name: a, keysMap: {tls.crt: {path: secret/data/a, encodng: text}}}", []string{
			"error: spec.keysMap.tls.crt.encodng: is not a field of the CRD" + unknown + "; did you mean encoding?",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range run(t, &Checker{UnknownNamespace: UnknownPasses}, file(t, "a.yaml", tc.text)).Findings {
				got = append(got, string(f.Severity)+": "+f.text())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMistypedValueIsNamed(t *testing.T) {
	const es = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {data: [{key: secret/data/a, name: a}], "
	const served = "use one of secretsManager, systemManager, vault, azureKeyVault, gcpSecretsManager, alicloudSecretsManager"
	for name, tc := range map[string]struct{ text, want string }{
		"a backend": {es + "backendType: Vualt}", `spec.backendType: Forbidden: "Vualt" is not a backend: ` + served + "; did you mean vault?"},
		"a backend by half of its name": {es + "backendType: azure}", `spec.backendType: Forbidden: "azure" is not a backend: ` + served +
			"; did you mean azureKeyVault?"},
		"nothing near a backend": {es + "backendType: floppy}", `spec.backendType: Forbidden: "floppy" is not a backend: ` + served},
		"a backend that is known and not served": {es + "backendType: ibmcloudSecretsManager}",
			"spec.backendType: Forbidden: IBM Cloud Secrets Manager and Akeyless are not supported by Secretgate: " + served},
		"a deletion policy": {es + "backendType: vault, deletionPolicy: retain}",
			`spec.deletionPolicy: Unsupported value: "retain": supported values: "Delete", "Retain"; did you mean Retain?`},
		"an encoding": {"apiVersion: secrets-manager.tuenti.io/v1alpha1\nkind: SecretDefinition\nmetadata: {name: a}\n" +
			"spec: {name: a, keysMap: {a: {path: secret/data/a, encoding: Base-64}}}",
			`spec.keysMap[a].encoding: Unsupported value: "Base-64": supported values: "text", "base64"; did you mean base64?`},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range run(t, &Checker{UnknownNamespace: UnknownPasses}, file(t, "a.yaml", tc.text)).Findings {
				got = append(got, f.text())
			}
			if diff := cmp.Diff([]string{tc.want}, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

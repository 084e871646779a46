package check

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	"github.com/secretgate/secretgate/shared/names"
)

// probes checks the dialect of tests, in namespace core, where role core is permitted.
func probes(c Checker) *Checker {
	installation := probe.Dialect().New()
	c.Kinds, c.Stores, c.Namespace = installation.Kinds(), installation.Stores(), "core"
	c.Annotations = map[string]string{names.AnnotationPermittedRole: "core"}
	return &c
}

// findingsOf are what is found in files, each as file:line: severity: path: message.
func findingsOf(t *testing.T, c *Checker, files map[string]string) (all []string, report *Report) {
	t.Helper()
	var inputs []string
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		if text, there := files[name]; there {
			inputs = append(inputs, file(t, name, text))
		}
	}
	report = run(t, c, inputs...)
	for _, f := range report.Findings {
		for _, input := range inputs {
			f.Message = strings.ReplaceAll(f.Message, input, filepath.Base(input))
		}
		all = append(all, fmt.Sprintf("%s:%d: %s: %s", filepath.Base(f.File), f.Line, f.Severity, f.text()))
	}
	return all, report
}

const (
	probeText = "apiVersion: probe.secretgate.io/v1\nkind: Probe\nmetadata: {name: NAME}\nspec: {storeRef: STORE, entries: [{name: a, key: secret/data/a}]}\n"
	storeText = "apiVersion: probe.secretgate.io/v1\nkind: ProbeStore\nmetadata: {name: vault}\nspec:\n  server: https://vault\n" +
		"  method: jwt\n  mount: jwt\n  role: ROLE\n  serviceAccountRef: {name: reader}\n"
	sharedText = "apiVersion: probe.secretgate.io/v1\nkind: ClusterProbeStore\nmetadata: {name: shared}\nspec:\n  server: https://vault\n" +
		"  method: jwt\n  mount: jwt\n  role: ROLE\n  serviceAccountRef: {name: reader}\n  conditions: CONDITIONS\n"
	annotatedText = "apiVersion: probe.secretgate.io/v1\nkind: ProbeStore\nmetadata: {name: vault}\nspec:\n  server: https://vault\n" +
		"  method: jwt\n  mount: jwt\n  serviceAccountRef: {name: reader, roleAnnotation: role}\n"
	accountText = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader, annotations: {role: ROLE}}\n"
)

func probeOf(name, store string) string {
	return strings.NewReplacer("NAME", name, "STORE", store).Replace(probeText)
}
func roleOf(text, role string) string { return strings.Replace(text, "ROLE", role, 1) }

func sharedOf(role, conditions string) string {
	return strings.NewReplacer("ROLE", role, "CONDITIONS", conditions).Replace(sharedText)
}

func TestStoresOfFilesAreJudged(t *testing.T) {
	const vault, shared = "{name: vault}", "{kind: ClusterProbeStore, name: shared}"
	const denied = `Forbidden: "root" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "core"`
	const noAccount = "there is no ServiceAccount core/reader yet among the files: name its file, too (--namespaces), or a cluster that has it " +
		"(--kubeconfig); what depends on it is not judged"
	byTwo := map[string]string{"a.yaml": probeOf("one", vault) + "---\n" + probeOf("two", vault)}
	with := func(more string) map[string]string {
		return map[string]string{"a.yaml": byTwo["a.yaml"], "b.yaml": more}
	}
	byShared := func(store string) map[string]string {
		return map[string]string{"a.yaml": probeOf("one", shared), "b.yaml": store}
	}
	for name, c := range map[string]struct {
		checker Checker
		files   map[string]string
		more    string // of a file with what is not judged
		want    []string
	}{
		"a store that is permitted":                  {files: with(roleOf(storeText, "core"))},
		"a store that is not, once, where it stands": {files: with(roleOf(storeText, "root")), want: []string{"b.yaml:8: error: spec.role: " + denied}},
		"a store that is not, and is no input": {files: byTwo, more: roleOf(storeText, "root"), want: []string{
			"a.yaml:1: error: ProbeStore[vault].spec.role: " + denied + " (the ProbeStore is in more.yaml)",
			"a.yaml:6: error: ProbeStore[vault].spec.role: " + denied + " (the ProbeStore is in more.yaml)",
		}},
		"a store that is wrong, once, where it stands": {
			files: with(strings.Replace(roleOf(storeText, "core"), "//vault", "//Vault", 1)),
			want:  []string{`b.yaml:5: error: spec.server: Invalid value: "https://Vault": must be in lower case, and not end with a slash: write https://vault`},
		},
		"a store of the cluster is judged with each object": {files: byShared(sharedOf("root", "[]")), want: []string{
			"a.yaml:1: error: ClusterProbeStore[shared].spec.role: " + denied + " (the ClusterProbeStore is in b.yaml)",
		}},
		"a store of the cluster that is wrong, once, where it stands": {
			files: byShared(sharedOf("core", "[{namespaces: [core]}, {namespaceRegexes: ['(']}]")),
			want:  []string{`b.yaml:10: error: spec.conditions[1].namespaceRegexes[0]: Invalid value: "(": must be a regular expression`},
		},
		"a store of the cluster that does not admit the namespace": {files: byShared(sharedOf("core", "[{namespaces: [prod]}]")), want: []string{
			`a.yaml:4: error: spec.storeRef: Forbidden: ClusterProbeStore shared admits other namespaces only, and not "core": see its spec.conditions`,
		}},
		"one that admits it by a label of a flag": {
			checker: Checker{Labels: map[string]string{"team": "core"}},
			files:   byShared(sharedOf("core", "[{namespaceSelector: {matchLabels: {team: core}}}]")),
		},
		"one that admits it by a label of its manifest": {
			files: map[string]string{
				"a.yaml": probeOf("one", shared), "b.yaml": sharedOf("core", "[{namespaceSelector: {matchLabels: {team: core}}}]"),
				"c.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: core, labels: {team: core}}\n",
			},
		},
		"a role by annotation that is permitted": {files: with(annotatedText + "---\n" + roleOf(accountText, "core"))},
		"a role by annotation that is not": {files: with(annotatedText + "---\n" + roleOf(accountText, "root")), want: []string{
			"b.yaml:8: error: spec.serviceAccountRef.roleAnnotation: " + denied,
		}},
		"a role by annotation, in a list": {files: with(annotatedText), more: `{"apiVersion": "v1", "kind": "List", "items": [
			{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other", "annotations": {"role": "reader"}}},
			{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "core", "annotations": {"role": "core"}}}]}`},
		"a ServiceAccount of another namespace": {
			files: with(annotatedText + "---\n" + strings.Replace(roleOf(accountText, "root"), "{name", "{namespace: prod, name", 1)),
			want:  []string{"b.yaml:8: warning: spec.serviceAccountRef: " + noAccount},
		},
		"a ServiceAccount that is not there": {files: with(annotatedText), want: []string{"b.yaml:8: warning: spec.serviceAccountRef: " + noAccount}},
		"a ServiceAccount that is not there, which is an error": {
			checker: Checker{StrictReferences: true}, files: with(annotatedText), want: []string{"b.yaml:8: error: spec.serviceAccountRef: " + noAccount},
		},
		"a ServiceAccount that is not there, of a store that is no input": {
			checker: Checker{StrictReferences: true}, files: map[string]string{"a.yaml": probeOf("one", vault)}, more: annotatedText,
			want: []string{"a.yaml:1: error: ProbeStore[vault].spec.serviceAccountRef: " + noAccount},
		},
	} {
		t.Run(name, func(t *testing.T) {
			checker := probes(c.checker)
			more := file(t, "more.yaml", c.more)
			checker.NamespaceFiles = []string{more}
			got, _ := findingsOf(t, checker, c.files)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], more, "more.yaml")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// What Kubernetes has itself is no finding, however it is spelled, and is not read unless an object refers to it.
func TestKubernetesOwnKindsAreNotJudged(t *testing.T) {
	texts := "kind: ServiceAcount\napiVersion: v1\nmetadata: {name: typo}\n---\n" + "apiVersion: v1\nkind: ServiceAccount\nmetadata: [\n---\n" +
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: {{ .Values.name }}}\n---\n" + accountText
	got, report := findingsOf(t, probes(Checker{}), map[string]string{"a.yaml": texts})
	if diff := cmp.Diff([]string(nil), got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if want := "0 Probes in 1 file: 0 errors, 0 warnings; 4 other objects skipped"; report.Summary() != want {
		t.Errorf("got %s, want %s", report.Summary(), want)
	}
}

func TestOlderVersionsAreJudgedAsTheKind(t *testing.T) {
	older := func(text string) string { return strings.Replace(text, "secretgate.io/v1", "secretgate.io/v1beta1", 1) }
	const deprecated = ":1: warning: apiVersion: probe.secretgate.io/v1beta1 is deprecated: use probe.secretgate.io/v1"
	const unknown = ": is not a field of the CRD: kubectl refuses it, other clients drop it silently"
	wrong := strings.Replace(probeOf("one", "{name: vault}"), "entries", "nonsense: x, entries", 1)
	manifest := string(probe.Dialect().New().Kinds()[0].Type().CRD)
	_, schema, _ := strings.Cut(manifest, "  - name: v1\n")
	for name, c := range map[string]struct {
		crd   string // empty: the built-in one, which has the newest version alone
		files map[string]string
		want  []string
	}{
		"an object, and its store": {
			files: map[string]string{"a.yaml": older(probeOf("one", "{name: vault}")), "b.yaml": older(roleOf(storeText, "root"))},
			want: []string{"a.yaml" + deprecated, "b.yaml" + deprecated,
				`b.yaml:8: error: spec.role: Forbidden: "root" is not permitted in namespace "core": annotation iam.amazonaws.com/permitted allows "core"`},
		},
		"a field that the newest version lacks": {
			files: map[string]string{"a.yaml": older(wrong), "b.yaml": roleOf(storeText, "core")},
			want:  []string{"a.yaml" + deprecated, "a.yaml:4: error: spec.nonsense" + unknown},
		},
		"a field that the version has": {
			crd:   manifest + "  - name: v1beta1\n" + strings.Replace(schema, "              target:\n", "              nonsense: {type: string}\n              target:\n", 1),
			files: map[string]string{"a.yaml": older(wrong), "b.yaml": roleOf(storeText, "core")},
			want:  []string{"a.yaml" + deprecated},
		},
		"a version that never was": {
			files: map[string]string{"a.yaml": strings.Replace(probeOf("one", "{name: vault}"), "io/v1", "io/v1alpha1", 1), "b.yaml": roleOf(storeText, "core")},
			want: []string{`a.yaml:1: error: apiVersion: "probe.secretgate.io/v1alpha1", kind "Probe" is not an API that Secretgate serves: ` +
				"did you mean apiVersion: probe.secretgate.io/v1, kind: Probe?"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			checker := probes(Checker{})
			if c.crd != "" {
				checker.CRDs = []string{file(t, "crd.yaml", c.crd)}
			}
			got, _ := findingsOf(t, checker, c.files)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

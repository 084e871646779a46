package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
)

// kindsOf are those of both dialects, as an installation has them.
func kindsOf(externalSecrets kes.Installation, definitions tuenti.Where) []dialect.Kind {
	return []dialect.Kind{&externalSecrets, &tuenti.Installation{Where: definitions}}
}

// run checks objects of both dialects, if the test says nothing else.
func run(t *testing.T, c *Checker, inputs ...string) *Report {
	t.Helper()
	if c.Kinds == nil {
		c.Kinds = kindsOf(kes.Installation{}, tuenti.Where{})
	}
	report, err := c.Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// file writes a manifest of its own.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindingsNameTheirPlaces(t *testing.T) {
	t.Chdir("testdata/findings") // file names as a repository has them
	report := run(t, &Checker{Kinds: kindsOf(kes.Installation{MinRefreshInterval: 10 * time.Second}, tuenti.Where{})}, "positions.yaml")
	for _, format := range Outputs() {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			if err := report.Write(&b, format, "v1.2.3"); err != nil {
				t.Fatal(err)
			}
			dialecttest.Golden(t, *update, "positions."+string(format), b.String())
		})
	}
	dialecttest.Golden(t, *update, "positions.summary", report.Summary()+"\n")
}

// TestGoldenCases runs the folder that both services run: what admission denies is denied here, in
// the same words.
func TestGoldenCases(t *testing.T) {
	folders, err := filepath.Glob("../../../shared/dialect/kes/testdata/cases/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases were found: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			var want struct {
				Verdict          string
				Schema           string
				Errors, Warnings []string
			}
			if err := yaml.Unmarshal([]byte(read(t, filepath.Join(folder, "expected.yaml"))), &want); err != nil {
				t.Fatal(err)
			}
			c := &Checker{
				Kinds:     kindsOf(kes.Installation{Defaults: backend.Defaults{Region: "us-west-2"}, MinRefreshInterval: 10 * time.Second}, tuenti.Where{}),
				Namespace: namespaceIn(t, filepath.Join(folder, "namespace.yaml")), NamespaceFiles: []string{folder},
			}
			report := run(t, c, filepath.Join(folder, "object.yaml"))
			said := compilerLines(report.Findings)
			if denied := report.Count(Error) > 0; denied != (want.Verdict == "denied") {
				t.Errorf("the verdict is not %s:\n%s", want.Verdict, said)
			}
			words := slices.Concat(want.Errors, want.Warnings)
			if want.Schema != "" {
				words = []string{want.Schema}
			}
			for _, text := range words {
				if _, message := pathIn(text); !strings.Contains(said, text) && !strings.Contains(said, message) {
					t.Errorf("lacks %s\nin\n%s", text, said)
				}
			}
		})
	}
}

func namespaceIn(t *testing.T, file string) string {
	t.Helper()
	for _, o := range everything(read(t, file)) {
		return o.metadata("name")
	}
	t.Fatalf("%s holds no object", file)
	return ""
}

const permitted = `apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: a%s}
spec: {backendType: vault, vaultRole: my-core-role, vaultMountPoint: kubernetes, data: [{key: secret/data/core/db, name: db}]}
`

func TestANamespaceIsFoundOrSaidToBeUnknown(t *testing.T) {
	narrow := `{apiVersion: v1, kind: Namespace, metadata: {name: core, annotations: {` + names.AnnotationPermittedKeyName + `: other}}}`
	forbidding := func(_ context.Context, name string) (policy.Namespace, bool, error) {
		return policy.Namespace{Annotations: map[string]string{names.AnnotationPermittedKeyName: "other"}}, name == "core", nil
	}
	for name, c := range map[string]struct {
		checker   Checker
		namespace string // of the object
		files     string // text of a file with namespaces
		want      string
	}{
		"unknown, which denies":           {namespace: "core", want: "error: unknown-namespace"},
		"unknown, which warns":            {namespace: "core", checker: Checker{UnknownNamespace: UnknownWarns}, want: "warning: unknown-namespace"},
		"unknown, which is allowed":       {namespace: "core", checker: Checker{UnknownNamespace: UnknownPasses}},
		"in a file":                       {namespace: "core", files: narrow, want: "error: policy"},
		"in a file, for a nameless one":   {checker: Checker{Namespace: "core"}, files: narrow, want: "error: policy"},
		"by flags, for a nameless object": {checker: Checker{Annotations: map[string]string{names.AnnotationPermittedKeyName: "other"}}, want: "error: policy"},
		"by flags, permitting": {
			checker: Checker{Namespace: "core", Annotations: map[string]string{names.AnnotationPermittedKeyName: "secret/data/core/.*"}}, files: narrow,
		},
		"by flags, besides those of a cluster": {
			checker: Checker{Namespace: "core", Annotations: map[string]string{"a": "b"}, Live: forbidding}, want: "error: policy",
		},
		"by flags, over those of a cluster": {
			checker: Checker{Namespace: "core", Annotations: map[string]string{names.AnnotationPermittedKeyName: ".*"}, Live: forbidding},
		},
		"by flags, of a cluster that has none": {
			checker: Checker{Annotations: map[string]string{names.AnnotationPermittedKeyName: "other"}, Live: forbidding}, want: "error: policy",
		},
		"by flags, for another object": {
			namespace: "core", checker: Checker{Annotations: map[string]string{"a": "b"}}, want: "error: unknown-namespace",
		},
	} {
		t.Run(name, func(t *testing.T) {
			suffix := ""
			if c.namespace != "" {
				suffix = ", namespace: " + c.namespace
			}
			if c.files != "" {
				c.checker.NamespaceFiles = []string{file(t, "namespaces.yaml", c.files)}
			}
			report := run(t, &c.checker, file(t, "a.yaml", fmt.Sprintf(permitted, suffix)))
			var got []string
			for _, f := range report.Findings {
				got = append(got, fmt.Sprintf("%s: %s", f.Severity, f.Rule))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnnotationsOfNamespacesAreJudged(t *testing.T) {
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: core\n  annotations:\n    "
	for name, tc := range map[string]struct {
		annotation string
		checker    Checker
		want       []string // without the file's name
	}{
		"a good pattern":                   {annotation: names.AnnotationPermittedKeyName + ": core/.*"},
		"an annotation of others":          {annotation: "example.com/a: '[a'"},
		"a comparison lists objects alone": {annotation: names.AnnotationPermittedKeyName + ": '[a'", checker: Checker{CompareMatching: true}},
		"a pattern that is none": {
			annotation: names.AnnotationPermittedKeyName + ": '(?!prod).*'",
			want: []string{`6:62: error: core: metadata.annotations[externalsecrets.kubernetes-client.io/permitted-key-name]: Invalid value: line 1 "(?!prod).*" ` +
				"is not a valid RE2 pattern: look-ahead `(?!` is JavaScript's, not RE2's: write what is permitted, a pattern a line, instead of what is not"},
		},
		"a pattern of a renamed annotation": {
			annotation: "example.com/roles: '[a'", checker: Checker{Settings: policy.Settings{RoleAnnotation: "example.com/roles"}},
			want: []string{"6:24: error: core: metadata.annotations[example.com/roles]: Invalid value: line 1 \"[a\" is not a valid RE2 pattern: " +
				"missing closing ]: `[a`: correct the line (https://github.com/google/re2/wiki/Syntax)"},
		},
		"a key that resembles ours": {
			annotation: "iam.amazonaws.com/permited: a",
			want: []string{"5:3: warning: core: metadata.annotations: annotation iam.amazonaws.com/permited means nothing to Secretgate and limits nothing: " +
				"did you mean iam.amazonaws.com/permitted?"},
		},
		"a glob": {
			annotation: names.AnnotationPermittedKeyName + ": core/*",
			want: []string{"5:3: warning: core: metadata.annotations: annotation externalsecrets.kubernetes-client.io/permitted-key-name: line 1 \"core/*\" " +
				"looks like a glob: in a regular expression * repeats the \"/\" before it; write .* for any text"},
		},
		"an annotation that is empty": {
			annotation: names.AnnotationPermittedKeyName + ": ''",
			want: []string{"5:3: warning: core: metadata.annotations: annotation externalsecrets.kubernetes-client.io/permitted-key-name is empty, " +
				`which permits nothing: write ".*" to permit everything, or remove it`},
		},
		"a switch that is no text": {
			annotation: names.AnnotationRequireRole + ": true",
			want:       []string{"6:33: error: core: metadata.annotations[secretgate.io/require-role]: must be a text: write it in quotes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "namespace.yaml", namespace+tc.annotation+"\n")
			var got []string
			for _, f := range run(t, &tc.checker, path).Findings {
				got = append(got, strings.TrimPrefix(compiler(f), path+":"))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAClusterIsAskedForNamespacesAloneAndOnce(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/core") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`))
			return
		}
		_, _ = w.Write([]byte(`{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
			"metadata": {"name": "core", "annotations": {"` + names.AnnotationPermittedKeyName + `": "other"}}}`))
	}))
	defer server.Close()
	live, err := Cluster(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(permitted, ", namespace: core")
	text += "---\n" + text + "---\n" + fmt.Sprintf(permitted, ", namespace: gone")
	report := run(t, &Checker{Live: live}, file(t, "a.yaml", text))
	var rules []Rule
	for _, f := range report.Findings {
		rules = append(rules, f.Rule)
	}
	if diff := cmp.Diff([]Rule{Policy, Policy, UnknownNamespace}, rules); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	slices.Sort(asked)
	if diff := cmp.Diff([]string{"GET /api/v1/namespaces/core", "GET /api/v1/namespaces/gone"}, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestComparingListsWhatDependsOnTheMatching(t *testing.T) {
	text := `{apiVersion: v1, kind: Namespace, metadata: {name: core, annotations: {iam.amazonaws.com/permitted: core-role}}}
---
` + fmt.Sprintf(permitted, ", namespace: core") + `---
` + strings.Replace(fmt.Sprintf(permitted, "2, namespace: core"), "my-core-role", "core-role", 1) + `---
` + strings.Replace(fmt.Sprintf(permitted, "3, namespace: core"), "my-core-role", "other", 1)
	report := run(t, &Checker{CompareMatching: true}, file(t, "a.yaml", text))
	if len(report.Findings) != 1 || report.Objects["ExternalSecret"] != 3 {
		t.Fatalf("%v: %s", report.Objects, compilerLines(report.Findings))
	}
	f := report.Findings[0] // nothing of the annotation, which holds names of Vault's roles
	if f.Object != "core/a" || f.Path != "spec.vaultRole" || f.Line != 6 || f.Column != 39 {
		t.Errorf("%+v", f)
	}
	for _, word := range []string{"KES's matching permits it", `"my-core-role" is not permitted`} {
		if !strings.Contains(f.Message, word) {
			t.Errorf("%q lacks %q", f.Message, word)
		}
	}
}

// TestNoValueOfATemplateIsRepeated breaks objects in all places that a template may have.
func TestNoValueOfATemplateIsRepeated(t *testing.T) {
	const canary = "hunter2hunter2"
	const object = "apiVersion: kubernetes-client.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\n"
	const spec = object + "spec:\n  backendType: vault\n  data: [{key: secret/a, name: a}]\n"
	for name, text := range map[string]string{
		"a template that is a text":       spec + "  template: " + canary,
		"data that is no base64":          spec + "  template: {data: {a: '" + canary + "!'}}",
		"data that is no object":          spec + "  template: {data: [" + canary + "]}",
		"code in a value":                 spec + "  template: {stringData: {a: '<% " + canary + " %>'}}",
		"a wrong key":                     spec + "  template: {stringData: {'a b': " + canary + "}}",
		"a member that is not permitted":  spec + "  template: {spec: {a: " + canary + "}}",
		"a template where none belongs":   spec + "template: {stringData: {a: " + canary + "}}",
		"a Secret that is broken YAML":    "kind: Secret # kubernetes-client.io\nstringData: {a: " + canary + "]",
		"a value that is a bad number":    spec + "  template: {stringData: {a: !!int " + canary + "}}",
		"an alias of a value":             spec + "  template: {stringData: {a: *" + canary + "}}",
		"a tab before a value":            spec + "  template:\n\t" + canary,
		"text behind a separator":         object + "--- " + canary + "\n" + object,
		"an object that is a text":        object + "spec: " + canary,
		"a value twice":                   spec + "  template: {stringData: {a: " + canary + ", a: " + canary + "}}",
		"a Secret's type that is no text": spec + "  template: {type: {a: " + canary + "}}",
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "a.yaml", text)
			report := run(t, &Checker{Fix: true}, path)
			if len(report.Findings) == 0 {
				t.Error("there is nothing wrong with it")
			}
			for _, format := range Outputs() {
				var b bytes.Buffer
				if err := report.Write(&b, format, ""); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(b.String(), canary) {
					t.Errorf("%s repeats it:\n%s", format, b.String())
				}
			}
		})
	}
}

func TestManyDocumentsAreReportedInTheirOrder(t *testing.T) {
	var b strings.Builder
	const n = 1000
	for i := range n {
		fmt.Fprintf(&b, strings.Replace(permitted, "backendType", "region: x, backendType", 1)+"---\n", fmt.Sprintf("-%d, namespace: core", i))
	}
	report := run(t, &Checker{UnknownNamespace: UnknownPasses}, file(t, "a.yaml", b.String()))
	if report.Objects["ExternalSecret"] != n || len(report.Findings) != n {
		t.Fatalf("%v, %d findings", report.Objects, len(report.Findings))
	}
	for i, f := range report.Findings {
		if want := fmt.Sprintf("core/a-%d", i); f.Object != want || f.Line != 5*i+4 {
			t.Fatalf("finding %d is about %s in line %d", i, f.Object, f.Line)
		}
	}
}

func TestAnInterruptionEndsACheck(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Checker{}).Run(ctx, []string{"testdata/findings/positions.yaml"}); err == nil {
		t.Error("it went on")
	}
}

func TestSARIFNamesEveryRuleThatItUses(t *testing.T) {
	rules := map[Rule]bool{}
	for _, d := range descriptions() {
		if rules[d.rule] || !strings.HasSuffix(d.says, ".") {
			t.Errorf("rule %s is listed twice, or has no sentence", d.rule)
		}
		rules[d.rule] = true
	}
	var many []Finding
	for range maxResults + 1 {
		many = append(many, Finding{File: "a b%.yaml", Line: 1, Column: 1, Severity: Error, Rule: Policy, Message: "m"})
	}
	log := sarif(many, "v1")
	if len(log.Runs[0].Results) != maxResults || len(log.Runs[0].Invocations[0].Notifications) != 1 {
		t.Error("too many results are not cut, or it is not said")
	}
	if uri := log.Runs[0].Results[0].Locations[0].Physical.Artifact.URI; uri != "a%20b%25.yaml" {
		t.Errorf("the file's address is %q", uri)
	}
	if raw, err := json.Marshal(sarif(nil, "")); err != nil || !strings.Contains(string(raw), `"results":[]`) {
		t.Errorf("no findings make %s, %v", raw, err)
	}
}

func TestNoTextOfAManifestStartsACommandOfGitHub(t *testing.T) {
	got := github(Finding{File: "a,b:c%.yaml", Line: 1, Column: 2, Severity: Error, kind: "ExternalSecret", Object: "x/a::b", Message: "100%\n::set-output name=x::y\r\n::end"})
	want := "::error file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=ExternalSecret x/a%3A%3Ab::100%25%0A::set-output name=x::y%0D%0A::end"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNamespacesAreReportedToGitHub(t *testing.T) {
	got := github(Finding{File: "-", Severity: Error, kind: "Namespace", Object: "core", Path: "metadata.annotations[a]", Message: "m"})
	if want := "::error title=Namespace core::metadata.annotations[a]: m"; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

func TestNoTextOfAManifestStartsALineOfItsOwn(t *testing.T) {
	got := compiler(Finding{File: "-", Line: 1, Column: 2, Severity: Error, Object: "x/a\nb.yaml:1:1: fixed", Message: "\x1b[2Jß\r"})
	if want := `stdin:1:2: error: x/a\nb.yaml:1:1: fixed: \x1b[2Jß\r`; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

func TestTheBuiltInCRDIsThatOfTheInstallation(t *testing.T) {
	for _, kind := range kindsOf(kes.Installation{}, tuenti.Where{}) {
		file := fmt.Sprintf("%s_%s.yaml", kind.Type().Group, kind.Type().Resource)
		if diff := cmp.Diff(read(t, "../../../crds/"+file), string(kind.Type().CRD)); diff != "" {
			t.Errorf("run make generate, which copies crds/%s (-installed +built in):\n%s", file, diff)
		}
	}
}

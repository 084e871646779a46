package vso_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// row is a document of testdata/rows.yaml: what a namespace permits, objects, and what is said of one of them.
type row struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations,omitempty"` // of the namespace; keys without a prefix are secretgate.io's
	Servers     []string          `json:"servers,omitempty"`     // that the installation lists
	JudgeOnly   bool              `json:"judgeOnly,omitempty"`   // Vault Secrets Operator serves the objects
	ExcludeRaw  bool              `json:"excludeRaw,omitempty"`  // the installation's
	Restarts    bool              `json:"restarts,omitempty"`    // the installation's
	Judged      string            `json:"judged,omitempty"`      // the kind of what is judged; empty: the VaultStaticSecret

	// Objects by namespace/name.
	Auths           map[string]v1beta1.VaultAuthSpec            `json:"auths,omitempty"`
	Globals         map[string]v1beta1.VaultAuthGlobalSpec      `json:"globals,omitempty"`
	Connections     map[string]v1beta1.VaultConnectionSpec      `json:"connections,omitempty"`
	Transformations map[string]v1beta1.SecretTransformationSpec `json:"transformations,omitempty"`
	Object          *v1beta1.VaultStaticSecretSpec              `json:"object,omitempty"` // core/db
}

var update = flag.Bool("update", false, "write the golden files of testdata anew; look at what changed")

// TestEachRowIsJudged has a denial for each field by which an object may widen its authority, beside what is permitted.
func TestEachRowIsJudged(t *testing.T) {
	var got strings.Builder
	for _, r := range rows(t, "testdata/rows.yaml") {
		got.WriteString(r.Name + "\n")
		for _, line := range r.judge(t) {
			got.WriteString("  " + line + "\n")
		}
	}
	golden(t, "testdata/rows.golden", got.String())
}

// rows reads a file of them.
func rows(t *testing.T, file string) (all []row) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "\n---\n") {
		var r row
		if err := yaml.UnmarshalStrict([]byte(part), &r); err != nil || r.Name == "" {
			t.Fatalf("%v in:\n%s", err, part)
		}
		all = append(all, r)
	}
	return all
}

// golden compares a text with that of a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// installation is that of the row.
func (r row) installation() *vso.Installation {
	return &vso.Installation{Serve: !r.JudgeOnly, OperatorNamespace: "secretgate", ExcludeRaw: r.ExcludeRaw, Restarts: r.Restarts}
}

// resolved are the objects of the row.
func (r row) resolved() dialect.Resolved {
	resolved := dialect.Resolved{}
	add(resolved, v1beta1.AuthKind, r.Auths, func(spec v1beta1.VaultAuthSpec) dialect.Object { return &v1beta1.VaultAuth{Spec: spec} })
	add(resolved, v1beta1.AuthGlobalKind, r.Globals, func(spec v1beta1.VaultAuthGlobalSpec) dialect.Object {
		return &v1beta1.VaultAuthGlobal{Spec: spec}
	})
	add(resolved, v1beta1.ConnectionKind, r.Connections, func(spec v1beta1.VaultConnectionSpec) dialect.Object {
		return &v1beta1.VaultConnection{Spec: spec}
	})
	add(resolved, v1beta1.TransformationKind, r.Transformations, func(spec v1beta1.SecretTransformationSpec) dialect.Object {
		return &v1beta1.SecretTransformation{Spec: spec}
	})
	return resolved
}

func add[S any](to dialect.Resolved, kind string, specs map[string]S, object func(S) dialect.Object) {
	for at, spec := range specs {
		made, r := object(spec), ref(kind, at)
		made.SetNamespace(r.Namespace)
		made.SetName(r.Name)
		to[r] = made
	}
}

// ref names an object of a kind by namespace/name.
func ref(kind, at string) dialect.Reference {
	namespace, name, _ := strings.Cut(at, "/")
	return dialect.Reference{Kind: v1beta1.GroupVersion.WithKind(kind).GroupKind(), Namespace: namespace, Name: name}
}

// object is the VaultStaticSecret of the row.
func (r row) object(t *testing.T) *v1beta1.VaultStaticSecret {
	t.Helper()
	if r.Object == nil {
		t.Fatalf("%s: there is no object", r.Name)
	}
	object := &v1beta1.VaultStaticSecret{Spec: *r.Object}
	object.Namespace, object.Name = "core", "db"
	return object
}

// plan is what is understood of what the row judges.
func (r row) plan(t *testing.T) (*plan.Plan, field.ErrorList) {
	t.Helper()
	installation, resolved := r.installation(), r.resolved()
	if r.Judged == "" {
		return installation.Plan(r.object(t), resolved)
	}
	for _, kind := range installation.Stores() {
		judged, ok := kind.(dialect.Judged)
		if !ok || kind.Type().Kind != r.Judged {
			continue
		}
		for ref, object := range resolved {
			if ref.Kind == kind.Type().GroupKind() && ref.Namespace == "core" {
				return judged.Plan(object, resolved)
			}
		}
	}
	t.Fatalf("%s: there is no %s in namespace core", r.Name, r.Judged)
	return nil, nil
}

// judge is all that is said of the row.
func (r row) judge(t *testing.T) (said []string) {
	t.Helper()
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{}}
	for key, value := range r.Annotations {
		if !strings.Contains(key, "/") {
			key = "secretgate.io/" + key
		}
		ns.Annotations[key] = value
	}
	p, errs := r.plan(t)
	for _, err := range errs {
		verdict := "denied: "
		if dialect.IsMissing(err) {
			verdict = "missing: "
		}
		said = append(said, verdict+err.Error())
	}
	if p != nil {
		for _, err := range policy.Check(p, ns, policy.Settings{VaultServers: r.Servers}).Errors() {
			said = append(said, "denied: "+err.Error())
		}
		for _, warning := range append(p.Warnings, policy.Warnings(p, ns)...) {
			said = append(said, "warned: "+warning)
		}
	}
	if len(said) == 0 {
		said = []string{"permitted"}
	}
	return said
}

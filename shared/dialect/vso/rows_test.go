package vso_test

import (
	"flag"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
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
	dialecttest.Golden(t, *update, "testdata/rows.golden", dialecttest.Judged(t, rows(t, "testdata/rows.yaml")))
}

// rows reads a file of them.
func rows(t *testing.T, file string) []row {
	t.Helper()
	return dialecttest.Rows[row](t, file, strings.NewReplacer())
}

// Title implements dialecttest.Row.
func (r row) Title() string { return r.Name }

// Policy implements dialecttest.Row.
func (r row) Policy() (policy.Namespace, policy.Settings) {
	return dialecttest.Core(r.Annotations), policy.Settings{VaultServers: r.Servers}
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

// Plan implements dialecttest.Row, for what the row judges.
func (r row) Plan(t *testing.T) (*plan.Plan, field.ErrorList) {
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

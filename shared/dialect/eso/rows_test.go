package eso_test

import (
	"flag"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// row is a document of testdata/rows.yaml: what a namespace permits, an object, and what is said of it.
type row struct {
	Name        string                 `json:"name"`
	Annotations map[string]string      `json:"annotations,omitempty"` // of namespace core; keys without a prefix are secretgate.io's
	Labels      map[string]string      `json:"labels,omitempty"`
	Servers     []string               `json:"servers,omitempty"` // that the installation lists
	Store       *v1.StoreSpec          `json:"store,omitempty"`   // of SecretStore s, and of ClusterSecretStore s
	Account     map[string]string      `json:"account,omitempty"` // annotations of ServiceAccount a
	Object      *v1.ExternalSecretSpec `json:"object,omitempty"`  // nil: the SecretStore itself is judged
}

// TestEachRowIsJudged has a denial for each field by which an object may widen its authority, beside what is permitted.
func TestEachRowIsJudged(t *testing.T) {
	dialecttest.Golden(t, *update, "testdata/rows.golden", dialecttest.Judged(t, dialecttest.Rows[row](t, "testdata/rows.yaml", strings.NewReplacer())))
}

var update = flag.Bool("update", false, "write testdata/rows.golden anew; look at what changed")

// Title implements dialecttest.Row.
func (r row) Title() string { return r.Name }

// Policy implements dialecttest.Row.
func (r row) Policy() (policy.Namespace, policy.Settings) {
	ns := dialecttest.Core(r.Annotations)
	ns.Labels = r.Labels
	return ns, policy.Settings{VaultServers: r.Servers}
}

// Plan implements dialecttest.Row, for the object, or else for the SecretStore.
func (r row) Plan(t *testing.T) (*plan.Plan, field.ErrorList) {
	t.Helper()
	installation := &eso.Installation{Class: "secretgate"}
	resolved := dialect.Resolved{}
	store, cluster := &v1.SecretStore{}, &v1.ClusterSecretStore{}
	store.Namespace, store.Name, cluster.Name = "core", "s", "s"
	if r.Store != nil {
		store.Spec, cluster.Spec = *r.Store, *r.Store
		resolved[ref("SecretStore", "core", "s")], resolved[ref("ClusterSecretStore", "", "s")] = store, cluster
	}
	if r.Account != nil {
		account := &corev1.ServiceAccount{}
		account.Annotations = r.Account
		for _, namespace := range []string{"core", "platform"} {
			resolved[dialect.Reference{Kind: schema.GroupKind{Kind: "ServiceAccount"}, Namespace: namespace, Name: "a"}] = account
		}
	}
	if r.Object != nil {
		object := &v1.ExternalSecret{Spec: *r.Object}
		object.Namespace, object.Name = "core", "db"
		return installation.Plan(object, resolved)
	}
	judged, ok := installation.Stores()[0].(dialect.Judged)
	if !ok {
		t.Fatal("SecretStores are not judged")
	}
	return judged.Plan(store, resolved)
}

func ref(kind, namespace, name string) dialect.Reference {
	return dialect.Reference{Kind: v1.GroupVersion.WithKind(kind).GroupKind(), Namespace: namespace, Name: name}
}

package eso_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
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
	text, err := os.ReadFile("testdata/rows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for part := range strings.SplitSeq(string(text), "\n---\n") {
		var r row
		if err := yaml.UnmarshalStrict([]byte(part), &r); err != nil || r.Name == "" {
			t.Fatalf("%v in:\n%s", err, part)
		}
		got.WriteString(r.Name + "\n")
		for _, line := range r.judge(t) {
			got.WriteString("  " + line + "\n")
		}
	}
	const golden = "testdata/rows.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", golden, diff)
	}
}

var update = flag.Bool("update", false, "write testdata/rows.golden anew; look at what changed")

// judge is all that is said of the row.
func (r row) judge(t *testing.T) (said []string) {
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
	ns := policy.Namespace{Name: "core", Labels: r.Labels, Annotations: map[string]string{}}
	for key, value := range r.Annotations {
		if !strings.Contains(key, "/") {
			key = "secretgate.io/" + key
		}
		ns.Annotations[key] = value
	}
	say := func(p *plan.Plan, errs field.ErrorList) {
		for _, err := range errs {
			said = append(said, "denied: "+err.Error())
		}
		if p == nil {
			return
		}
		for _, err := range policy.Check(p, ns, policy.Settings{VaultServers: r.Servers}).Errors() {
			said = append(said, "denied: "+err.Error())
		}
		for _, warning := range append(p.Warnings, policy.Warnings(p, ns)...) {
			said = append(said, "warned: "+warning)
		}
	}
	if r.Object == nil {
		judged, ok := installation.Stores()[0].(dialect.Judged)
		if !ok {
			t.Fatal("SecretStores are not judged")
		}
		say(judged.Plan(store, resolved))
	} else {
		object := &v1.ExternalSecret{Spec: *r.Object}
		object.Namespace, object.Name = "core", "db"
		say(installation.Plan(object, resolved))
	}
	if len(said) == 0 {
		said = []string{"permitted"}
	}
	return said
}

func ref(kind, namespace, name string) dialect.Reference {
	return dialect.Reference{Kind: v1.GroupVersion.WithKind(kind).GroupKind(), Namespace: namespace, Name: name}
}

package vso

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

const listed = "https://vault.example.com"

func connectionTo(address string) *v1beta1.VaultConnection {
	return &v1beta1.VaultConnection{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "vault"}, Spec: v1beta1.VaultConnectionSpec{Address: address},
	}
}

func authOf(role string) *v1beta1.VaultAuth {
	return &v1beta1.VaultAuth{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "reader", Generation: 3}, Spec: v1beta1.VaultAuthSpec{
		VaultConnectionRef: "vault", Method: "kubernetes", Mount: "kubernetes",
		Kubernetes: &v1beta1.Kubernetes{Role: role, ServiceAccount: "app", Audiences: []string{"vault"}},
	}}
}

func TestWhatObjectsReferToSaysWhetherItCanBeUsed(t *testing.T) {
	team := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Annotations: map[string]string{names.AnnotationPermittedRole: "^reader$"}}}
	for name, test := range map[string]struct {
		judgedAlone bool
		others      []client.Object
		object      dialect.Object
		want        string // the error; empty: it is valid
	}{
		"a VaultConnection that is right":   {object: connectionTo(listed)},
		"one of a server that is not known": {object: connectionTo("https://evil.example.com"), want: "VAULT_SERVERS"},
		"a VaultAuth that is right":         {others: []client.Object{connectionTo(listed)}, object: authOf("reader")},
		"one whose role its namespace does not permit": {others: []client.Object{connectionTo(listed)}, object: authOf("admin"),
			want: `"admin" is not permitted in namespace "team"`},
		"one without its VaultConnection": {object: authOf("reader"), want: "there is no VaultConnection team/vault yet"},
		"a VaultAuthGlobal":               {object: &v1beta1.VaultAuthGlobal{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "all"}}},
		"a SecretTransformation whose pattern is none": {
			object: &v1beta1.SecretTransformation{
				ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "t"}, Spec: v1beta1.SecretTransformationSpec{Includes: []string{"("}},
			}, want: "spec.includes[0]",
		},
		"one that Vault Secrets Operator serves": {judgedAlone: true, object: connectionTo(listed), want: "unsaid"},
	} {
		t.Run(name, func(t *testing.T) {
			r := reporterOf(t, !test.judgedAlone, test.object, append(test.others, team, test.object)...)
			request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(test.object)}
			var versions []string
			for range 2 {
				if _, err := r.Reconcile(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				if err := r.Client.Get(t.Context(), request.NamespacedName, test.object); err != nil {
					t.Fatal(err)
				}
				versions = append(versions, test.object.GetResourceVersion())
			}
			if versions[0] != versions[1] {
				t.Errorf("got versions %v, want one write", versions)
			}
			got := validityOf(t, test.object)
			switch said := got.Valid != nil; {
			case said == test.judgedAlone:
				t.Errorf("got %+v, want it said: %t", got, !test.judgedAlone)
			case said && (*got.Valid != (test.want == "") || !strings.Contains(got.Error, test.want)):
				t.Errorf("got %t and %q, want %q", *got.Valid, got.Error, test.want)
			}
			if auth, ok := test.object.(*v1beta1.VaultAuth); ok {
				c := meta.FindStatusCondition(auth.Status.Conditions, v1beta1.ConditionAvailable)
				if c == nil || (c.Status == metav1.ConditionTrue) != (test.want == "") || c.ObservedGeneration != auth.Generation {
					t.Errorf("got condition %+v, want it to say the same", c)
				}
			}
		})
	}
}

// reporterOf is the StoreReconciler of the object's kind, beside an API server that has some objects.
func reporterOf(t *testing.T, serve bool, of dialect.Object, objects ...client.Object) *controller.StoreReconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1beta1.VaultAuth{}, &v1beta1.VaultAuthGlobal{}, &v1beta1.VaultConnection{}, &v1beta1.SecretTransformation{}).Build()
	installation := &vso.Installation{Serve: serve, OperatorNamespace: "vso"}
	r := &controller.StoreReconciler{
		Stores: installation.Stores(), Client: c, Live: c, Policy: policy.Settings{VaultServers: []string{listed}},
		Now: func() time.Time { return time.Unix(1_000_000, 0) },
	}
	kinds, _, err := scheme.ObjectKinds(of)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range r.Stores {
		if reporting, ok := kind.(dialect.Reporting); ok && kind.Type().GroupVersionKind == kinds[0] {
			r.Kind = reporting
		}
	}
	if r.Kind == nil {
		t.Fatalf("no kind reports on a %T", of)
	}
	return r
}

func validityOf(t *testing.T, object dialect.Object) v1beta1.Validity {
	t.Helper()
	switch o := object.(type) {
	case *v1beta1.VaultAuth:
		return o.Status.Validity
	case *v1beta1.VaultAuthGlobal:
		return o.Status.Validity
	case *v1beta1.VaultConnection:
		return o.Status.Validity
	case *v1beta1.SecretTransformation:
		return o.Status.Validity
	}
	t.Fatalf("a %T has no validity", object)
	return v1beta1.Validity{}
}

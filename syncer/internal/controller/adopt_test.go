package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// What a Secret asks for by annotations is up to its namespace, too.
func TestWhatASecretAsksForNeedsThePermissionOfItsNamespace(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "permits", Annotations: map[string]string{names.AnnotationPermitAdopt: "true"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "does-not"}},
	).Build()}
	for name, test := range map[string]struct {
		namespace string
		asks      string
		want      bool
	}{
		"to be adopted":                          {"permits", "adopt", true},
		"to be shared":                           {"permits", "share", true},
		"nothing":                                {"permits", "other", false},
		"to be adopted, where that is forbidden": {"does-not", "adopt", false},
		"to be shared, where that is forbidden":  {"does-not", "share", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{
				Object: plan.ID{NamespacedName: types.NamespacedName{Namespace: test.namespace, Name: "db"}},
				Target: plan.Target{Name: "db", Asks: plan.Asks{Adopt: "adopt", Share: "share"}},
			}
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{test.asks: "true"}}}
			got, problem, err := r.mayAdopt(t.Context(), nil, p, secret)
			if got != test.want || problem != "" || err != nil {
				t.Errorf("got %t, %q, %v, want %t", got, problem, err, test.want)
			}
		})
	}
}

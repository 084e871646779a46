package vso

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
)

func TestOnlyWhatVaultSecretsOperatorMadeForAnObjectIsAdopted(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*corev1.Secret)
		permits bool
	}{
		"one that it made for the object":  {func(*corev1.Secret) {}, true},
		"one that it made for another one": {func(s *corev1.Secret) { s.OwnerReferences[0].UID = "other" }, false},
		"one without an owner":             {func(s *corev1.Secret) { s.OwnerReferences = nil }, false},
		"one of two owners": {func(s *corev1.Secret) {
			s.OwnerReferences = append(s.OwnerReferences, metav1.OwnerReference{UID: "other"})
		}, false},
		"one of another controller": {func(s *corev1.Secret) { s.OwnerReferences[0].Controller = new(true) }, false},
		"one without the label":     {func(s *corev1.Secret) { s.Labels = nil }, false},
		"one that belongs to another object of Secretgate": {func(s *corev1.Secret) {
			s.Annotations = map[string]string{names.AnnotationOwnerUID: "u"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
				Labels: map[string]string{labelManager: valueManager}, OwnerReferences: []metav1.OwnerReference{{UID: "uid"}},
			}}
			test.change(secret)
			object := &v1beta1.VaultStaticSecret{ObjectMeta: metav1.ObjectMeta{UID: "uid"}}
			got, problem, err := (&takeover{}).Adopt(t.Context(), object, secret)
			if got != test.permits || problem != "" || err != nil {
				t.Errorf("got %t, %q, %v, want %t", got, problem, err, test.permits)
			}
		})
	}
}

func TestTheFinalizerIsRemovedAndOthersStay(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ finalizers, want []string }{
		"theirs":            {[]string{v1beta1.Finalizer}, nil},
		"theirs and others": {[]string{"example.com/a", v1beta1.Finalizer}, []string{"example.com/a"}},
		"others":            {[]string{"example.com/a"}, []string{"example.com/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1beta1.VaultStaticSecret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", Finalizers: test.finalizers}}
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(object).Build()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				t.Fatal(err)
			}
			if err := (&takeover{client: c}).Finish(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, object.Finalizers); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

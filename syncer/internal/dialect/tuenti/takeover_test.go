package tuenti

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
)

func TestAdoptable(t *testing.T) {
	yes := true
	label := func(by string) map[string]string { return map[string]string{v1alpha1.LabelManagedBy: by} }
	stamp := map[string]string{v1alpha1.AnnotationLastUpdate: "2020-04-22T14.34.17Z"}
	for _, tc := range []struct {
		name   string
		secret metav1.ObjectMeta
		object map[string]string // its labels
		want   bool
	}{
		{"its label and its annotation", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: stamp}, nil, true},
		{"its label alone proves nothing", metav1.ObjectMeta{Labels: label("secrets-manager")}, nil, false},
		{"nor does its annotation", metav1.ObjectMeta{Annotations: stamp}, nil, false},
		{"the object's own label replaced its label", metav1.ObjectMeta{Labels: label("Helm"), Annotations: stamp}, label("Helm"), true},
		{"a label that is neither's", metav1.ObjectMeta{Labels: label("Helm"), Annotations: stamp}, label("flux"), false},
		{"one that has a controller", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: stamp,
			OwnerReferences: []metav1.OwnerReference{{UID: "u", Controller: &yes}}}, nil, false},
		{"one that an ExternalSecret left behind", metav1.ObjectMeta{Labels: label("secrets-manager"), Annotations: map[string]string{
			v1alpha1.AnnotationLastUpdate: "x", names.AnnotationOwnerUID: "u"}}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			object := &v1alpha1.SecretDefinition{ObjectMeta: metav1.ObjectMeta{Labels: tc.object}}
			if got := adoptable(&corev1.Secret{ObjectMeta: tc.secret}, object); got != tc.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestOlder(t *testing.T) {
	first, second := &metav1.ObjectMeta{UID: "b", CreationTimestamp: metav1.Unix(1, 0)}, &metav1.ObjectMeta{UID: "a", CreationTimestamp: metav1.Unix(2, 0)}
	if !older(first, second) || older(second, first) {
		t.Error("the creation timestamp does not decide")
	}
	second.CreationTimestamp = first.CreationTimestamp
	if older(first, second) || !older(second, first) {
		t.Error("within a second the uid does not decide")
	}
}

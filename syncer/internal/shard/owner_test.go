package shard

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

func TestOwnersOfSecrets(t *testing.T) {
	yes := true
	controlledBy := func(apiVersion, kind string) metav1.ObjectMeta {
		return metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, UID: "u", Controller: &yes}}}
	}
	for _, tc := range []struct {
		name   string
		secret metav1.ObjectMeta
		want   types.UID
	}{
		{"an ExternalSecret", controlledBy("kubernetes-client.io/v1", "ExternalSecret"), "u"},
		{"a SecretDefinition", controlledBy("secrets-manager.tuenti.io/v1alpha1", "SecretDefinition"), "u"},
		{"one of another version", controlledBy("kubernetes-client.io/v2", "ExternalSecret"), "u"},
		{"somebody else's kind", controlledBy("cert-manager.io/v1", "Certificate"), ""},
		{"an ExternalSecret of another group", controlledBy("external-secrets.io/v1", "ExternalSecret"), ""},
		{"one that an annotation names", metav1.ObjectMeta{Annotations: map[string]string{apiv1.AnnotationOwnerUID: "a"}}, "a"},
		{"nobody", metav1.ObjectMeta{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := ownerOfSecret(&tc.secret); got != tc.want {
				t.Errorf("%q", got)
			}
		})
	}
}

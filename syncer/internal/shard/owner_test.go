package shard

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
	dialects "github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/names"
)

// kinds are all that Secrets are made for.
func kinds() []dialect.Kind {
	var all []dialect.Kind
	for _, d := range dialects.Dialects() {
		all = append(all, d.New().Kinds()...)
	}
	return all
}

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
		{"another controller's kind", controlledBy("cert-manager.io/v1", "Certificate"), ""},
		{"an ExternalSecret of another group", controlledBy("example.io/v1", "ExternalSecret"), ""},
		{"an ExternalSecret of External Secrets Operator", controlledBy("external-secrets.io/v1", "ExternalSecret"), "u"},
		{"one that an annotation names", metav1.ObjectMeta{Annotations: map[string]string{names.AnnotationOwnerUID: "a"}}, "a"},
		{"no owner", metav1.ObjectMeta{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (Informers{Kinds: kinds()}).ownerOfSecret(&tc.secret); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

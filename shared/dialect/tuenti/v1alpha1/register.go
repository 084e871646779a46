package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "secrets-manager.tuenti.io", Version: "v1alpha1"}

// Kind is the kind of a SecretDefinition, as manifests and owner references name it.
const Kind = "SecretDefinition"

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &SecretDefinition{}, &SecretDefinitionList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

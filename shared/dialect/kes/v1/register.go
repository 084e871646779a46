package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "kubernetes-client.io", Version: "v1"}

// Kind is the kind of an ExternalSecret, as manifests and owner references name it.
const Kind = "ExternalSecret"

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &ExternalSecret{}, &ExternalSecretList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "external-secrets.io", Version: "v1"}

// The kinds, as manifests and owner references name them.
const (
	Kind             = "ExternalSecret"
	StoreKind        = "SecretStore"
	ClusterStoreKind = "ClusterSecretStore"
)

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&ExternalSecret{}, &ExternalSecretList{}, &SecretStore{}, &SecretStoreList{}, &ClusterSecretStore{}, &ClusterSecretStoreList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

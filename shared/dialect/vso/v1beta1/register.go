package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "secrets.hashicorp.com", Version: "v1beta1"}

// The kinds, as manifests and owner references name them.
const (
	Kind               = "VaultStaticSecret"
	AuthKind           = "VaultAuth"
	AuthGlobalKind     = "VaultAuthGlobal"
	ConnectionKind     = "VaultConnection"
	TransformationKind = "SecretTransformation"
)

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&VaultStaticSecret{}, &VaultStaticSecretList{}, &VaultAuth{}, &VaultAuthList{}, &VaultAuthGlobal{}, &VaultAuthGlobalList{},
		&VaultConnection{}, &VaultConnectionList{}, &SecretTransformation{}, &SecretTransformationList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "probe.secretgate.io", Version: "v1"}

// The kinds, as manifests name them.
const (
	Kind             = "Probe"
	StoreKind        = "ProbeStore"
	ClusterStoreKind = "ClusterProbeStore"
)

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Probe{}, &ProbeList{}, &ProbeStore{}, &ProbeStoreList{},
		&ClusterProbeStore{}, &ClusterProbeStoreList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

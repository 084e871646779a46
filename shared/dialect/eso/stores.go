package eso

import (
	_ "embed" // the CRDs
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/dialect/eso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

var (
	//go:embed external-secrets.io_secretstores.yaml
	storeCRD []byte
	//go:embed external-secrets.io_clustersecretstores.yaml
	clusterStoreCRD []byte

	storeKind        = schema.GroupKind{Group: v1.GroupVersion.Group, Kind: v1.StoreKind}
	clusterStoreKind = schema.GroupKind{Group: v1.GroupVersion.Group, Kind: v1.ClusterStoreKind}
	accountKind      = schema.GroupKind{Kind: "ServiceAccount"}
	configMapKind    = schema.GroupKind{Kind: "ConfigMap"}
)

// stores is the kind of SecretStores.
type stores struct{ installation *Installation }

// Type implements dialect.StoreKind.
func (*stores) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.StoreKind), Resource: "secretstores", CRD: storeCRD,
		Versions: []string{v1beta1.Version},
	}
}

// New implements dialect.StoreKind.
func (*stores) New() dialect.Object { return &v1.SecretStore{} }

// NewList implements dialect.StoreKind.
func (*stores) NewList() dialect.List { return &v1.SecretStoreList{} }

// References implements dialect.Judged.
func (*stores) References(object dialect.Object, _ dialect.Resolved) []dialect.Reference {
	store, ok := object.(*v1.SecretStore)
	if !ok {
		return nil
	}
	if account := accountOf(&store.Spec, store.Namespace, false); account.Name != "" {
		return []dialect.Reference{account}
	}
	return nil
}

// Plan implements dialect.Judged: a SecretStore is judged by its own namespace.
func (s *stores) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	store, ok := object.(*v1.SecretStore)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no SecretStore", object))}
	}
	b := s.installation.begin(store, v1.StoreKind, resolved)
	b.ours = s.installation.serves(&store.Spec)
	b.understand(reading{at: field.NewPath("spec"), spec: &store.Spec, namespace: store.Namespace})
	return b.Done()
}

// Serves implements dialect.Reporting.
func (s *stores) Serves(object dialect.Object) bool {
	store, ok := object.(*v1.SecretStore)
	return ok && s.installation.serves(&store.Spec)
}

// Report implements dialect.Reporting.
func (*stores) Report(object dialect.Object, problem string, now time.Time) {
	if store, ok := object.(*v1.SecretStore); ok {
		store.Status.Put(problem, now)
	}
}

// clusterStores is the kind of ClusterSecretStores.
type clusterStores struct{ installation *Installation }

// Type implements dialect.StoreKind.
func (*clusterStores) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.ClusterStoreKind), Resource: "clustersecretstores",
		ClusterWide: true, CRD: clusterStoreCRD, Versions: []string{v1beta1.Version},
	}
}

// New implements dialect.StoreKind.
func (*clusterStores) New() dialect.Object { return &v1.ClusterSecretStore{} }

// NewList implements dialect.StoreKind.
func (*clusterStores) NewList() dialect.List { return &v1.ClusterSecretStoreList{} }

// References implements dialect.Judged: a ClusterSecretStore is judged by its form alone.
func (*clusterStores) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// Plan implements dialect.Judged. It has warnings alone: administrators make these stores, and what they let be read is judged with the
// ExternalSecrets that use them.
func (s *clusterStores) Plan(object dialect.Object, _ dialect.Resolved) (*plan.Plan, field.ErrorList) {
	store, ok := object.(*v1.ClusterSecretStore)
	if !ok {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no ClusterSecretStore", object))}
	}
	b := s.installation.begin(store, v1.ClusterStoreKind, nil)
	b.ours = s.installation.serves(&store.Spec)
	at := field.NewPath("spec")
	b.understand(reading{at: at, spec: &store.Spec, namespace: anyNamespace, cluster: true})
	b.conditions(at.Child("conditions"), store.Spec.Conditions)
	wrong, _ := dialect.Split(b.Errs) // what it refers to may be another for each namespace
	p, _ := b.Done()
	return &plan.Plan{Object: p.Object, Kind: p.Kind, UID: p.UID, Generation: p.Generation, Words: p.Words, Warnings: p.Warnings}, wrong
}

// Serves implements dialect.Reporting.
func (s *clusterStores) Serves(object dialect.Object) bool {
	store, ok := object.(*v1.ClusterSecretStore)
	return ok && s.installation.serves(&store.Spec)
}

// Report implements dialect.Reporting.
func (*clusterStores) Report(object dialect.Object, problem string, now time.Time) {
	if store, ok := object.(*v1.ClusterSecretStore); ok {
		store.Status.Put(problem, now)
	}
}

// anyNamespace stands for that of an ExternalSecret that is not known.
const anyNamespace = "any"

// accounts is the kind of ServiceAccounts, whose annotations name roles.
type accounts struct{}

// Type implements dialect.StoreKind.
func (accounts) Type() dialect.Type {
	return dialect.Type{Dialect: Name, GroupVersionKind: corev1.SchemeGroupVersion.WithKind(accountKind.Kind), Resource: "serviceaccounts"}
}

// New implements dialect.StoreKind.
func (accounts) New() dialect.Object { return &corev1.ServiceAccount{} }

// NewList implements dialect.StoreKind.
func (accounts) NewList() dialect.List { return &corev1.ServiceAccountList{} }

// Unwatched implements dialect.Unwatched.
func (accounts) Unwatched() {}

// configMaps is the kind of ConfigMaps, which hold templates.
type configMaps struct{}

// Type implements dialect.StoreKind.
func (configMaps) Type() dialect.Type {
	return dialect.Type{Dialect: Name, GroupVersionKind: corev1.SchemeGroupVersion.WithKind(configMapKind.Kind), Resource: "configmaps"}
}

// New implements dialect.StoreKind.
func (configMaps) New() dialect.Object { return &corev1.ConfigMap{} }

// NewList implements dialect.StoreKind.
func (configMaps) NewList() dialect.List { return &corev1.ConfigMapList{} }

// Unwatched implements dialect.Unwatched.
func (configMaps) Unwatched() {}

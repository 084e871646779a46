package eso

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
)

// storeRef is a reference to a store, and where it stands.
type storeRef struct {
	dialect.Reference
	at        *field.Path
	wrongKind string // what it has as a kind, and is none
}

// Path is where messages point for what stands in the store.
func (r storeRef) path() *field.Path { return r.Reference.Path().Child("spec") }

// storesOf lists the stores that an object reads through, each once, where it is first named.
func storesOf(es *v1.ExternalSecret) []storeRef {
	var all []storeRef
	add := func(at *field.Path, own *v1.SourceRef) {
		r, ok := refOf(es, at, own)
		if ok && r.wrongKind == "" && !slices.ContainsFunc(all, func(other storeRef) bool { return other.Reference == r.Reference }) {
			all = append(all, r)
		}
	}
	spec := field.NewPath("spec")
	for n := range es.Spec.Data {
		add(spec.Child("data").Index(n), es.Spec.Data[n].SourceRef)
	}
	for n := range es.Spec.DataFrom {
		add(spec.Child("dataFrom").Index(n), es.Spec.DataFrom[n].SourceRef)
	}
	return all
}

// refOf is the store of an entry that stands at a path: its own, or that of the spec. It is none where neither is named.
func refOf(es *v1.ExternalSecret, at *field.Path, own *v1.SourceRef) (storeRef, bool) {
	ref := es.Spec.SecretStoreRef
	where := field.NewPath("spec", "secretStoreRef")
	if own != nil {
		if own.StoreRef == nil {
			return storeRef{}, false
		}
		ref, where = *own.StoreRef, at.Child("sourceRef", "storeRef")
	}
	if ref.Name == "" {
		return storeRef{at: where}, false
	}
	switch ref.Kind {
	case v1.ClusterStoreKind:
		return storeRef{Reference: dialect.Reference{Kind: clusterStoreKind, Name: ref.Name}, at: where}, true
	case "", v1.StoreKind:
		return storeRef{Reference: dialect.Reference{Kind: storeKind, Namespace: es.Namespace, Name: ref.Name}, at: where}, true
	}
	return storeRef{at: where, wrongKind: ref.Kind}, true
}

// specOf is the spec of a store.
func specOf(resolved dialect.Resolved, r dialect.Reference) (*v1.StoreSpec, bool) {
	switch store := resolved[r].(type) {
	case *v1.SecretStore:
		return &store.Spec, true
	case *v1.ClusterSecretStore:
		return &store.Spec, true
	}
	return nil, false
}

// References implements dialect.Kind: the stores, the ConfigMaps of templates, and the ServiceAccounts of the stores whose annotations name
// roles.
func (i *Installation) References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference {
	es, ok := object.(*v1.ExternalSecret)
	if !ok {
		return nil
	}
	var all []dialect.Reference
	add := func(r dialect.Reference) {
		if r.Name != "" && !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	for _, r := range storesOf(es) {
		add(r.Reference)
		if spec, found := specOf(resolved, r.Reference); found {
			add(accountOf(spec, es.Namespace, r.Kind == clusterStoreKind))
		}
	}
	if t := es.Spec.Target.Template; t != nil {
		for _, from := range t.TemplateFrom {
			if from.ConfigMap != nil {
				add(dialect.Reference{Kind: configMapKind, Namespace: es.Namespace, Name: from.ConfigMap.Name})
			}
		}
	}
	return all
}

// accountOf is the ServiceAccount of a store whose annotations a plan needs, for an object of a namespace; the zero Reference where there
// is none, or it may not be used.
func accountOf(spec *v1.StoreSpec, namespace string, cluster bool) dialect.Reference {
	selector := annotated(spec)
	if selector == nil || selector.Name == "" || !cluster && selector.Namespace != "" && selector.Namespace != namespace {
		return dialect.Reference{}
	}
	return dialect.Reference{Kind: accountKind, Namespace: cmp.Or(selector.Namespace, namespace), Name: selector.Name}
}

// annotated is the ServiceAccount of a store whose annotations say who it is at the backend.
func annotated(spec *v1.StoreSpec) *v1.ServiceAccountSelector {
	switch p := spec.Provider; {
	case p.AWS != nil && p.AWS.Auth.JWT != nil && p.AWS.Auth.SecretRef == nil:
		return p.AWS.Auth.JWT.ServiceAccountRef
	case p.AzureKV != nil && p.AzureKV.AuthType == azureWorkloadIdentity:
		return p.AzureKV.ServiceAccountRef
	case p.GCPSM != nil && p.GCPSM.Auth.WorkloadIdentity != nil && p.GCPSM.Auth.SecretRef == nil:
		return &p.GCPSM.Auth.WorkloadIdentity.ServiceAccountRef
	}
	return nil
}

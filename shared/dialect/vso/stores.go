package vso

import (
	_ "embed" // the CRDs
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

var (
	//go:embed secrets.hashicorp.com_vaultauths.yaml
	authCRD []byte
	//go:embed secrets.hashicorp.com_vaultauthglobals.yaml
	globalCRD []byte
	//go:embed secrets.hashicorp.com_vaultconnections.yaml
	connectionCRD []byte
	//go:embed secrets.hashicorp.com_secrettransformations.yaml
	transformationCRD []byte
)

func typeOf(kind, resource string, crd []byte) dialect.Type {
	return dialect.Type{Dialect: Name, GroupVersionKind: v1beta1.GroupVersion.WithKind(kind), Resource: resource, CRD: crd}
}

// itself begins the plan of an object that others refer to.
func (i *Installation) itself(object dialect.Object, kind string, resolved dialect.Resolved) *builder {
	b := i.begin(object, kind, resolved)
	b.itself = true
	return b
}

// store is what the kinds of objects that others refer to have in common.
type store struct{ installation *Installation }

// Serves implements dialect.Reporting: as for VaultStaticSecrets.
func (s *store) Serves(dialect.Object) bool { return s.installation.Serve }

// auths is the kind of VaultAuths.
type auths struct{ store }

// Type implements dialect.StoreKind.
func (*auths) Type() dialect.Type { return typeOf(v1beta1.AuthKind, "vaultauths", authCRD) }

// New implements dialect.StoreKind.
func (*auths) New() dialect.Object { return &v1beta1.VaultAuth{} }

// NewList implements dialect.StoreKind.
func (*auths) NewList() dialect.List { return &v1beta1.VaultAuthList{} }

// References implements dialect.Judged.
func (k *auths) References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference {
	auth, ok := object.(*v1beta1.VaultAuth)
	if !ok {
		return nil
	}
	return k.installation.behind(auth, resolved)
}

// Plan implements dialect.Judged: a VaultAuth is judged by its own namespace, as if that read by it.
func (k *auths) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	auth, ok := object.(*v1beta1.VaultAuth)
	if !ok {
		return nil, foreign(object, v1beta1.AuthKind)
	}
	b := k.installation.itself(auth, v1beta1.AuthKind, resolved)
	at := field.NewPath("spec")
	if auth.Spec.StorageEncryption != nil {
		b.meaningless(at.Child("storageEncryption"), "no client is kept anywhere")
	}
	b.namespaceList(at.Child("allowedNamespaces"), auth.Spec.AllowedNamespaces)
	b.source(reading{at: at, auth: auth, namespace: auth.Namespace})
	return b.Done()
}

// Report implements dialect.Reporting.
func (*auths) Report(object dialect.Object, problem string, now time.Time) {
	if auth, ok := object.(*v1beta1.VaultAuth); ok {
		auth.Status.Put(problem, auth.Generation, now)
	}
}

// globals is the kind of VaultAuthGlobals.
type globals struct{ store }

// Type implements dialect.StoreKind.
func (*globals) Type() dialect.Type {
	return typeOf(v1beta1.AuthGlobalKind, "vaultauthglobals", globalCRD)
}

// New implements dialect.StoreKind.
func (*globals) New() dialect.Object { return &v1beta1.VaultAuthGlobal{} }

// NewList implements dialect.StoreKind.
func (*globals) NewList() dialect.List { return &v1beta1.VaultAuthGlobalList{} }

// References implements dialect.Judged.
func (k *globals) References(object dialect.Object, _ dialect.Resolved) []dialect.Reference {
	global, ok := object.(*v1beta1.VaultAuthGlobal)
	if !ok || global.Spec.VaultConnectionRef == "" {
		return nil
	}
	if r, problem := k.installation.refTo(connectionKind, global.Namespace, global.Spec.VaultConnectionRef); problem == "" {
		return []dialect.Reference{r}
	}
	return nil
}

// Plan implements dialect.Judged. It has warnings alone: what a VaultAuthGlobal lets be read is judged with the VaultAuths that refer to
// it.
func (k *globals) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	global, ok := object.(*v1beta1.VaultAuthGlobal)
	if !ok {
		return nil, foreign(object, v1beta1.AuthGlobalKind)
	}
	b := k.installation.itself(global, v1beta1.AuthGlobalKind, resolved)
	b.global(field.NewPath("spec"), global)
	return b.Done()
}

// Report implements dialect.Reporting.
func (*globals) Report(object dialect.Object, problem string, _ time.Time) {
	if global, ok := object.(*v1beta1.VaultAuthGlobal); ok {
		global.Status.Put(problem)
	}
}

// connections is the kind of VaultConnections.
type connections struct{ store }

// Type implements dialect.StoreKind.
func (*connections) Type() dialect.Type {
	return typeOf(v1beta1.ConnectionKind, "vaultconnections", connectionCRD)
}

// New implements dialect.StoreKind.
func (*connections) New() dialect.Object { return &v1beta1.VaultConnection{} }

// NewList implements dialect.StoreKind.
func (*connections) NewList() dialect.List { return &v1beta1.VaultConnectionList{} }

// References implements dialect.Judged.
func (*connections) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// Plan implements dialect.Judged: a VaultConnection is judged by its own namespace. Who logs in, it does not say.
func (k *connections) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	connection, ok := object.(*v1beta1.VaultConnection)
	if !ok {
		return nil, foreign(object, v1beta1.ConnectionKind)
	}
	b := k.installation.itself(connection, v1beta1.ConnectionKind, resolved)
	s := b.server(field.NewPath("spec"), connection)
	b.choose(plan.Address, s.address, names.AnnotationPermittedVaultServer)
	b.choose(plan.Namespace, value{trimmed(s.namespace.text), s.namespace.at}, names.AnnotationPermittedVaultNamespace)
	return b.Done()
}

// Report implements dialect.Reporting.
func (*connections) Report(object dialect.Object, problem string, _ time.Time) {
	if connection, ok := object.(*v1beta1.VaultConnection); ok {
		connection.Status.Put(problem)
	}
}

// transformations is the kind of SecretTransformations.
type transformations struct{ store }

// Type implements dialect.StoreKind.
func (*transformations) Type() dialect.Type {
	return typeOf(v1beta1.TransformationKind, "secrettransformations", transformationCRD)
}

// New implements dialect.StoreKind.
func (*transformations) New() dialect.Object { return &v1beta1.SecretTransformation{} }

// NewList implements dialect.StoreKind.
func (*transformations) NewList() dialect.List { return &v1beta1.SecretTransformationList{} }

// References implements dialect.Judged.
func (*transformations) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

// Plan implements dialect.Judged: it has the templates, so that they are compiled when they are applied.
func (k *transformations) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	t, ok := object.(*v1beta1.SecretTransformation)
	if !ok {
		return nil, foreign(object, v1beta1.TransformationKind)
	}
	b := k.installation.itself(t, v1beta1.TransformationKind, resolved)
	b.shared(field.NewPath("spec"), t)
	return b.Done()
}

// Report implements dialect.Reporting.
func (*transformations) Report(object dialect.Object, problem string, _ time.Time) {
	if t, ok := object.(*v1beta1.SecretTransformation); ok {
		t.Status.Put(problem)
	}
}

// Homes implements dialect.Shared: objects of any namespace may read by the VaultAuth called default.
func (k *auths) Homes() []string { return []string{k.installation.OperatorNamespace} }

// Homes implements dialect.Shared, likewise.
func (k *globals) Homes() []string { return []string{k.installation.OperatorNamespace} }

// Homes implements dialect.Shared, likewise.
func (k *connections) Homes() []string { return []string{k.installation.OperatorNamespace} }

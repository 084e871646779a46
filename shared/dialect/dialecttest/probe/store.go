package probe

import (
	_ "embed" // the CRDs
	"encoding/pem"
	"fmt"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// stores is the kind of ProbeStores.
type stores struct{}

//go:embed probe.secretgate.io_probestores.yaml
var storeCRD []byte

func (stores) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.StoreKind), Resource: "probestores", Versions: older, CRD: storeCRD,
	}
}

func (stores) New() dialect.Object   { return &v1.ProbeStore{} }
func (stores) NewList() dialect.List { return &v1.ProbeStoreList{} }

func (stores) References(object dialect.Object, _ dialect.Resolved) []dialect.Reference {
	s, _ := storeOf(object, object.GetNamespace())
	return s.references()
}

func (stores) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	if _, ok := object.(*v1.ProbeStore); !ok {
		return nil, foreign(object, v1.StoreKind)
	}
	s, _ := storeOf(object, object.GetNamespace())
	b := build(object, v1.StoreKind, resolved)
	b.store(field.NewPath("spec"), s)
	return b.Done()
}

// clusterStores is the kind of ClusterProbeStores.
type clusterStores struct{}

//go:embed probe.secretgate.io_clusterprobestores.yaml
var clusterStoreCRD []byte

func (clusterStores) Type() dialect.Type {
	return dialect.Type{
		Dialect: Name, GroupVersionKind: v1.GroupVersion.WithKind(v1.ClusterStoreKind), Resource: "clusterprobestores", ClusterWide: true,
		CRD: clusterStoreCRD,
	}
}

func (clusterStores) New() dialect.Object   { return &v1.ClusterProbeStore{} }
func (clusterStores) NewList() dialect.List { return &v1.ClusterProbeStoreList{} }

// References implements dialect.Judged. What the store logs in with is in the namespaces of its Probes.
func (clusterStores) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

func (clusterStores) Plan(object dialect.Object, _ dialect.Resolved) (*plan.Plan, field.ErrorList) {
	if _, ok := object.(*v1.ClusterProbeStore); !ok {
		return nil, foreign(object, v1.ClusterStoreKind)
	}
	s, _ := storeOf(object, "")
	b := build(object, v1.ClusterStoreKind, nil)
	b.store(field.NewPath("spec"), s)
	return nil, b.Errs
}

func foreign(object dialect.Object, kind string) field.ErrorList {
	return field.ErrorList{field.InternalError(nil, fmt.Errorf("%T is no %s", object, kind))}
}

// accounts is the kind of ServiceAccounts, whose annotations name roles.
type accounts struct{}

var accountKind = schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}

func (accounts) Type() dialect.Type {
	return dialect.Type{Dialect: Name, GroupVersionKind: accountKind, Resource: "serviceaccounts"}
}

func (accounts) New() dialect.Object {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: accountKind.Kind}}
}

func (accounts) NewList() dialect.List {
	return &metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: accountKind.Kind + "List"}}
}

// Unwatched implements dialect.Unwatched: who may read all ServiceAccounts is not for a dialect to say.
func (accounts) Unwatched() {}

// store is a ProbeStore, or a ClusterProbeStore for the Probes of a namespace.
type store struct {
	spec       *v1.ProbeStoreSpec
	namespace  string // that holds what it logs in with; empty: it is not known
	conditions []v1.Condition
}

// storeOf is a store as the Probes of a namespace have it.
func storeOf(object dialect.Object, namespace string) (s store, ok bool) {
	switch o := object.(type) {
	case *v1.ProbeStore:
		return store{spec: &o.Spec, namespace: o.Namespace}, true
	case *v1.ClusterProbeStore:
		return store{&o.Spec.ProbeStoreSpec, namespace, o.Spec.Conditions}, true
	}
	return store{spec: &v1.ProbeStoreSpec{}}, false
}

// references names the ServiceAccount whose annotation is the role.
func (s store) references() []dialect.Reference {
	if account := s.spec.ServiceAccountRef; account == nil || account.RoleAnnotation == "" || account.Name == "" || s.namespace == "" {
		return nil
	}
	return []dialect.Reference{{Kind: accountKind.GroupKind(), Namespace: s.namespace, Name: s.spec.ServiceAccountRef.Name}}
}

// to are the namespaces that the conditions admit.
func (s store) to() (all []plan.NamespaceMatch) {
	for _, c := range s.conditions {
		all = append(all, plan.NamespaceMatch{Names: c.Namespaces, Patterns: c.NamespaceRegexes, Selector: c.NamespaceSelector})
	}
	return all
}

// store understands a store, whose spec stands at a path.
func (b *builder) store(at *field.Path, of store) plan.Store {
	spec, before := of.spec, len(b.Errs)
	for _, required := range []struct{ name, value string }{{"server", spec.Server}, {"mount", spec.Mount}} {
		if required.value == "" {
			b.Fail(field.Required(at.Child(required.name), "a store has no default"))
		}
	}
	b.Short(at.Child("caBundle"), spec.CABundle, maxCABundle)
	if block, _ := pem.Decode([]byte(spec.CABundle)); spec.CABundle != "" && block == nil {
		b.Fail(field.Invalid(at.Child("caBundle"), field.OmitValueType{}, "must be certificates, as PEM"))
	}
	b.conditions(at.Child("conditions"), of.conditions)
	credential, accountAt := b.credential(at, of)
	s := plan.Store{
		Backend: b.vault.Name, Address: spec.Server, CA: spec.CABundle, Namespace: spec.Namespace, Method: spec.Method, Mount: spec.Mount,
		Credential: credential,
	}
	roleAt := at.Child("role")
	if account := spec.ServiceAccountRef; account != nil && account.RoleAnnotation != "" {
		roleAt = at.Child("serviceAccountRef", "roleAnnotation")
	}
	places := plan.Places{
		plan.Address: {Field: at.Child("server").String()}, plan.Namespace: {Field: at.Child("namespace").String()},
		plan.Mount: {Field: at.Child("mount").String()}, plan.Role: {Field: roleAt.String()}, plan.Account: {Field: accountAt.String()},
	}
	s.Role, s.Login.RoleFrom = b.role(at, of)
	b.vault.Check(b.Builder, s, places)
	if len(b.Errs) > before {
		return plan.Store{} // a namespace need not judge what is none
	}
	b.Plan.Places[s] = places
	return s
}

// role is the role of a store, and where the cluster keeps it.
func (b *builder) role(at *field.Path, of store) (role string, from plan.Credential) {
	account := of.spec.ServiceAccountRef
	switch {
	case account == nil || account.RoleAnnotation == "":
		if of.spec.Role == "" {
			b.Fail(field.Required(at.Child("role"), "a store has no default"))
		}
		return of.spec.Role, from
	case of.spec.Role != "":
		b.Fail(field.Forbidden(at.Child("role"), "the annotation of a ServiceAccount names the role: remove one of the two"))
	case len(of.references()) == 0: // it is not known whose
		return "", from
	}
	at = at.Child("serviceAccountRef")
	r := dialect.Reference{Kind: accountKind.GroupKind(), Namespace: of.namespace, Name: account.Name}
	object, err := dialect.Find[*metav1.PartialObjectMetadata](b.resolved, at, r)
	if err != nil {
		b.Fail(err)
		return "", from
	}
	role = object.Annotations[account.RoleAnnotation]
	if role == "" {
		b.Fail(field.Invalid(at.Child("roleAnnotation"), account.RoleAnnotation, r.String()+" has no such annotation, or an empty one"))
	}
	return role, plan.Credential{
		Kind: plan.AnnotationCredential, Namespace: of.namespace, Name: account.Name, Key: account.RoleAnnotation,
	}
}

// conditions refuses those that cannot be understood.
func (b *builder) conditions(at *field.Path, all []v1.Condition) {
	for i, c := range all {
		at := at.Index(i)
		for n, pattern := range c.NamespaceRegexes {
			if _, err := regexp.Compile(pattern); err != nil {
				b.Fail(field.Invalid(at.Child("namespaceRegexes").Index(n), pattern, "must be a regular expression"))
			}
		}
		if _, err := metav1.LabelSelectorAsSelector(c.NamespaceSelector); err != nil {
			b.Fail(field.Invalid(at.Child("namespaceSelector"), field.OmitValueType{}, "must be a selector of labels: "+err.Error()))
		}
	}
}

// credential is what a store logs in with, and where it names the ServiceAccount.
func (b *builder) credential(at *field.Path, of store) (plan.Credential, *field.Path) {
	spec, secretAt, accountAt := of.spec, at.Child("secretRef"), at.Child("serviceAccountRef")
	credential := plan.Credential{Namespace: of.namespace}
	switch secret, account := spec.SecretRef, spec.ServiceAccountRef; {
	case spec.Method != backend.VaultAppRole && spec.Method != backend.VaultKubernetes && spec.Method != backend.VaultJWT:
		b.Fail(field.NotSupported(at.Child("method"), spec.Method,
			[]string{backend.VaultKubernetes, backend.VaultJWT, backend.VaultAppRole}))
	case spec.Method == backend.VaultAppRole && (secret == nil || account != nil):
		b.Fail(field.Required(secretAt, "method appRole needs the Secret of its secret id, and no ServiceAccount"))
	case spec.Method != backend.VaultAppRole && (account == nil || secret != nil):
		b.Fail(field.Required(accountAt, "method "+spec.Method+" needs a ServiceAccount, and no Secret"))
	case secret != nil:
		credential.Kind, credential.Name, credential.Key = plan.SecretCredential, secret.Name, secret.Key
		b.name(secretAt.Child("name"), secret.Name)
		b.EntryName(secretAt.Child("key"), secret.Key)
	default:
		credential.Kind, credential.Name = plan.AccountCredential, account.Name
		credential.Audiences = plan.ListOf(account.Audience)
		b.name(accountAt.Child("name"), account.Name)
		b.Short(accountAt.Child("audience"), account.Audience, maxAudience)
		for _, problem := range annotationProblems(account.RoleAnnotation) {
			b.Fail(field.Invalid(accountAt.Child("roleAnnotation"), account.RoleAnnotation, problem))
		}
	}
	return credential, accountAt.Child("name")
}

// annotationProblems says why a text is no name of an annotation; it need not be one.
func annotationProblems(key string) []string {
	if key == "" {
		return nil
	}
	return validation.IsQualifiedName(key)
}

// name refuses what is no name of an object.
func (b *builder) name(at *field.Path, value string) {
	if value == "" {
		b.Fail(field.Required(at, "its name"))
	}
	b.Canonical(at, value, plan.ObjectName)
}

package eso

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// source is a store, understood: where and as whom values are read, and how they are asked for. One without a backend is External Secrets
// Operator's to read: of that, keys alone are judged.
type source struct {
	store   plan.Store
	backend *backend.Backend
	syntax  plan.Syntax
	// read is the read of a value, whose reference stands at a path.
	read func(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read
	// find is the read of all values below a path; nil: there is none.
	find func(b *builder, at *field.Path, find *v1.Find) (plan.Read, bool)
}

// reading is a store that is read for an object.
type reading struct {
	at        *field.Path // where its spec stands
	spec      *v1.StoreSpec
	namespace string      // of the object
	cluster   bool        // the store is a ClusterSecretStore
	ref       *field.Path // where the object names the store; nil: the object is the store
}

// source is the store of an entry that stands at a path; nil where it cannot be used, which is said once.
func (b *builder) source(at *field.Path, es *v1.ExternalSecret, own *v1.SourceRef) *source {
	if own != nil && own.GeneratorRef != nil {
		b.Fail(field.Forbidden(at.Child("sourceRef", "generatorRef"),
			"is not served: generators make values that no policy can judge; keep the value in a backend"))
		return nil
	}
	r, ok := refOf(es, at, own)
	if !ok {
		if r.at == nil {
			b.Fail(field.Required(at.Child("sourceRef", "storeRef"), "the store to read through"))
		} else {
			b.Fail(field.Required(r.at.Child("name"), "the name of the store"))
		}
		return nil
	}
	if s, known := b.sources[r.Reference]; known && r.wrongKind == "" {
		return s
	}
	if r.wrongKind == "" {
		b.permitStore(r)
	}
	b.sources[r.Reference] = b.storeOf(es, r)
	return b.sources[r.Reference]
}

func (b *builder) storeOf(es *v1.ExternalSecret, r storeRef) *source {
	if r.wrongKind != "" {
		b.Fail(field.NotSupported(r.at.Child("kind"), r.wrongKind, []string{v1.StoreKind, v1.ClusterStoreKind}))
		return nil
	}
	for _, problem := range validation.IsDNS1123Subdomain(r.Name) {
		b.Fail(field.Invalid(r.at.Child("name"), r.Name, problem))
		return nil
	}
	spec, found := specOf(b.resolved, r.Reference)
	if !found {
		b.Fail(dialect.Missing(r.at, r.Reference))
		return nil
	}
	cluster := r.Kind == clusterStoreKind
	if cluster {
		b.confine(r, spec.Conditions)
	}
	return b.understand(reading{at: r.path(), spec: spec, namespace: es.Namespace, cluster: cluster, ref: r.at})
}

// understand makes a source of a store, or says what is wrong with it.
func (b *builder) understand(r reading) *source {
	at, p := r.at.Child("provider"), &r.spec.Provider
	var set []string
	for _, one := range []struct {
		name string
		set  bool
	}{
		{"aws", p.AWS != nil}, {"vault", p.Vault != nil}, {"azurekv", p.AzureKV != nil}, {"gcpsm", p.GCPSM != nil}, {"alibaba", p.Alibaba != nil},
	} {
		if one.set {
			set = append(set, one.name)
		}
	}
	switch all := slices.Concat(set, p.Others); {
	case len(all) != 1:
		b.Fail(field.Invalid(at, field.OmitValueType{}, "must have exactly one provider"))
		return nil
	case len(set) == 0:
		b.unserved(at.Child(p.Others[0]), "is a provider that Secretgate does not serve: it serves aws, vault, azurekv, gcpsm and alibaba")
		return &source{}
	}
	if r.ref == nil {
		b.meaningless(r)
	}
	before := len(b.Errs)
	var s *source
	var places plan.Places
	switch {
	case p.AWS != nil:
		s, places = b.aws(at.Child("aws"), r, p.AWS)
	case p.Vault != nil:
		s, places = b.vault(at.Child("vault"), r, p.Vault)
	case p.AzureKV != nil:
		s, places = b.azure(at.Child("azurekv"), r, p.AzureKV)
	case p.GCPSM != nil:
		s, places = b.gcp(at.Child("gcpsm"), r, p.GCPSM)
	default:
		s, places = b.alibaba(at.Child("alibaba"), r, p.Alibaba)
	}
	if s == nil || s.backend == nil {
		return s
	}
	s.backend.Check(b.Builder, s.store, places)
	if wrong, _ := dialect.Split(b.Errs[before:]); len(wrong) > 0 {
		return nil // a namespace need not judge what is none
	}
	b.Plan.Places[s.store] = places
	return s
}

// meaningless warns of what a store says and the syncer does not heed.
func (b *builder) meaningless(r reading) {
	if r.spec.RetrySettings != nil {
		b.Warn("%s has no meaning here, and is ignored: the syncer has a back-off of its own", r.at.Child("retrySettings"))
	}
	if r.spec.RefreshInterval != nil {
		b.Warn("%s has no meaning here, and is ignored: each read validates the store", r.at.Child("refreshInterval"))
	}
	if len(r.spec.Conditions) > 0 && !r.cluster {
		b.Warn("%s has no meaning in a SecretStore, which its namespace alone uses, and is ignored: remove it", r.at.Child("conditions"))
	}
}

// secret is the credential that a selector of a store names. The error is said.
func (b *builder) secret(at *field.Path, r reading, s v1.SecretKeySelector, key string) plan.Credential {
	c := plan.Credential{Kind: plan.SecretCredential, Name: s.Name, Key: cmp.Or(s.Key, key)}
	c.Namespace = b.namespace(at, r, s.Namespace)
	b.named(at, s.Name)
	if c.Key == "" {
		b.Fail(field.Required(at.Child("key"), "the key of the Secret"))
	} else {
		b.EntryName(at.Child("key"), c.Key)
	}
	return c
}

// namespace is the one of a selector: in a ClusterSecretStore any, and without one that of the object.
func (b *builder) namespace(at *field.Path, r reading, namespace string) string {
	if !r.cluster && namespace != "" && namespace != r.namespace {
		b.Fail(field.Forbidden(at.Child("namespace"), fmt.Sprintf("must be %s, the store's own namespace, or absent", r.namespace)))
	}
	if namespace != "" {
		for _, problem := range validation.IsDNS1123Label(namespace) {
			b.Fail(field.Invalid(at.Child("namespace"), namespace, problem))
		}
	}
	return cmp.Or(namespace, r.namespace)
}

// named refuses what is no name of an object.
func (b *builder) named(at *field.Path, name string) {
	if name == "" {
		b.Fail(field.Required(at.Child("name"), "its name"))
	}
	b.Canonical(at.Child("name"), name, plan.ObjectName)
}

// account is the credential that a ServiceAccount of a store is, with the audiences that its token is for.
func (b *builder) account(at *field.Path, r reading, s v1.ServiceAccountSelector, audiences ...string) plan.Credential {
	c := plan.Credential{Kind: plan.AccountCredential, Name: s.Name, Namespace: b.namespace(at, r, s.Namespace)}
	b.named(at, s.Name)
	for n, audience := range s.Audiences {
		b.audience(at.Child("audiences").Index(n), audience)
	}
	c.Audiences = plan.ListOf(append(audiences, s.Audiences...)...)
	return c
}

func (b *builder) audience(at *field.Path, audience string) {
	if audience == "" {
		b.Fail(field.Required(at, "the audience"))
	}
	b.Canonical(at, audience, plan.PlainText)
}

// annotation is what a ServiceAccount has as an annotation; empty where it has none, or is not known, which is said.
func (b *builder) annotation(at *field.Path, account plan.Credential, key string) string {
	r := dialect.Reference{Kind: accountKind, Namespace: account.Namespace, Name: account.Name}
	if account.Namespace == anyNamespace || account.Name == "" {
		return ""
	}
	object, missing := dialect.Find[*corev1.ServiceAccount](b.resolved, at, r)
	if missing != nil {
		b.Fail(missing)
		return ""
	}
	return strings.TrimSpace(object.Annotations[key])
}

// ownIdentity refuses a SecretStore that would read as the syncer.
func (b *builder) ownIdentity(at *field.Path, r reading, remedy string) {
	if !r.cluster {
		b.Fail(field.Required(at, "a SecretStore may not read as the syncer itself: "+remedy+", or use a ClusterSecretStore"))
	}
}

// chooseRole has policy judge a role beside that of the Store.
func (b *builder) chooseRole(at *field.Path, role string) {
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{At: at.String(), Value: role, Annotation: names.AnnotationPermittedRole})
}

// known reports whether a ServiceAccount is known.
func (b *builder) known(account plan.Credential) bool {
	_, found := b.resolved[dialect.Reference{Kind: accountKind, Namespace: account.Namespace, Name: account.Name}]
	return found
}

// annotationOf is that of a ServiceAccount that need not be known.
func (b *builder) annotationOf(account plan.Credential, key string) string {
	object, found := b.resolved[dialect.Reference{Kind: accountKind, Namespace: account.Namespace, Name: account.Name}]
	if !found {
		return ""
	}
	return strings.TrimSpace(object.GetAnnotations()[key])
}

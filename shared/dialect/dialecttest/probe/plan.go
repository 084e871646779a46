package probe

import (
	"encoding/pem"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// The lengths of what has no rule, in characters, as the CRDs bound them.
const (
	maxProperty = 1024
	maxAudience = 2048
	maxCABundle = 64 * 1024
)

// place is where the reference stands through whose store an entry is read: its own, or the object's.
func place(o *v1.Probe, entry int) (*field.Path, v1.StoreRef) {
	if own := o.Spec.Entries[entry].StoreRef; own != nil {
		return field.NewPath("spec", "entries").Index(entry).Child("storeRef"), *own
	}
	return field.NewPath("spec", "storeRef"), o.Spec.StoreRef
}

func reference(o *v1.Probe, at *field.Path, ref v1.StoreRef) (dialect.Reference, *field.Error) {
	return dialect.Local(at, stores{}.Type().GroupKind(), o.Namespace, ref.Namespace, ref.Name)
}

// parse is Plan for a Probe.
func parse(o *v1.Probe, resolved dialect.Resolved, least time.Duration) (*plan.Plan, field.ErrorList) {
	b := &builder{
		Builder: plan.Build(o, v1.GroupVersion.WithKind(v1.Kind), &words), object: o, resolved: resolved,
		places: map[string]plan.Store{}, stores: map[dialect.Reference]plan.Store{},
	}
	b.vault, _ = backend.Of(backend.Vault)
	at := field.NewPath("spec")
	if o.Spec.Target != "" {
		b.SecretName(at.Child("target"), o.Spec.Target)
	}
	b.SecretType(at, "")
	b.Interval(at.Child("refreshInterval"), o.Spec.RefreshInterval, least)
	b.entries(at.Child("entries"))
	b.Overridden(at)
	return b.Done()
}

// builder makes the Plan of one Probe.
type builder struct {
	*plan.Builder
	object   *v1.Probe
	resolved dialect.Resolved
	vault    *backend.Backend
	places   map[string]plan.Store // by where the references stand; the zero Store: it cannot be used, which has been said
	stores   map[dialect.Reference]plan.Store
}

func (b *builder) entries(at *field.Path) {
	switch n := len(b.object.Spec.Entries); {
	case n == 0:
		b.Fail(field.Required(at, "at least one entry is needed"))
	case n > plan.MaxEntries:
		b.Fail(field.TooMany(at, n, plan.MaxEntries))
		return
	}
	for n, entry := range b.object.Spec.Entries {
		at := at.Index(n)
		b.EntryName(at.Child("name"), entry.Name)
		b.Short(at.Child("property"), entry.Property, maxProperty)
		b.vault.Add(b.Builder, plan.Entry{
			Field: at.String(), KeyField: at.Child("key").String(), Name: entry.Name, Property: entry.Property,
			Source: plan.Source{Store: b.storeOf(n), Read: b.vault.Read(plan.Read{Key: entry.Key})},
		}, at.Child("key"))
	}
}

// storeOf is the Store of an entry. It is the zero one where there is none to be had, so that its key is judged none the less.
func (b *builder) storeOf(entry int) plan.Store {
	at, ref := place(b.object, entry)
	if s, known := b.places[at.String()]; known {
		return s
	}
	s, err := b.find(at, ref)
	if err != nil {
		b.Fail(err)
	}
	b.places[at.String()] = s
	return s
}

func (b *builder) find(at *field.Path, ref v1.StoreRef) (plan.Store, *field.Error) {
	r, err := reference(b.object, at, ref)
	if err != nil {
		return plan.Store{}, err
	}
	if s, known := b.stores[r]; known {
		return s, nil
	}
	object, err := dialect.Find[*v1.ProbeStore](b.resolved, at, r)
	if err != nil {
		return plan.Store{}, err
	}
	b.stores[r] = b.store(r.Path().Child("spec"), object)
	return b.stores[r], nil
}

// store understands a ProbeStore, whose spec stands at a path.
func (b *builder) store(at *field.Path, object *v1.ProbeStore) plan.Store {
	spec, before := &object.Spec, len(b.Errs)
	for _, required := range []struct{ name, value string }{{"server", spec.Server}, {"mount", spec.Mount}, {"role", spec.Role}} {
		if required.value == "" {
			b.Fail(field.Required(at.Child(required.name), "a store has no default"))
		}
	}
	b.Short(at.Child("caBundle"), spec.CABundle, maxCABundle)
	if block, _ := pem.Decode([]byte(spec.CABundle)); spec.CABundle != "" && block == nil {
		b.Fail(field.Invalid(at.Child("caBundle"), field.OmitValueType{}, "must be certificates, as PEM"))
	}
	credential, accountAt := b.credential(at, object)
	s := plan.Store{
		Backend: b.vault.Name, Address: spec.Server, CA: spec.CABundle, Namespace: spec.Namespace, Method: spec.Method, Mount: spec.Mount,
		Role: spec.Role, Credential: credential,
	}
	places := plan.Places{
		plan.Address: {Field: at.Child("server").String()}, plan.Namespace: {Field: at.Child("namespace").String()},
		plan.Mount: {Field: at.Child("mount").String()}, plan.Role: {Field: at.Child("role").String()}, plan.Account: {Field: accountAt.String()},
	}
	b.vault.Check(b.Builder, s, places)
	if len(b.Errs) > before {
		return plan.Store{} // a namespace need not judge what is none
	}
	b.Plan.Places[s] = places
	return s
}

// credential is what a store logs in with, and where it names the ServiceAccount.
func (b *builder) credential(at *field.Path, object *v1.ProbeStore) (plan.Credential, *field.Path) {
	spec, secretAt, accountAt := &object.Spec, at.Child("secretRef"), at.Child("serviceAccountRef")
	credential := plan.Credential{Namespace: object.Namespace}
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
	}
	return credential, accountAt.Child("name")
}

// name refuses what is no name of an object.
func (b *builder) name(at *field.Path, value string) {
	if value == "" {
		b.Fail(field.Required(at, "its name"))
	}
	b.Canonical(at, value, plan.ObjectName)
}

package probe

import (
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/names"
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
	switch kind := (clusterStores{}).Type().GroupKind(); {
	case ref.Kind != "" && ref.Kind != v1.StoreKind && ref.Kind != v1.ClusterStoreKind:
		return dialect.Reference{}, field.NotSupported(at.Child("kind"), ref.Kind, []string{v1.StoreKind, v1.ClusterStoreKind})
	case ref.Kind != v1.ClusterStoreKind:
		return dialect.Local(at, stores{}.Type().GroupKind(), o.Namespace, ref.Namespace, ref.Name)
	case ref.Namespace != "":
		return dialect.Reference{}, field.Forbidden(at.Child("namespace"), "no namespace holds a "+kind.Kind)
	case ref.Name == "":
		return dialect.Reference{}, field.Required(at.Child("name"), "the name of the "+kind.Kind)
	default:
		return dialect.Reference{Kind: kind, Name: ref.Name}, nil
	}
}

// parse is Plan for a Probe.
func parse(o *v1.Probe, resolved dialect.Resolved, least time.Duration) (*plan.Plan, field.ErrorList) {
	b := build(o, v1.Kind, resolved)
	b.object = o
	at := field.NewPath("spec")
	if o.Spec.Generator != "" {
		b.Fail(field.Forbidden(at.Child("generator"), "is not supported: read a value that is there, by spec.entries"))
	}
	if o.Spec.Target != "" {
		b.SecretName(at.Child("target"), o.Spec.Target)
	}
	b.SecretType(at, "")
	b.Interval(at.Child("refreshInterval"), o.Spec.RefreshInterval, least)
	b.entries(at.Child("entries"))
	b.Overridden(at)
	return b.Done()
}

func build(o dialect.Object, kind string, resolved dialect.Resolved) *builder {
	b := &builder{
		Builder: plan.Build(o, v1.GroupVersion.WithKind(kind), &words), resolved: resolved,
		places: map[string]plan.Store{}, stores: map[dialect.Reference]plan.Store{},
	}
	b.vault, _ = backend.Of(backend.Vault)
	return b
}

// builder makes the Plan of one Probe, or of one store.
type builder struct {
	*plan.Builder
	object   *v1.Probe // nil: it is a store
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
	object, known := storeOf(b.resolved[r], b.object.Namespace)
	if !known {
		return plan.Store{}, dialect.Missing(at, r)
	}
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{
		At: at.Child("name").String(), Value: r.Kind.Kind + "/" + r.Name, Annotation: names.AnnotationPermittedStore,
	})
	if len(object.conditions) > 0 {
		b.Plan.Confined = append(b.Plan.Confined, plan.Confined{At: at.String(), What: r.String(), By: "spec.conditions", To: object.to()})
	}
	b.stores[r] = b.store(r.Path().Child("spec"), object)
	return b.stores[r], nil
}

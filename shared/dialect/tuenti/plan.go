package tuenti

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
)

// maxKey is how long the name of a key may be in characters, as the CRD bounds it.
const maxKey = 1024

// parse makes the Plan of a SecretDefinition, or lists everything that is wrong with it.
func (w Where) parse(d *v1alpha1.SecretDefinition) (*plan.Plan, field.ErrorList) {
	b := &builder{Builder: plan.Build(d, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind), &words), where: w}
	if b.where.Store.Backend == "" {
		b.where.Store.Backend = backend.Vault
	}
	b.backend, _ = backend.Of(b.where.Store.Backend)
	b.Plan.Places[b.where.Store] = nil // no field of the object says where it is read
	t := &b.Plan.Template
	t.Labels, t.Annotations = inherited(d.Labels), inherited(d.Annotations)
	t.Stamp = plan.Stamp{Annotation: v1alpha1.AnnotationLastUpdate, Format: v1alpha1.LastUpdateFormat}
	t.Labels[v1alpha1.LabelManagedBy] = v1alpha1.ManagedBy
	at := field.NewPath("spec")
	b.SecretName(at.Child("name"), d.Spec.Name)
	b.SecretType(at.Child("type"), d.Spec.Type)
	b.keysMap(d.Spec.KeysMap)
	return b.Done()
}

type builder struct {
	*plan.Builder
	where   Where
	backend *backend.Backend
}

// keysMap lists the reads by the names of their entries, so that the same object makes the same Plan.
func (b *builder) keysMap(sources map[string]v1alpha1.DataSource) {
	at := field.NewPath("spec", "keysMap")
	switch {
	case len(sources) == 0:
		b.Fail(field.Required(at, "at least one entry is needed"))
	case len(sources) > plan.MaxEntries:
		b.Fail(field.TooMany(at, len(sources), plan.MaxEntries))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		source, at := sources[name], at.Key(name)
		b.EntryName(at, name)
		e := plan.Entry{Field: at.String(), KeyField: at.Child("path").String(), Name: name}
		e.Source = plan.Source{Store: b.where.Store, Read: plan.Read{Key: source.Path}}
		b.Short(at.Child("key"), source.Key, maxKey)
		switch source.Encoding {
		case "", v1alpha1.EncodingText:
		case v1alpha1.EncodingBase64:
			e.Binary = true
		default:
			b.Fail(field.NotSupported(at.Child("encoding"), source.Encoding,
				[]v1alpha1.Encoding{v1alpha1.EncodingText, v1alpha1.EncodingBase64}))
		}
		if b.where.Store.Backend == backend.Vault {
			e.Property, e.Source.EngineVersion = source.Key, b.where.EngineVersion
			if e.Property == "" {
				e.Property = "data"
			}
		} else if source.Key != "" {
			b.Warn("%s has no meaning for Azure Key Vault, whose secrets have no keys, and is ignored: remove it", at.Child("key"))
		}
		e.Source.Read = b.backend.Read(e.Source.Read)
		b.backend.Add(b.Builder, e, at.Child("path"))
	}
}

// inherited are the labels or annotations of an object that its Secret gets, too.
func inherited(all map[string]string) map[string]string {
	return plan.Inherited(all, v1alpha1.AnnotationLastUpdate, v1alpha1.LabelManagedBy)
}

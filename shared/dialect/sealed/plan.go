package sealed

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// builder makes the Plan of one object.
type builder struct {
	*plan.Builder
	installation *Installation
	annotations  map[string]string // of the object
}

// unserved says that a field at a path is not served: it is an error where the syncer serves the objects. Else they are judged without it.
func (b *builder) unserved(at *field.Path, detail string) {
	if b.installation.Serve {
		b.Fail(field.Forbidden(at, detail))
		return
	}
	b.Warn("%s is not judged: Secretgate does not serve it", at)
}

func (i *Installation) parse(object *v1alpha1.SealedSecret) (*plan.Plan, field.ErrorList) {
	b := &builder{
		Builder:      plan.Build(object, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind), &words),
		installation: i, annotations: object.Annotations,
	}
	b.Plan.ForceSync = i.ForceSync(object)
	b.Plan.Refresh.Never = true
	b.Plan.Target.Fixed = true
	b.Plan.Target.Asks = plan.Asks{Adopt: v1alpha1.AnnotationManaged, Share: v1alpha1.AnnotationPatch}
	scope, at := scopeOf(object), field.NewPath("spec")
	b.scope(scope)
	b.SecretType(at.Child("template", "type"), object.Spec.Template.Type)
	b.Plan.Template.Immutable = object.Spec.Template.Immutable
	b.metadata(at.Child("template", "metadata"), &object.Spec.Template.Metadata)
	if !object.Spec.Data.IsZero() {
		b.whole(at, &object.Spec, scope)
		return b.Done()
	}
	b.values(at, &object.Spec, scope)
	b.dropped(at.Child("template", "data"), object)
	return b.Done()
}

// whole is a Secret that is sealed at once, as kubeseal did before 0.8.
func (b *builder) whole(at *field.Path, spec *v1alpha1.SealedSecretSpec, scope scope) {
	dataAt := at.Child("data")
	if len(spec.EncryptedData) > 0 {
		b.Fail(field.Forbidden(dataAt, "may not be beside encryptedData: remove it"))
		return
	}
	if b.installation.Serve && !b.installation.AcceptV1 {
		b.Fail(field.Forbidden(dataAt, "is the form of kubeseal before 0.8, which this installation does not accept (SEALED_ACCEPT_V1_DATA): "+
			"seal the values again, in encryptedData"))
		return
	}
	text, is := spec.Data.Get()
	if !is {
		b.Fail(field.TypeInvalid(dataAt, field.OmitValueType{}, "must be a text of base64"))
		return
	}
	if len(spec.Template.Data) > 0 {
		b.Warn("%s has no effect beside spec.data: seal the values again, in encryptedData", at.Child("template", "data"))
	}
	if ciphertext, ok := b.ciphertext(dataAt, text); ok {
		b.Plan.Entries = []plan.Entry{{
			Field: dataAt.String(), KeyField: dataAt.String(), Kind: plan.Members, Property: "data", Decoding: plan.Base64,
			Sealed: plan.Sealed{Ciphertext: ciphertext, Label: scope.label},
		}}
	}
}

// values are the sealed values, and the templates that see them.
func (b *builder) values(at *field.Path, spec *v1alpha1.SealedSecretSpec, scope scope) {
	sealedAt, templatesAt := at.Child("encryptedData"), at.Child("template", "data")
	if n := len(spec.EncryptedData); n > plan.MaxEntries {
		b.Fail(field.TooMany(sealedAt, n, plan.MaxEntries))
		return
	}
	if n := len(spec.Template.Data); n > plan.MaxEntries {
		b.Fail(field.TooMany(templatesAt, n, plan.MaxEntries))
		return
	}
	if len(spec.EncryptedData)+len(spec.Template.Data) == 0 {
		b.Fail(field.Required(sealedAt, "the sealed values, as kubeseal prints them"))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(spec.EncryptedData)) {
		at := sealedAt.Key(name)
		b.EntryName(at, name)
		text, is := spec.EncryptedData[name].Get()
		if !is {
			b.Fail(field.TypeInvalid(at, field.OmitValueType{}, "must be a text of base64: "+again))
			continue
		}
		ciphertext, ok := b.ciphertext(at, text)
		if !ok {
			continue
		}
		use := plan.Everywhere
		if made, said := spec.Template.Data[name]; said && made.IsNull() {
			use = plan.InTemplates
		}
		b.Plan.Entries = append(b.Plan.Entries, plan.Entry{
			Field: at.String(), KeyField: at.String(), Name: name, Use: use, Sealed: plan.Sealed{Ciphertext: ciphertext, Label: scope.label},
		})
	}
	b.templates(templatesAt, spec)
}

// templates make further entries. They see all values, and the texts of each other.
func (b *builder) templates(at *field.Path, spec *v1alpha1.SealedSecretSpec) {
	t := &b.Plan.Template
	for _, name := range slices.Sorted(maps.Keys(spec.Template.Data)) {
		at, made := at.Key(name), spec.Template.Data[name]
		_, sealed := spec.EncryptedData[name]
		if made.IsNull() {
			if !sealed {
				b.Warn("%s has no effect: null keeps the sealed value of a name out of the Secret, and spec.encryptedData has no such name", at)
			}
			continue
		}
		text, is := made.Get()
		switch {
		case !is:
			b.Fail(field.TypeInvalid(at, field.OmitValueType{}, "must be a text, or null"))
		case sealed:
			b.Warn("%s has no effect: the sealed value of the same name wins: remove one of them", at)
		default:
			b.Make(at, plan.InStringData, name, text)
			if t.Inputs == nil {
				t.Inputs = map[string][]byte{}
			}
			t.Inputs[name] = []byte(text)
		}
	}
	if len(t.Made) > 0 {
		t.Engine, t.Options = template.Go, template.Options{MissingKey: "error"}
	}
}

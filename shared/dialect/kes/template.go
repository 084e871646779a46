package kes

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/lodash"
)

func (b *builder) template() {
	t := &templateReader{builder: b, at: b.in.at.Child("template")}
	if raw := b.in.spec.Template; raw != nil {
		var document any
		if err := json.Unmarshal(raw.Raw, &document); err != nil {
			b.Fail(field.Invalid(t.at, field.OmitValueType{}, "is not JSON"))
			return
		}
		object, ok := document.(map[string]any)
		if !ok {
			b.Fail(field.Invalid(t.at, field.OmitValueType{}, "must be an object: the fields of a Secret"))
			return
		}
		t.read(object)
	}
	t.secretType()
}

type templateReader struct {
	*builder
	at *field.Path
}

// read takes members that are null for absent, as the API server does.
func (t *templateReader) read(object map[string]any) {
	for _, name := range present(object) {
		value, at := object[name], t.at.Child(name)
		switch name {
		case "apiVersion", "kind":
			if want := map[string]string{"apiVersion": "v1", "kind": "Secret"}[name]; value != want {
				t.Fail(field.Invalid(at, value, "must be "+want+" or absent"))
			}
		case "metadata":
			t.metadata(at, value)
		case "type":
			t.Plan.Template.Type = t.typed(at, value)
		case "immutable":
			immutable, ok := value.(bool)
			if !ok {
				t.Fail(field.Invalid(at, value, "must be true or false"))
				continue
			}
			t.Plan.Template.Immutable = &immutable
		case "data":
			t.Data(at, t.texts(at, value, plan.InData))
		case "stringData":
			t.StringData(at, t.texts(at, value, plan.InStringData))
		default:
			t.Fail(field.Forbidden(at, "a template may set metadata.labels, metadata.annotations, type, immutable, data and stringData"))
		}
	}
}

func (t *templateReader) metadata(at *field.Path, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		t.Fail(field.Invalid(at, field.OmitValueType{}, "must be an object"))
		return
	}
	for _, name := range present(object) {
		switch at := at.Child(name); name {
		case "labels":
			t.Labels(at, t.texts(at, object[name], plan.InLabels))
		case "annotations":
			t.Annotations(at, t.texts(at, object[name], plan.InAnnotations))
		default:
			t.Fail(field.Forbidden(at, "a template may set labels and annotations only; name, namespace and owner are the ExternalSecret's"))
		}
	}
}

// texts reads texts by name, and leaves to the engine what holds code.
func (t *templateReader) texts(at *field.Path, value any, part plan.Part) map[string]string {
	object, ok := value.(map[string]any)
	if !ok {
		t.Fail(field.Invalid(at, field.OmitValueType{}, "must be an object of strings"))
		return nil
	}
	texts := make(map[string]string, len(object))
	for _, key := range present(object) {
		text, ok := t.text(at.Key(key), object[key])
		switch {
		case ok && lodash.IsTemplate(text):
			t.Plan.Template.Engine = template.Lodash
			t.Make(at.Key(key), part, key, text)
		case ok:
			texts[key] = text
		}
	}
	return texts
}

func (t *templateReader) text(at *field.Path, value any) (string, bool) {
	text, ok := value.(string)
	if !ok {
		t.Fail(field.Invalid(at, field.OmitValueType{}, "must be a string: put it in quotes"))
	}
	return text, ok
}

// typed reads the type. KES renders it, too, and then uses the text as it stands.
func (t *templateReader) typed(at *field.Path, value any) string {
	text, ok := t.text(at, value)
	if ok && lodash.IsTemplate(text) {
		t.Fail(field.Forbidden(at, "the type cannot be made by a template: write the type itself"))
		return ""
	}
	return text
}

// present lists the members of an object that are not null, sorted.
func present(object map[string]any) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(object)), func(name string) bool { return object[name] == nil })
}

// secretType determines the type: the template's, else the deprecated spec.type, else Opaque.
func (t *templateReader) secretType() {
	at, old := t.at.Child("type"), t.in.templateType
	switch chosen := t.Plan.Template.Type; {
	case chosen == "" && old != "":
		t.Plan.Template.Type, at = old, t.in.at.Child("type")
	case old != "" && old != chosen:
		t.Fail(both(t.in.at.Child("type"), at.String()))
	}
	t.SecretType(at, t.Plan.Template.Type)
}

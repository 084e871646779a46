package kes

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
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
			t.Plan.Template.Type, _ = t.text(at, value)
		case "immutable":
			immutable, ok := value.(bool)
			if !ok {
				t.Fail(field.Invalid(at, value, "must be true or false"))
				continue
			}
			t.Plan.Template.Immutable = &immutable
		case "data", "stringData": // in this order: stringData wins, as the API server has it
			t.Data(at, t.texts(at, value), name == "data")
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
			t.Labels(at, t.texts(at, object[name]))
		case "annotations":
			t.Annotations(at, t.texts(at, object[name]))
		default:
			t.Fail(field.Forbidden(at, "a template may set labels and annotations only; name, namespace and owner are the ExternalSecret's"))
		}
	}
}

func (t *templateReader) texts(at *field.Path, value any) map[string]string {
	object, ok := value.(map[string]any)
	if !ok {
		t.Fail(field.Invalid(at, field.OmitValueType{}, "must be an object of strings"))
		return nil
	}
	texts := make(map[string]string, len(object))
	for _, key := range present(object) {
		if text, ok := t.text(at.Key(key), object[key]); ok {
			texts[key] = text
		}
	}
	return texts
}

func (t *templateReader) text(at *field.Path, value any) (string, bool) {
	text, ok := value.(string)
	if !ok {
		t.Fail(field.Invalid(at, field.OmitValueType{}, "must be a string: put it in quotes"))
		return "", false
	}
	switch {
	case strings.Contains(text, "<%"):
		t.Fail(field.Forbidden(at, "lodash templates (<% … %>) are not supported yet: write the value itself"))
		return "", false
	case interpolated.MatchString(text):
		t.Fail(field.Forbidden(at, "lodash templates (${ … }) are not supported yet: write the value itself; "+
			"text that holds ${ … } can be written in data, as base64"))
		return "", false
	}
	return text, true
}

// interpolated matches what lodash takes for code beside <% … %>: without a closing brace it is text.
var interpolated = regexp.MustCompile(`(?s)\$\{[^\\}]*(?:\\.[^\\}]*)*\}`)

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

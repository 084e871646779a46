package plan

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// DefaultSecretType is the type of a Secret whose object names none.
const DefaultSecretType = "Opaque"

// forbiddenTypes are Secrets that authenticate to the cluster itself: whoever may write an
// ExternalSecret must not mint them with the syncer's rights.
var forbiddenTypes = map[string]string{
	"kubernetes.io/service-account-token": "a service account's token would be issued into it",
	"bootstrap.kubernetes.io/token":       "it would let nodes join the cluster",
}

const maxAnnotationBytes = 256 * 1024 // the API server's own limit

func (b *builder) template() {
	t := &templateReader{builder: b, at: b.in.at.Child("template")}
	if raw := b.in.spec.Template; raw != nil {
		var document any
		if err := json.Unmarshal(raw.Raw, &document); err != nil {
			b.fail(field.Invalid(t.at, field.OmitValueType{}, "is not JSON"))
			return
		}
		object, ok := document.(map[string]any)
		if !ok {
			b.fail(field.Invalid(t.at, field.OmitValueType{}, "must be an object: the fields of a Secret"))
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
				t.fail(field.Invalid(at, value, "must be "+want+" or absent"))
			}
		case "metadata":
			t.metadata(at, value)
		case "type":
			t.plan.Template.Type, _ = t.text(at, value)
		case "immutable":
			immutable, ok := value.(bool)
			if !ok {
				t.fail(field.Invalid(at, value, "must be true or false"))
				continue
			}
			t.plan.Template.Immutable = &immutable
		case "data", "stringData": // in this order: stringData wins, as the API server has it
			t.data(at, value, name == "data")
		default:
			t.fail(field.Forbidden(at, "a template may set metadata.labels, metadata.annotations, type, immutable, data and stringData"))
		}
	}
}

func (t *templateReader) metadata(at *field.Path, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		t.fail(field.Invalid(at, field.OmitValueType{}, "must be an object"))
		return
	}
	for _, name := range present(object) {
		switch at := at.Child(name); name {
		case "labels":
			t.plan.Template.Labels = t.texts(at, object[name])
			t.labels(at)
		case "annotations":
			t.plan.Template.Annotations = t.texts(at, object[name])
			t.annotations(at)
		default:
			t.fail(field.Forbidden(at, "a template may set labels and annotations only; name, namespace and owner are the ExternalSecret's"))
		}
	}
}

func (t *templateReader) labels(at *field.Path) {
	for _, key := range slices.Sorted(maps.Keys(t.plan.Template.Labels)) {
		value := t.plan.Template.Labels[key]
		t.metadataKey(at.Key(key), key, key)
		for _, problem := range validation.IsValidLabelValue(value) {
			t.fail(field.Invalid(at.Key(key), value, problem))
		}
	}
}

func (t *templateReader) annotations(at *field.Path) {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(t.plan.Template.Annotations)) {
		t.metadataKey(at.Key(key), key, strings.ToLower(key)) // the API server cares for the case of labels alone
		size += len(key) + len(t.plan.Template.Annotations[key])
	}
	if size > maxAnnotationBytes {
		t.fail(field.TooLong(at, "", maxAnnotationBytes))
	}
}

// metadataKey judges the key of a label or an annotation, which is to be a qualified name as it is given.
func (t *templateReader) metadataKey(at *field.Path, key, name string) {
	if strings.HasPrefix(key, apiv1.ReservedPrefix) {
		t.fail(field.Forbidden(at, "keys under "+apiv1.ReservedPrefix+" are Secretgate's own"))
	}
	for _, problem := range validation.IsQualifiedName(name) {
		t.fail(field.Invalid(at, key, problem))
	}
}

// data reads data (base64) or stringData. Errors do not show the values: a template should hold no
// secret, but it may.
func (t *templateReader) data(at *field.Path, value any, encoded bool) {
	texts := t.texts(at, value)
	if t.plan.Template.Data == nil && len(texts) > 0 {
		t.plan.Template.Data = make(map[string][]byte, len(texts))
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		for _, problem := range validation.IsConfigMapKey(key) {
			t.fail(field.Invalid(at.Key(key), key, problem))
		}
		bytes := []byte(texts[key])
		if encoded {
			var err error
			if bytes, err = base64.StdEncoding.DecodeString(texts[key]); err != nil {
				t.fail(field.Invalid(at.Key(key), field.OmitValueType{}, "is not base64: use stringData for plain text"))
				continue
			}
		}
		t.plan.Template.Data[key] = bytes
	}
}

func (t *templateReader) texts(at *field.Path, value any) map[string]string {
	object, ok := value.(map[string]any)
	if !ok {
		t.fail(field.Invalid(at, field.OmitValueType{}, "must be an object of strings"))
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
		t.fail(field.Invalid(at, field.OmitValueType{}, "must be a string: put it in quotes"))
		return "", false
	}
	switch {
	case strings.Contains(text, "<%"):
		t.fail(field.Forbidden(at, "lodash templates (<% … %>) are not supported yet: write the value itself"))
		return "", false
	case interpolated.MatchString(text):
		t.fail(field.Forbidden(at, "lodash templates (${ … }) are not supported yet: write the value itself; "+
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

// secretType settles the type: the template's, else the deprecated spec.type, else Opaque.
func (t *templateReader) secretType() {
	at, old := t.at.Child("type"), t.in.templateType
	switch chosen := t.plan.Template.Type; {
	case chosen == "" && old != "":
		t.plan.Template.Type, at = old, t.in.at.Child("type")
	case old != "" && old != chosen:
		t.fail(both(t.in.at.Child("type"), at.String()))
	}
	if t.plan.Template.Type == "" {
		t.plan.Template.Type = DefaultSecretType
	}
	if why, forbidden := forbiddenTypes[t.plan.Template.Type]; forbidden {
		t.fail(field.Forbidden(at, fmt.Sprintf("a Secret of type %s may not be made from an ExternalSecret: %s", t.plan.Template.Type, why)))
	}
}

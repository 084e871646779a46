package eso

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

const (
	templateValues        = "Values"
	templateKeysAndValues = "KeysAndValues"
	mergeReplace          = "Replace"
	mergeMerge            = "Merge"
	targetData            = "Data"
)

// template is what the Secret is like beside the values.
func (b *builder) template(at *field.Path, t *v1.Template) {
	b.SecretType(at.Child("type"), t.Type)
	if t.EngineVersion != "" && t.EngineVersion != "v2" {
		b.Fail(field.NotSupported(at.Child("engineVersion"), t.EngineVersion, []string{"v2"}))
	}
	metadata := at.Child("metadata")
	b.static(metadata.Child("labels"), t.Metadata.Labels)
	b.static(metadata.Child("annotations"), t.Metadata.Annotations)
	b.Labels(metadata.Child("labels"), t.Metadata.Labels)
	b.Annotations(metadata.Child("annotations"), t.Metadata.Annotations)
	if len(t.Metadata.Finalizers) > 0 {
		b.unserved(metadata.Child("finalizers"), "are not served: nothing would ever remove them from the Secret")
	}
	switch t.MergePolicy {
	case "", mergeReplace:
		if len(t.Data)+len(t.TemplateFrom) > 0 {
			for n := range b.Plan.Entries {
				b.Plan.Entries[n].Use = plan.InTemplates
			}
		}
	case mergeMerge:
	default:
		b.Fail(field.NotSupported(at.Child("mergePolicy"), t.MergePolicy, []string{mergeReplace, mergeMerge}))
	}
	for n := range t.TemplateFrom {
		b.templateFrom(at.Child("templateFrom").Index(n), &t.TemplateFrom[n])
	}
	for _, name := range slices.Sorted(maps.Keys(t.Data)) {
		b.Make(at.Child("data").Key(name), plan.InStringData, name, t.Data[name])
	}
	if len(b.Plan.Template.Made) > 0 {
		b.Plan.Template.Engine, b.Plan.Template.Options = template.Go, template.Options{MissingKey: "error"}
	}
}

// static refuses templates of labels and annotations: they would show values to all who may read metadata.
func (b *builder) static(at *field.Path, texts map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if strings.Contains(texts[key], "{{") {
			b.unserved(at.Key(key), "may not be a template: labels and annotations are no secrets, and are shown to many")
		}
	}
}

func (b *builder) templateFrom(at *field.Path, from *v1.TemplateFrom) {
	switch {
	case from.Target != "" && from.Target != targetData:
		b.unserved(at.Child("target"), "must be Data: labels and annotations are no secrets, and are shown to many")
		return
	case from.ValuesDecodingStrategy != "" && from.ValuesDecodingStrategy != "None":
		b.unserved(at.Child("valuesDecodingStrategy"), "is not served: use b64dec in the template")
		return
	}
	if from.Secret != nil {
		b.unserved(at.Child("secret"), "is not served: the syncer reads no Secrets but for logins; keep templates in a ConfigMap, or here")
	}
	if from.Literal != "" {
		b.makeEach(at.Child("literal"), from.Literal)
	}
	if from.ConfigMap == nil {
		if from.Secret == nil && from.Literal == "" {
			b.Fail(field.Required(at, "configMap or literal is needed"))
		}
		return
	}
	at = at.Child("configMap")
	r, wrong := dialect.Local(at, configMapKind, b.Plan.Object.Namespace, "", from.ConfigMap.Name)
	if wrong != nil {
		b.Fail(wrong)
		return
	}
	configMap, missing := dialect.Find[*corev1.ConfigMap](b.resolved, at, r)
	if missing != nil {
		b.Fail(missing)
		return
	}
	for n, item := range from.ConfigMap.Items {
		at := at.Child("items").Index(n)
		text, found := configMap.Data[item.Key]
		switch {
		case !found:
			b.Fail(field.NotFound(at.Child("key"), item.Key))
			b.Errs[len(b.Errs)-1].Detail = "there is no such key in " + r.String() + " yet"
		case item.TemplateAs == "" || item.TemplateAs == templateValues:
			b.Make(at, plan.InStringData, item.Key, text)
		case item.TemplateAs == templateKeysAndValues:
			b.makeEach(at, text)
		default:
			b.Fail(field.NotSupported(at.Child("templateAs"), item.TemplateAs, []string{templateValues, templateKeysAndValues}))
		}
	}
}

// makeEach has a template make several entries.
func (b *builder) makeEach(at *field.Path, source string) {
	b.Plan.Template.Made = append(b.Plan.Template.Made, plan.Made{
		Text: template.Text{Field: at.String(), Source: source}, Part: plan.InStringData, Each: true,
	})
}

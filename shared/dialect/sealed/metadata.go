package sealed

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// given are fields of metadata that kubeseal copies from the Secret that it seals, and that mean nothing in a template: name, namespace and
// owner are the object's, and the API server sets all others.
const given = ` name namespace ownerReferences generateName creationTimestamp deletionTimestamp deletionGracePeriodSeconds generation
	managedFields resourceVersion selfLink uid `

// metadata is what the Secret has beside its entries.
func (b *builder) metadata(at *field.Path, m *v1alpha1.Metadata) {
	b.Labels(at.Child("labels"), b.withoutMarks(at.Child("labels"), b.texts(at.Child("labels"), m.Labels)))
	annotations := b.withoutMarks(at.Child("annotations"), b.texts(at.Child("annotations"), m.Annotations))
	b.Annotations(at.Child("annotations"), annotations)
	if annotations[v1alpha1.AnnotationSkipOwner] == v1alpha1.True {
		b.Plan.Target.DeletionPolicy = plan.DeletionRetain
	}
	others := m.Others()
	for _, name := range slices.Sorted(maps.Keys(others)) {
		at, value := at.Child(name), others[name]
		switch {
		case value == "null", value == "{}", value == "[]":
		case name == "labels", name == "annotations":
			b.Fail(field.TypeInvalid(at, field.OmitValueType{}, "must be an object of texts"))
		case name == "name" && value == quoted(b.Plan.Object.Name), name == "namespace" && value == quoted(b.Plan.Object.Namespace):
		case slices.Contains(strings.Fields(given), name):
			b.Warn("%s has no effect: it is not the template's to say: remove it", at)
		case name == "finalizers":
			b.unserved(at, "are not served: nothing would ever remove them from the Secret")
		default:
			b.unserved(at, "is not served: a template has labels and annotations")
		}
	}
}

// quoted is a name as JSON has it.
func quoted(name string) string { return `"` + name + `"` }

// withoutMarks leaves out what the syncer itself has on each Secret. kubeseal copies it from one that it seals, such as a Secret that is
// sealed again after all keys were lost.
func (b *builder) withoutMarks(at *field.Path, texts map[string]string) map[string]string {
	for _, mark := range []string{names.LabelManaged, names.AnnotationOwnerUID, names.AnnotationDataRevision} {
		if _, marked := texts[mark]; marked {
			b.Warn("%s has no effect: the syncer sets it on each Secret: remove it", at.Key(mark))
			delete(texts, mark)
		}
	}
	return texts
}

// texts are those of labels or annotations.
func (b *builder) texts(at *field.Path, all map[string]v1alpha1.Text) map[string]string {
	if all == nil {
		return nil
	}
	texts := make(map[string]string, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		text, is := all[key].Get()
		if !is {
			b.Fail(field.TypeInvalid(at.Key(key), field.OmitValueType{}, "must be a text: put it in quotes"))
			continue
		}
		texts[key] = text
	}
	return texts
}

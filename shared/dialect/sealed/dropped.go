package sealed

import (
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
)

// dropped warns of nulls that did not arrive: since 1.31, `kubectl apply` takes null for "no such field" and does not send it, so that a
// value which its author kept out of the Secret would be in it. What was applied is in an annotation.
func (b *builder) dropped(at *field.Path, object *v1alpha1.SealedSecret) {
	var applied struct {
		Spec struct {
			Template struct{ Data map[string]v1alpha1.Text }
		}
	}
	if json.Unmarshal([]byte(object.Annotations[corev1.LastAppliedConfigAnnotation]), &applied) != nil {
		return // there is none, or it is no object
	}
	for _, name := range slices.Sorted(maps.Keys(applied.Spec.Template.Data)) {
		_, sealed := object.Spec.EncryptedData[name]
		_, arrived := object.Spec.Template.Data[name]
		if sealed && !arrived && applied.Spec.Template.Data[name].IsNull() {
			b.Warn("%s is null in what was applied, and was dropped by kubectl: the Secret has the sealed value: use kubectl apply --server-side",
				at.Key(name))
		}
	}
}

package sealed

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// The scopes, as kubeseal --scope names them.
const (
	scopeStrict        = "strict"
	scopeNamespaceWide = "namespace-wide"
	scopeClusterWide   = "cluster-wide"
)

// scope is for what objects the values of one may have been sealed. It is exact: RSA-OAEP opens nothing under another label.
type scope struct {
	name  string
	label string
	at    *field.Path // where the object says so
}

// scopeOf is that of an object, by its own annotations. What its template says of the Secret means nothing.
func scopeOf(object metav1.Object) scope {
	annotations, at := object.GetAnnotations(), field.NewPath("metadata", "annotations")
	switch {
	case annotations[v1alpha1.AnnotationClusterWide] == v1alpha1.True:
		return scope{scopeClusterWide, "", at.Key(v1alpha1.AnnotationClusterWide)}
	case annotations[v1alpha1.AnnotationNamespaceWide] == v1alpha1.True:
		return scope{scopeNamespaceWide, object.GetNamespace(), at.Key(v1alpha1.AnnotationNamespaceWide)}
	}
	return scope{scopeStrict, object.GetNamespace() + "/" + object.GetName(), at}
}

// scope has policy judge the scope of the object.
func (b *builder) scope(s scope) {
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{
		At: s.at.String(), Value: s.name, Annotation: names.AnnotationPermittedSealingScope,
	})
	for _, annotation := range []string{v1alpha1.AnnotationClusterWide, v1alpha1.AnnotationNamespaceWide} {
		if value, set := b.annotations[annotation]; set && value != v1alpha1.True {
			b.Warn("metadata.annotations[%s] has no effect: it counts with the value \"true\" alone", annotation)
		}
	}
	if s.name == scopeClusterWide && b.annotations[v1alpha1.AnnotationNamespaceWide] == v1alpha1.True {
		b.Warn("metadata.annotations[%s] has no effect beside %s: remove it", v1alpha1.AnnotationNamespaceWide, v1alpha1.AnnotationClusterWide)
	}
}

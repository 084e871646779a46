package eso

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// conditions judges the form of those of a ClusterSecretStore.
func (b *builder) conditions(at *field.Path, all []v1.Condition) {
	for n, c := range all {
		at := at.Index(n)
		for m, pattern := range c.NamespaceRegexes {
			at := at.Child("namespaceRegexes").Index(m)
			b.Canonical(at, pattern, plan.Pattern)
			if pattern != "" && (pattern[0] != '^' || pattern[len(pattern)-1] != '$') {
				b.Warn("%s is found anywhere in a name, so that team-a admits not-team-a, too: write ^(%s)$", at, pattern)
			}
		}
		if c.NamespaceSelector != nil {
			if _, err := metav1.LabelSelectorAsSelector(c.NamespaceSelector); err != nil {
				b.Fail(field.Invalid(at.Child("namespaceSelector"), field.OmitValueType{}, "is no selector: "+err.Error()))
			}
		}
	}
}

// confine says which namespaces a ClusterSecretStore admits.
func (b *builder) confine(r storeRef, all []v1.Condition) {
	if len(all) == 0 {
		return
	}
	c := plan.Confined{At: r.at.String(), What: r.String(), By: "spec.conditions"}
	for _, one := range all {
		c.To = append(c.To, plan.NamespaceMatch{Names: one.Namespaces, Patterns: one.NamespaceRegexes, Selector: one.NamespaceSelector})
	}
	b.Plan.Confined = append(b.Plan.Confined, c)
}

// permitStore has policy judge which store an object reads through.
func (b *builder) permitStore(r storeRef) {
	b.Plan.Choices = append(b.Plan.Choices, plan.Choice{
		At: r.at.Child("name").String(), Value: r.Kind.Kind + "/" + r.Name, Annotation: names.AnnotationPermittedStore,
	})
}

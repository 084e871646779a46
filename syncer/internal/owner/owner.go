// Package owner reads from a Secret which object owns it. Labels prove nothing.
package owner

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
)

// Reference is what a Secret says about its owner.
type Reference struct {
	// Controller is the reference to the object; nil: there is none.
	Controller *metav1.OwnerReference
	// Retained is the uid of the owner of a Secret that outlives it: an annotation holds it, since a reference would have the
	// Secret collected. Empty: there is none.
	Retained types.UID
}

// Of reads the owner of a Secret.
func Of(secret metav1.Object) Reference {
	return Reference{
		Controller: metav1.GetControllerOfNoCopy(secret), Retained: types.UID(secret.GetAnnotations()[names.AnnotationOwnerUID]),
	}
}

// UID is that of the object that owns the Secret; empty: there is none. A controller reference proves more than an annotation.
func (r Reference) UID() types.UID {
	if r.Controller != nil {
		return r.Controller.UID
	}
	return r.Retained
}

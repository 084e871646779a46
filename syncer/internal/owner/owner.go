// Package owner reads from a Secret whose it is. Labels prove nothing.
package owner

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/names"
)

// Claim is what a Secret says of whose it is.
type Claim struct {
	// Controller is the reference to it; nil: there is none.
	Controller *metav1.OwnerReference
	// Retained is the uid of the object that keeps it by an annotation, as a reference would have it collected; empty: there is none.
	Retained types.UID
}

// Of reads the claim on a Secret.
func Of(secret metav1.Object) Claim {
	return Claim{
		Controller: metav1.GetControllerOfNoCopy(secret), Retained: types.UID(secret.GetAnnotations()[names.AnnotationOwnerUID]),
	}
}

// UID is that of the object whose the Secret is; empty: there is none. A controller proves more than an annotation.
func (c Claim) UID() types.UID {
	if c.Controller != nil {
		return c.Controller.UID
	}
	return c.Retained
}

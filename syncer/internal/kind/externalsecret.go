// Package kind holds what is particular to each kind of objects that the syncer serves. A further kind is a function that
// makes Plans of its objects, a file here, and a line in package app.
package kind

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

// ExternalSecrets are those whose controllerId equals instanceID. An object's Secret has its name.
func ExternalSecrets(defaults plan.Defaults, instanceID string) controller.API {
	return controller.API{
		Name: "externalsecret",
		New:  func() controller.Object { return &apiv1.ExternalSecret{} },
		List: &apiv1.ExternalSecretList{},
		Plan: func(object controller.Object) (*plan.Plan, field.ErrorList) {
			es, _ := object.(*apiv1.ExternalSecret) // as New makes them
			return plan.From(es, defaults)
		},
		Serves: func(object controller.Object) bool {
			es, ok := object.(*apiv1.ExternalSecret)
			return ok && plan.ServedBy(es, instanceID)
		},
		Rival: "if kubernetes-external-secrets still runs, scale it to zero, " +
			"or give each of the two its own objects by INSTANCE_ID and spec.controllerId",
		Advice: apply.Advice{
			Elsewhere: "rename this ExternalSecret",
			Adopt: "to take it over set spec.adoptExisting, and on the namespace the annotation " +
				apiv1.AnnotationPermitAdopt + `: "true"`,
		},
	}
}

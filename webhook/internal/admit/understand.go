package admit

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// Understanding turns the JSON of an object into its Plan, as plan.Examine does. The namespace is where the object will be; it
// may not say so itself. The error is of what is no such object.
type Understanding func(raw []byte, namespace string) (*plan.Plan, field.ErrorList, error)

// ExternalSecrets understands them.
func ExternalSecrets(defaults plan.Defaults) Understanding {
	return func(raw []byte, namespace string) (*plan.Plan, field.ErrorList, error) {
		if err := bounded(raw); err != nil { // no schema bounds a template
			return nil, nil, err
		}
		es := &apiv1.ExternalSecret{}
		if err := json.Unmarshal(raw, es); err != nil {
			return nil, nil, err
		}
		es.Namespace = namespace
		p, errs := plan.Examine(es, defaults)
		return p, errs, nil
	}
}

// SecretDefinitions understands them.
func SecretDefinitions(where plan.Definitions) Understanding {
	return func(raw []byte, namespace string) (*plan.Plan, field.ErrorList, error) {
		if err := bounded(raw); err != nil {
			return nil, nil, err
		}
		d := &v1alpha1.SecretDefinition{}
		if err := json.Unmarshal(raw, d); err != nil {
			return nil, nil, err
		}
		d.Namespace = namespace
		p, errs := plan.ExamineDefinition(d, where)
		return p, errs, nil
	}
}

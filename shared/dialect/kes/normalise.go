package kes

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
)

// input is the spec with its deprecated fields moved to where they belong, and where the object
// really has it, so that messages point at what the user wrote.
type input struct {
	spec         apiv1.ExternalSecretSpec
	at           *field.Path // spec or secretDescriptor
	dataName     string      // data or properties
	templateType string      // the deprecated spec.type, where the template has none
}

// normalise reads the deprecated fields. The webhook has removed them from what it let pass, and
// it alone can tell which of two fields is the user's; here both at once are an error.
func normalise(es *apiv1.ExternalSecret) (*input, field.ErrorList) {
	in := &input{spec: es.Spec, at: field.NewPath("spec"), dataName: "data"}
	var errs field.ErrorList
	if descriptor := es.SecretDescriptor; descriptor != nil {
		at := field.NewPath("secretDescriptor")
		spec, err := apiv1.DecodeSpec(descriptor.Raw)
		switch {
		case err != nil:
			return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "does not fit the CRD: "+err.Error())}
		case reflect.ValueOf(es.Spec).IsZero():
			in.spec, in.at = *spec, at
		case !reflect.DeepEqual(es.Spec, *spec):
			return nil, field.ErrorList{both(at, "spec")}
		}
	}
	if in.spec.Backend == apiv1.BackendDeprecatedSecretMgr {
		in.spec.Backend = apiv1.BackendAWSSecretsManager
	}
	switch properties := in.spec.Properties; {
	case len(properties) == 0:
	case len(in.spec.Data) == 0:
		in.spec.Data, in.dataName = properties, "properties"
	case !reflect.DeepEqual(in.spec.Data, properties):
		errs = append(errs, both(in.at.Child("properties"), in.at.Child("data").String()))
	}
	in.templateType = in.spec.Type
	return in, errs
}

func both(deprecated *field.Path, target string) *field.Error {
	return field.Forbidden(deprecated, fmt.Sprintf("is the deprecated name of %s, which is set too: remove %s", target, deprecated))
}

package check

import (
	"context"
	_ "embed" // the CRDs
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/near"
)

// crd is a copy of the one in crds/, which cannot be embedded from there; a test compares them.
//
//go:embed crd.yaml
var crd []byte

// definitionCRD is a copy, too, of that of SecretDefinitions.
//
//go:embed secretdefinition.yaml
var definitionCRD []byte

// schema is that of the CRD, judged by the API server's own code. It may be used concurrently.
type schema struct {
	structural *structural.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

func newSchema(crd []byte) (*schema, error) {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(crd, definition); err != nil {
		return nil, fmt.Errorf("read the built-in CRD: %w", err)
	}
	properties := &apiextensions.JSONSchemaProps{}
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		definition.Spec.Versions[0].Schema.OpenAPIV3Schema, properties, nil)
	if err != nil {
		return nil, fmt.Errorf("read the schema of the built-in CRD: %w", err)
	}
	s := &schema{}
	if s.structural, err = structural.NewStructural(properties); err != nil {
		return nil, fmt.Errorf("read the schema of the built-in CRD: %w", err)
	}
	if s.openAPI, _, err = validation.NewSchemaValidator(properties); err != nil {
		return nil, fmt.Errorf("read the schema of the built-in CRD: %w", err)
	}
	s.rules = cel.NewValidator(s.structural, true, celconfig.PerCallLimit)
	return s, nil
}

// prune removes the fields that the schema does not know, as the API server does, and lists them.
func (s *schema) prune(value map[string]any) (unknown []string) {
	return pruning.PruneWithOptions(value, s.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

// dropNulls removes the members that are null, as the API server does where the schema lets none be, and lists them.
func (s *schema) dropNulls(value map[string]any) (dropped []string) {
	before := runtime.DeepCopyJSON(value)
	defaulting.PruneNonNullableNullsWithoutDefaults(value, s.structural)
	return lost(before, value, nil)
}

// lost lists what is in before, and not in after, in order.
func lost(before, after any, at *field.Path) (paths []string) {
	switch before := before.(type) {
	case map[string]any:
		after, _ := after.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if below, kept := after[name]; kept {
				paths = append(paths, lost(before[name], below, at.Child(name))...)
			} else {
				paths = append(paths, at.Child(name).String())
			}
		}
	case []any:
		after, _ := after.([]any)
		for i := range before {
			paths = append(paths, lost(before[i], after[i], at.Index(i))...)
		}
	}
	return paths
}

// fieldNear ends a message about a field that the schema does not know, with the one beside it that was probably meant.
func (s *schema) fieldNear(path string) string {
	parent := strings.TrimSuffix(path, path[strings.LastIndexByte(path, '.')+1:])
	beside := s.at(parent)
	if beside == nil {
		return ""
	}
	var names []string
	for name, property := range beside.Properties {
		if !strings.HasPrefix(property.Description, "Deprecated") && !strings.Contains(property.Description, "not supported") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return didYouMean(near.Name(path[len(parent):], names))
}

// guess adds to the errors of values that are none of a few the one that was probably meant.
func (s *schema) guess(errs field.ErrorList, value map[string]any) field.ErrorList {
	guessed := make(field.ErrorList, 0, len(errs))
	for _, err := range errs {
		var names []string
		is := fmt.Sprint(err.BadValue)
		switch at := s.at(err.Field); {
		case err.Field == "spec.backendType": // whose rule of the CRD lists no names
			is, _, _ = unstructured.NestedString(value, "spec", "backendType")
			for _, backend := range apiv1.Backends() {
				if is != string(apiv1.BackendIBM) { // it is meant, and near another one
					names = append(names, string(backend))
				}
			}
		case err.Type == field.ErrorTypeNotSupported && at != nil && at.ValueValidation != nil:
			for _, one := range at.ValueValidation.Enum {
				name, _ := one.Object.(string)
				names = append(names, name)
			}
		}
		other := *err
		other.Detail += didYouMean(near.Name(is, names))
		guessed = append(guessed, &other)
	}
	return guessed
}

// at is the schema of what a path leads to, nil where it leads nowhere. The keys of maps may hold dots.
func (s *schema) at(path string) *structural.Structural {
	here, inMap := s.structural, false
	for _, step := range steps(path) {
		below, known := here.Properties[step]
		switch {
		case known:
			here, inMap = &below, false
		case here.Items != nil:
			here = here.Items
		case here.AdditionalProperties != nil && here.AdditionalProperties.Structural != nil:
			here, inMap = here.AdditionalProperties.Structural, true
		case !inMap:
			return nil
		}
	}
	return here
}

// validate does what the API server does before it asks validating webhooks. CEL rules assume
// that the fields are of their types, so that they come last.
func (s *schema) validate(ctx context.Context, value map[string]any) field.ErrorList {
	errs := validation.ValidateCustomResource(nil, value, s.openAPI)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, value)...)
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return errs
		default: // leaves the types as they should be
		}
	}
	broken, _ := s.rules.Validate(ctx, nil, s.structural, value, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}

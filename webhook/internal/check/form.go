package check

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/secretgate/secretgate/shared/near"
)

// form is what a CRD demands of its objects, judged by the API server's own code. It may be used concurrently. A nil one demands
// nothing.
type form struct {
	structural *structural.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
	namespaced bool
	dotted     bool // it separates members of maps by dots, which keys may have, too: a Plan names them better
}

func newForm(definition *apiextensionsv1.CustomResourceDefinition, version string) (*form, error) {
	var versions []string
	for _, v := range definition.Spec.Versions {
		if v.Name == version && v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			return formOf(v.Schema.OpenAPIV3Schema, definition.Spec.Scope)
		}
		versions = append(versions, v.Name)
	}
	return nil, fmt.Errorf("%s has no schema of version %s, but %s", definition.Name, version, strings.Join(versions, ", "))
}

// hasSchema reports whether a CRD has one of a version.
func hasSchema(definition *apiextensionsv1.CustomResourceDefinition, version string) bool {
	return slices.ContainsFunc(definition.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == version && v.Schema != nil && v.Schema.OpenAPIV3Schema != nil
	})
}

func formOf(schema *apiextensionsv1.JSONSchemaProps, scope apiextensionsv1.ResourceScope) (*form, error) {
	properties := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, properties, nil); err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	f := &form{namespaced: scope != apiextensionsv1.ClusterScoped}
	var err error
	if f.structural, err = structural.NewStructural(properties); err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	if f.openAPI, _, err = validation.NewSchemaValidator(properties); err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	f.rules = cel.NewValidator(f.structural, true, celconfig.PerCallLimit)
	f.dotted = mapsObjects(f.structural)
	return f, nil
}

// mapsObjects reports whether there is a map of objects somewhere in a schema.
func mapsObjects(s *structural.Structural) bool {
	if s == nil {
		return false
	}
	if more := s.AdditionalProperties; more != nil && more.Structural != nil {
		if len(more.Structural.Properties) > 0 || mapsObjects(more.Structural) {
			return true
		}
	}
	for _, property := range s.Properties {
		if mapsObjects(&property) {
			return true
		}
	}
	return mapsObjects(s.Items)
}

// prune removes the fields that the schema does not know, as the API server does, and lists them.
func (f *form) prune(value map[string]any) (unknown []string) {
	if f == nil {
		return nil
	}
	return pruning.PruneWithOptions(value, f.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

// dropNulls removes the members that are null, as the API server does where the schema lets none be, and lists them.
func (f *form) dropNulls(value map[string]any) (dropped []string) {
	if f == nil {
		return nil
	}
	before := runtime.DeepCopyJSON(value)
	defaulting.PruneNonNullableNullsWithoutDefaults(value, f.structural)
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
func (f *form) fieldNear(path string) string {
	parent := strings.TrimSuffix(path, path[strings.LastIndexByte(path, '.')+1:])
	beside := f.at(parent)
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

// guess adds to errors of values that are none of a few the one that was probably meant. What a Plan has to say knows the few where
// the schema has a rule without them.
func guess(errs, planned field.ErrorList) field.ErrorList {
	guessed := make(field.ErrorList, 0, len(errs))
	for _, err := range errs {
		other := *err
		for _, candidate := range append(field.ErrorList{err}, planned...) {
			if candidate.Field == err.Field && candidate.Type == field.ErrorTypeNotSupported {
				other.Detail += didYouMean(near.Name(fmt.Sprint(candidate.BadValue), supported(candidate)))
				break
			}
		}
		guessed = append(guessed, &other)
	}
	return guessed
}

var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// supported lists the values that an error of field.NotSupported names.
func supported(err *field.Error) []string {
	var values []string
	for _, one := range quotedText.FindAllString(err.Detail, -1) {
		if value, err := strconv.Unquote(one); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// at is the schema of what a path leads to, nil where it leads nowhere. The keys of maps may hold dots.
func (f *form) at(path string) *structural.Structural {
	if f == nil {
		return nil
	}
	here, inMap := f.structural, false
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
func (f *form) validate(ctx context.Context, value map[string]any) field.ErrorList {
	if f == nil {
		return nil
	}
	errs := validation.ValidateCustomResource(nil, value, f.openAPI)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, f.structural, value)...)
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return errs
		default: // leaves the types as they should be
		}
	}
	broken, _ := f.rules.Validate(ctx, nil, f.structural, value, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}

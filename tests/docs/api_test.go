package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/reference"
)

// TestReference keeps the page of the APIs' fields as the CRDs say. With UPDATE_REFERENCE set it writes the page.
func TestReference(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "crds", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d CRDs and %v, want some", len(files), err)
	}
	page := "# The fields of the APIs\n\nWritten from the CRDs by `make generate`. A field without a default may be left out if it is not required. " +
		"`kubectl explain` shows the\nsame for one field at a time. What the fields do together is on [the page of each API](../../README.md#the-apis-it-serves).\n"
	for _, file := range files {
		page += describe(t, file)
	}
	path := filepath.Join(root, "kustomize", "docs", "api.md")
	if os.Getenv("UPDATE_REFERENCE") != "" {
		if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	present, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(present) != page {
		t.Error("got a page of fields that is stale, want it as the CRDs are: run make generate-reference")
	}
}

// describe writes all versions of a CRD.
func describe(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var page strings.Builder
	for _, v := range crd.Spec.Versions {
		written := map[string]string{}
		schema := v.Schema.OpenAPIV3Schema
		fmt.Fprintf(&page, "\n## %s\n\n`%s/%s`, %s", crd.Spec.Names.Kind, crd.Spec.Group, v.Name, strings.ToLower(string(crd.Spec.Scope)))
		if names := crd.Spec.Names.ShortNames; len(names) > 0 {
			fmt.Fprintf(&page, ", short name `%s`", strings.Join(names, "`, `"))
		}
		fmt.Fprintf(&page, ". %s\n", sentence(schema.Description))
		for _, known := range []string{"apiVersion", "kind", "metadata"} { // what every object has
			delete(schema.Properties, known)
		}
		describeObject(&page, written, "", schema)
	}
	return page.String()
}

// describeObject writes a table of an object's fields, then one for each field that is an object itself, or a list or map of objects.
// Of fields that are written already, under another path, it says which.
func describeObject(page *strings.Builder, written map[string]string, path string, schema *apiextensionsv1.JSONSchemaProps) {
	if path != "" {
		fmt.Fprintf(page, "\n### %s\n", strings.TrimPrefix(path, "."))
	}
	var rows [][]string
	names := slices.Sorted(maps.Keys(schema.Properties))
	for _, name := range names {
		field := schema.Properties[name]
		rows = append(rows, []string{"`" + name + "`", typeOf(&field), defaultOf(schema, name, &field), limits(&field), sentence(field.Description)})
	}
	table := reference.Table([]string{"field", "type", "required, default", "limits", "meaning"}, rows)
	if same := written[table]; same != "" {
		fmt.Fprintf(page, "\nThe fields of `%s`.\n", same)
		return
	}
	written[table] = strings.TrimPrefix(path, ".")
	page.WriteString("\n" + strings.TrimSpace(table) + "\n")
	for i, rule := range schema.XValidations {
		if i == 0 {
			page.WriteString("\nRules:\n\n")
		}
		fmt.Fprintf(page, "- %s\n", ruleOf(rule))
	}
	for _, name := range names {
		field := schema.Properties[name]
		switch items, values := field.Items, field.AdditionalProperties; {
		case len(field.Properties) > 0:
			describeObject(page, written, path+"."+name, &field)
		case items != nil && len(items.Schema.Properties) > 0:
			describeObject(page, written, path+"."+name+"[]", items.Schema)
		case values != nil && values.Schema != nil && len(values.Schema.Properties) > 0:
			describeObject(page, written, path+"."+name+".*", values.Schema)
		}
	}
}

func typeOf(field *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case field.Items != nil:
		return "list of " + typeOf(field.Items.Schema)
	case field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil:
		return "map of " + typeOf(field.AdditionalProperties.Schema)
	case field.XIntOrString:
		return "integer or string"
	case field.Format != "":
		return field.Type + " (" + field.Format + ")"
	}
	return field.Type
}

func defaultOf(parent *apiextensionsv1.JSONSchemaProps, name string, field *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case field.Default != nil:
		return "`" + string(field.Default.Raw) + "`"
	case slices.Contains(parent.Required, name):
		return "required"
	}
	return ""
}

// limits are the constraints of one field, and of the items of a list.
func limits(field *apiextensionsv1.JSONSchemaProps) string {
	var found []string
	add := func(format string, value any) { found = append(found, fmt.Sprintf(format, value)) }
	var values []string
	for _, value := range field.Enum {
		var text any
		if err := json.Unmarshal(value.Raw, &text); err == nil {
			values = append(values, fmt.Sprintf("`%v`", text))
		}
	}
	if len(values) > 0 {
		add("one of %s", strings.ReplaceAll(strings.Join(values, ", "), "``", "empty"))
	}
	for format, limit := range ordered(field) {
		add(format, limit)
	}
	if i := slices.Index(found, "1 characters at least"); i >= 0 {
		found[i] = "not empty"
	}
	if field.Pattern != "" {
		add("matches `%s`", field.Pattern)
	}
	if len(field.Properties) == 0 { // else they are below the object's own table
		for _, rule := range field.XValidations {
			add("%s", ruleOf(rule))
		}
	}
	if field.Items != nil {
		if of := limits(field.Items.Schema); of != "" && len(field.Items.Schema.Properties) == 0 {
			add("each: %s", of)
		}
	}
	if field.XPreserveUnknownFields != nil && *field.XPreserveUnknownFields {
		found = append(found, "any fields")
	}
	return strings.Join(found, "; ")
}

// ordered yields the numeric limits that are set, in one order.
func ordered(field *apiextensionsv1.JSONSchemaProps) func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for _, l := range []struct {
			format string
			value  *int64
		}{
			{"%d characters at least", field.MinLength},
			{"%d characters at most", field.MaxLength},
			{"%d items at least", field.MinItems},
			{"%d items at most", field.MaxItems},
			{"%d members at most", field.MaxProperties},
		} {
			if l.value != nil && !yield(l.format, *l.value) {
				return
			}
		}
		if field.Minimum != nil && !yield("at least %v", *field.Minimum) {
			return
		}
		if field.Maximum != nil {
			yield("at most %v", *field.Maximum)
		}
	}
}

// ruleOf is a rule as a reader needs it: what the API server says when it is broken, else the rule itself.
func ruleOf(rule apiextensionsv1.ValidationRule) string {
	if rule.Message != "" {
		return rule.Message
	}
	return "`" + rule.Rule + "`"
}

var spaces = regexp.MustCompile(`\s+`)

// sentence is a description on one line. What stands in angle brackets or has underscores would be read as Markdown.
func sentence(description string) string {
	text := strings.TrimSpace(spaces.ReplaceAllString(description, " "))
	return strings.NewReplacer("<", `\<`, "*", `\*`).Replace(text)
}

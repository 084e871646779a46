package render

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// layers lays what was read over the template's data, and its other texts over that.
func layers(ctx context.Context, p *plan.Plan, read *output, templates Templates) (*Secret, []*Error) {
	t := &p.Template
	s := &Secret{
		Data:        maps.Clone(t.Data),
		Labels:      t.Labels,
		Annotations: t.Annotations,
		Type:        t.Type,
		Immutable:   t.Immutable,
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	if len(t.Made) == 0 {
		maps.Copy(s.Data, read.secret)
		maps.Copy(s.Data, t.StringData)
		return s, nil
	}
	texts, errs := rendered(ctx, p, &read.templates, templates)
	if len(errs) > 0 {
		return nil, errs
	}
	s.Labels, s.Annotations = clone(t.Labels), clone(t.Annotations) // the plan's own stay
	above := map[string][]byte{}
	maps.Copy(above, t.StringData)
	for i, made := range t.Made {
		if problem := putAll(made, texts[i], s, above); problem != "" {
			errs = append(errs, &Error{Field: made.Field, Problem: problem, Template: template.Output})
		}
	}
	if plan.AnnotationBytes(s.Annotations) > plan.MaxAnnotationBytes {
		errs = append(errs, &Error{Field: p.Words.Spec, Template: template.Output,
			Problem: fmt.Sprintf("the annotations that templates make have more than %d bytes together", plan.MaxAnnotationBytes)})
	}
	maps.Copy(s.Data, read.secret)
	maps.Copy(s.Data, above)
	return s, errs
}

// rendered asks for the texts of the templates.
func rendered(ctx context.Context, p *plan.Plan, read *ordered, templates Templates) ([][]byte, []*Error) {
	values := make([]template.Entry, 0, len(read.names)+len(p.Template.Inputs))
	for _, name := range slices.Sorted(maps.Keys(p.Template.Inputs)) {
		if _, own := read.data[name]; !own {
			values = append(values, template.Entry{Name: name, Data: p.Template.Inputs[name]})
		}
	}
	for _, name := range read.names {
		values = append(values, template.Entry{Name: name, Data: read.data[name]})
	}
	answer, err := templates(ctx, p, values)
	if err != nil {
		return nil, []*Error{{Field: p.Words.Spec, Problem: err.Error(), Late: true, Template: template.Busy}}
	}
	var errs []*Error
	for _, problem := range answer.Problems {
		errs = append(errs, &Error{Field: problem.Field, Problem: problem.Sentence(), Template: problem.Kind})
	}
	if len(errs) == 0 && len(answer.Rendered) != len(p.Template.Made) {
		errs = append(errs, &Error{Field: p.Words.Spec, Problem: "not all templates were rendered", Late: true, Template: template.Busy})
	}
	return answer.Rendered, errs
}

// putAll puts what a template made where it belongs, or says why it cannot be there. It never repeats any of it.
func putAll(made plan.Made, text []byte, s *Secret, above map[string][]byte) (problem string) {
	if !made.Each {
		return put(made.Part, made.Name, text, s, above)
	}
	var texts map[string]string
	if json.Unmarshal(text, &texts) != nil { // a worker says so itself
		return "what the template makes is not an object of texts"
	}
	if len(texts) > maxEntries {
		return fmt.Sprintf("the template makes more than %d names: split the object", maxEntries)
	}
	isName := validation.IsConfigMapKey
	if made.Part == plan.InLabels || made.Part == plan.InAnnotations {
		isName = validation.IsQualifiedName
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if problems := isName(name); len(problems) > 0 {
			return "the template makes a name that no Secret can have: " + strings.Join(problems, "; ")
		}
		if problem := put(made.Part, name, []byte(texts[name]), s, above); problem != "" {
			return problem
		}
	}
	return ""
}

func put(part plan.Part, name string, text []byte, s *Secret, above map[string][]byte) (problem string) {
	switch part {
	case plan.InLabels:
		if len(validation.IsValidLabelValue(string(text))) > 0 {
			return "what the template makes cannot be the value of a label: it must be 63 characters or less, " +
				"begin and end with a letter or digit, and have letters, digits, '-', '_' and '.' between"
		}
		s.Labels[name] = string(text)
	case plan.InAnnotations:
		if !utf8.Valid(text) {
			return "what the template makes is not UTF-8, as the value of an annotation must be"
		}
		s.Annotations[name] = string(text)
	case plan.InStringData:
		above[name] = text
	case plan.InData:
		value, err := base64.StdEncoding.DecodeString(string(text)) // line ends count for nothing, as in the API server
		if err != nil {
			return "what the template makes is not base64: make it so, or use stringData for plain text"
		}
		s.Data[name] = value
	}
	return ""
}

func clone(texts map[string]string) map[string]string {
	if texts == nil {
		return map[string]string{}
	}
	return maps.Clone(texts)
}

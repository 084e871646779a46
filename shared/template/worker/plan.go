package worker

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// Render makes the texts of a plan's templates of its entries, in the order of its Template.Made.
func (p *Pool) Render(ctx context.Context, of *plan.Plan, entries []template.Entry) (template.Answer, error) {
	request := requestOf(of)
	request.Values = entries
	return p.Do(ctx, of.Object.Namespace, pathOf(of), request)
}

// Check compiles a plan's templates. It returns what is wrong with them, and sentences that begin with a path for the person who
// applies the object. An error says that nothing is known of them, which another attempt may have.
func (p *Pool) Check(ctx context.Context, of *plan.Plan) (wrong field.ErrorList, warnings []string, err error) {
	made := of.Template.Made
	if len(made) == 0 {
		return nil, nil, nil
	}
	request := requestOf(of)
	request.Check = true
	answer, err := p.Do(ctx, of.Object.Namespace, pathOf(of), request)
	if err != nil {
		return nil, nil, err
	}
	for _, problem := range answer.Problems {
		wrong = append(wrong, &field.Error{
			Type: field.ErrorTypeInvalid, Field: problem.Field, BadValue: field.OmitValueType{}, Detail: problem.Sentence(),
		})
	}
	for i, uses := range answer.Uses {
		if i < len(made) {
			warnings = append(warnings, doubts(of, made[i], uses)...)
		} else if i -= len(made); i < len(of.Template.Options.Library) { // it makes nothing, and what it sees is up to those that call it
			text := of.Template.Options.Library[i]
			warnings = append(warnings, doubts(of, plan.Made{Text: text}, template.Uses{Unknown: uses.Unknown})...)
		}
	}
	return wrong, warnings, nil
}

// doubts are what is probably a mistake in a template that compiles.
func doubts(of *plan.Plan, made plan.Made, uses template.Uses) (warnings []string) {
	warn := func(use template.Use, format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf("%s: line %d, column %d: ", made.Field, use.Line, use.Column)+fmt.Sprintf(format, args...))
	}
	for _, use := range uses.Unknown {
		warn(use, "%s is not defined in templates, which fail where they use it", use.Name)
	}
	if names, known := entryNames(of); known {
		for _, use := range uses.Entries {
			if !slices.Contains(names, use.Name) {
				warn(use, "the object has no entry %s: %s", use.Name, missing(of))
			}
		}
	}
	if uses.Values && (made.Part == plan.InLabels || made.Part == plan.InAnnotations) {
		warnings = append(warnings, made.Field+": a value goes where all can read it who may list Secrets' metadata: use stringData")
	}
	return warnings
}

// missing is what becomes of an entry that the object does not have.
func missing(of *plan.Plan) string {
	switch {
	case of.Template.Engine != template.Go:
		return "it is undefined"
	case of.Template.Options.MissingKey == "error":
		return "the template fails where it uses it"
	}
	return "it is empty, or <no value>"
}

// entryNames are the entries and inputs that the templates of an object have, where it names all of them itself.
func entryNames(of *plan.Plan) (names []string, known bool) {
	for name := range of.Template.Inputs {
		names = append(names, name)
	}
	for i := range of.Entries {
		switch e := &of.Entries[i]; {
		case !e.Use.For(plan.InTemplates):
		case e.Kind != plan.Single:
			return nil, false
		default:
			names = append(names, e.Name)
		}
	}
	return names, true
}

func requestOf(of *plan.Plan) template.Request {
	request := template.Request{Engine: of.Template.Engine, Options: of.Template.Options}
	for _, made := range of.Template.Made {
		text := made.Text
		text.Object = made.Each
		request.Texts = append(request.Texts, text)
	}
	return request
}

// pathOf is where an object's templates are, as narrow as one path can say.
func pathOf(of *plan.Plan) string {
	if len(of.Template.Made) == 1 {
		return of.Template.Made[0].Field
	}
	return of.Words.Spec
}

package worker

import (
	"context"

	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/gotemplate"
	"github.com/secretgate/secretgate/shared/template/lodash"
)

// engine has the texts of a request, which go by their numbers. Those of the library follow those that make something.
type engine interface {
	texts() int
	check(n int) (template.Uses, *template.Problem)
	render(ctx context.Context, n int) (string, *template.Problem)
}

// engineOf is the engine of a request, or what is wrong with its texts.
func engineOf(request *template.Request) (engine, []template.Problem) {
	switch request.Engine {
	case template.Lodash:
		return javascript{request}, nil
	case template.Go:
		set, problems := gotemplate.Compile(request.Texts, request.Options)
		return goTemplates{set, request.Values}, problems
	}
	var problems []template.Problem
	for _, text := range request.Texts {
		problems = append(problems, template.Problem{
			Field: text.Field, Kind: template.Syntax, Detail: "the engine " + string(request.Engine) + " is not known",
		})
	}
	return nil, problems
}

// javascript runs each text by itself. It has no library.
type javascript struct{ *template.Request }

func (j javascript) texts() int { return len(j.Texts) }

func (j javascript) check(n int) (template.Uses, *template.Problem) { return lodash.Check(j.Texts[n]) }

func (j javascript) render(ctx context.Context, n int) (string, *template.Problem) {
	return lodash.Render(ctx, j.Texts[n], j.Values)
}

type goTemplates struct {
	set    *gotemplate.Set
	values []template.Entry
}

func (g goTemplates) texts() int { return g.set.Len() }

func (g goTemplates) check(n int) (template.Uses, *template.Problem) { return g.set.Check(n) }

func (g goTemplates) render(ctx context.Context, n int) (string, *template.Problem) {
	return g.set.Render(ctx, n, g.values)
}

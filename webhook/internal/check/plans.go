package check

import (
	"context"
	"errors"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// Planned is an object of the inputs, and what its dialect makes of it once admission has converted it.
type Planned struct {
	Kind           dialect.Kind
	Object         dialect.Object
	Plan           *plan.Plan // nil: nothing was understood
	Wrong, Missing field.ErrorList
}

// Plans reads files, folders and "-" as Run does, judges nothing, and returns the objects and the namespaces that they hold. The error
// lists what cannot be read.
func (c *Checker) Plans(ctx context.Context, inputs []string) ([]Planned, []policy.Namespace, error) {
	files, err := c.begin(inputs)
	if err != nil {
		return nil, nil, err
	}
	var all []Planned
	for d := range c.documents(files) {
		if err := errors.Join(ctx.Err(), d.failed); err != nil {
			return nil, nil, err
		}
		if c.apis.foreign(d) {
			continue
		}
		found, err := objects(d)
		if err != nil && (d.err != nil || c.apis.mentions(d)) {
			return nil, nil, errors.New(compiler(d.complaint(err)))
		}
		for _, o := range found {
			if s, ok := c.apis.of(o); ok && s.kind != nil {
				all = append(all, c.planned(ctx, o, s))
			}
		}
	}
	var known []policy.Namespace
	for _, name := range slices.Sorted(maps.Keys(c.namespaces.known)) {
		known = append(known, c.namespaces.known[name])
	}
	return all, known, nil
}

func (c *Checker) planned(ctx context.Context, o object, s served) Planned {
	value := runtime.DeepCopyJSON(o.value)
	delete(value, "status") // a client cannot set it
	conversion := admit.Convert(s.deprecations, value, nil, admit.Writer{})
	found, err := c.parse(ctx, conversion.Object, o, s)
	p := Planned{Kind: s.kind, Object: found.object, Plan: found.plan, Wrong: found.wrong, Missing: found.missing}
	for _, conflict := range conversion.Conflicts { // of which a dialect may have a word, too
		if !slices.ContainsFunc(found.wrong, func(err *field.Error) bool { return err.Error() == conflict.Error() }) {
			p.Wrong = append(p.Wrong, conflict)
		}
	}
	if err != nil { // a type that does not fit
		p.Object = s.empty()
		p.Object.SetName(o.metadata("name"))
		p.Object.SetNamespace(c.namespaceFor(s, o))
		p.Wrong = append(p.Wrong, field.InternalError(nil, err))
	}
	return p
}

package admit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// Validator is the validating webhook of all kinds: it parses an object as the syncer will, and judges it by its namespace's policy.
//
// It fails closed: a policy must not lapse while the webhook is down. A namespace that cannot be read denies for the same reason, and so
// does a kind that is not handled. (The syncer judges again, so bypassing the webhook gains nothing.) What an object refers to
// often comes in one apply with it: where that is not there yet, the object is judged without, and stored with a warning.
type Validator struct {
	Kinds      []dialect.Kind // those that are handled
	References References     // the kinds that they refer to are handled, too
	Namespaces Namespaces
	Settings   policy.Settings
	Stored     Stored           // the objects that a store is for; its zero value knows none
	Templates  Templates        // nil: templates are not compiled
	Opens      Opens            // nil: it is not asked whether sealed values can be opened
	Limiter    *Limiter         // nil: any number of objects at a time
	Log        *slog.Logger     // nil: silent
	Metrics    *metrics.Metrics // nil: none
}

// Templates compiles a plan's templates. It returns what is wrong with them, and what to warn of. An error says that nothing is known.
type Templates func(context.Context, *plan.Plan) (wrong field.ErrorList, warnings []string, err error)

// templateTime is how long compiling may take, with the wait for a worker: well below what the API server waits for us.
const templateTime = 3 * time.Second

// Handle implements admission.Handler.
func (v *Validator) Handle(ctx context.Context, request admission.Request) admission.Response {
	defer v.Metrics.Took(validating, time.Now())
	return v.answer(ctx, request, v.handle(ctx, request))
}

func (v *Validator) answer(ctx context.Context, request admission.Request, decision verdict) admission.Response {
	decision.judged = true
	name := nameOf(request)
	of := typeOf(v.Kinds, request)
	if of.Kind == "" {
		of = typeOf(v.References.Kinds, request)
	}
	observer{validating, of, v.Log, v.Metrics}.report(ctx, request, name, decision)
	return decision.response(request, name)
}

func (v *Validator) handle(ctx context.Context, request admission.Request) verdict {
	if kind, handled := find(v.Kinds, request); handled {
		decision, _ := v.twice(ctx, func(resolve resolver) (planned, verdict) { return v.parse(ctx, request, kind, resolve) })
		return decision
	}
	if kind, handled := find(v.References.Kinds, request); handled {
		return v.store(ctx, request, kind)
	}
	return notHandled(request)
}

// resolver reads what an object refers to.
type resolver func(context.Context, []dialect.Reference) dialect.Resolved

// twice judges an object beside what the cache has of its references. What would cause a denial or a warning may be out of date there:
// it is judged again beside what the API server has.
func (v *Validator) twice(ctx context.Context, parse func(resolver) (planned, verdict)) (verdict, planned) {
	found, refusal := parse(v.References.Known)
	if refusal.reason != "" {
		return refusal, found
	}
	decision := v.judge(ctx, found)
	if len(found.references) == 0 || decision.reason == "" && len(found.missing) == 0 {
		return decision, found
	}
	var kept []dialect.Reference
	var unreadable error
	found, refusal = parse(func(ctx context.Context, wanted []dialect.Reference) dialect.Resolved {
		live, unread, err := v.References.Read(ctx, wanted)
		kept, unreadable = append(kept, unread...), errors.Join(unreadable, err)
		return live
	})
	switch found.kept = kept; {
	case refusal.reason != "":
		return refusal, found
	case unreadable != nil:
		return verdict{reason: referenceUnreadable, cause: unreadable}, found
	}
	return v.judge(ctx, found), found
}

// planner makes Plans of objects.
type planner interface {
	References(object dialect.Object, resolved dialect.Resolved) []dialect.Reference
	Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList)
}

// planned is the part of an object that is judged.
type planned struct {
	plan       *plan.Plan // nil: nothing could be parsed, or there is nothing to judge
	wrong      field.ErrorList
	references []dialect.Reference
	resolved   dialect.Resolved    // what there is of them
	missing    field.ErrorList     // the references that are not there yet
	kept       []dialect.Reference // those of them that the webhook may not read
}

// understand makes a Plan of an object.
func understand(ctx context.Context, object dialect.Object, kind planner, resolve resolver) (found planned) {
	found.resolved, found.references, _ = dialect.Resolve(dialect.ReferencesOf(kind, object),
		func(wanted []dialect.Reference) (dialect.Resolved, error) { return resolve(ctx, wanted), nil })
	p, errs := kind.Plan(object, found.resolved)
	found.plan = p
	found.wrong, found.missing = dialect.Split(errs)
	return found
}

// parse makes a Plan of the object within the limiter's bounds, which end before anything is read live. It refuses what cannot be
// decoded.
func (v *Validator) parse(
	ctx context.Context, request admission.Request, kind dialect.Kind, resolve resolver,
) (found planned, refusal verdict) {
	refusal = v.decode(ctx, request, kind.New(), func(object dialect.Object) { found = understand(ctx, object, kind, resolve) })
	found.resolved = nil // it may be large
	return found, refusal
}

// decode decodes the object of a request and uses it, within the limiter's bounds.
func (v *Validator) decode(ctx context.Context, request admission.Request, into dialect.Object, use func(dialect.Object)) verdict {
	release, refusal := v.Limiter.decode(ctx, request)
	if refusal.reason != "" {
		return refusal
	}
	defer release()
	if err := read(request, into); err != nil {
		return verdict{reason: undecodable, cause: fmt.Errorf("the object of the request cannot be read: %w", err)}
	}
	use(into)
	return verdict{}
}

func (v *Validator) judge(ctx context.Context, found planned) verdict {
	waiting := make([]string, 0, len(found.missing))
	for _, err := range found.missing {
		waiting = append(waiting, v.References.waits(err, found.references, found.kept))
	}
	p := found.plan
	ofNone := p == nil || p.Object.Namespace == "" // no namespace judges it
	switch {
	case ofNone && p != nil && len(found.wrong) == 0:
		return verdict{warnings: slices.Concat(p.Warnings, waiting)}
	case ofNone && len(found.wrong) == 0:
		return verdict{warnings: waiting}
	case ofNone:
		return verdict{reason: invalid, violations: found.wrong, warnings: waiting}
	}
	malformed, doubts, unknown := v.templates(ctx, p)
	wrong := slices.Concat(found.wrong, malformed)
	ns, violations, err := v.policy(ctx, p)
	switch {
	case err != nil && len(wrong) == 0:
		return verdict{reason: namespaceUnreadable, cause: err}
	case len(wrong) > 0: // one answer has everything, so that the user corrects the object once
		return verdict{reason: invalid, violations: append(wrong, violations.Errors()...), warnings: waiting}
	case len(violations) > 0:
		return verdict{reason: forbidden, violations: violations.Errors(), warnings: waiting}
	case unknown != nil:
		return verdict{reason: templateUnchecked, cause: unknown}
	}
	return v.opens(ctx, p, ns, verdict{warnings: slices.Concat(p.Warnings, waiting, doubts, policy.Warnings(p, ns))})
}

// templates compiles those of a plan.
func (v *Validator) templates(ctx context.Context, p *plan.Plan) (wrong field.ErrorList, warnings []string, err error) {
	if v.Templates == nil || len(p.Template.Made) == 0 {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, templateTime)
	defer cancel()
	wrong, warnings, err = v.Templates(ctx, p)
	if err != nil {
		err = fmt.Errorf("its templates cannot be compiled now: %w: try again", err)
	}
	return wrong, warnings, err
}

// policy judges by the namespace as the cache has it. What would cause a denial or a warning may be
// out of date there, as namespace and object often come in one apply: it is judged again by the
// namespace as the API server has it.
func (v *Validator) policy(ctx context.Context, p *plan.Plan) (policy.Namespace, policy.Violations, error) {
	ns, fresh, err := v.Namespaces.Known(ctx, p.Object.Namespace)
	if err != nil {
		return ns, nil, err
	}
	violations := policy.Check(p, ns, v.Settings)
	if fresh || len(violations) == 0 && len(policy.Warnings(p, ns)) == 0 {
		return ns, violations, nil
	}
	if ns, err = v.Namespaces.Read(ctx, p.Object.Namespace); err != nil {
		return ns, nil, err
	}
	return ns, policy.Check(p, ns, v.Settings), nil
}

// nameOf is the object's name, or its generateName, which is resolved later.
func nameOf(request admission.Request) string {
	if request.Name != "" {
		return request.Name
	}
	var object struct {
		Metadata struct {
			Name         string `json:"name"`
			GenerateName string `json:"generateName"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(request.Object.Raw, &object) // a text that is not an object has no name
	return strings.TrimSpace(object.Metadata.Name + object.Metadata.GenerateName)
}

package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// Validator is the validating webhook of one kind of objects: it understands an object as the syncer will, and judges it by
// its namespace's policy.
//
// It fails closed: a policy that lapses with its judge is none. A namespace that cannot be read
// denies for the same reason. (The syncer judges again, so what passes behind our back reads nothing.)
type Validator struct {
	Namespaces Namespaces
	Settings   policy.Settings
	Defaults   plan.Defaults
	Understand Understanding    // nil: ExternalSecrets, with Defaults
	Limiter    *Limiter         // nil: any number of objects at a time
	Log        *slog.Logger     // nil: silent
	Metrics    *metrics.Metrics // nil: none
}

// Handle implements admission.Handler.
func (v *Validator) Handle(ctx context.Context, request admission.Request) admission.Response {
	defer v.Metrics.Took(validating, time.Now())
	return v.answer(ctx, request, v.handle(ctx, request))
}

func (v *Validator) answer(ctx context.Context, request admission.Request, decision verdict) admission.Response {
	decision.judged = true
	name := nameOf(request)
	observer{validating, v.Log, v.Metrics}.report(ctx, request, name, decision)
	return decision.response(request, name)
}

func (v *Validator) handle(ctx context.Context, request admission.Request) verdict {
	p, errs, refusal := v.understand(ctx, request)
	if refusal.reason != "" {
		return refusal
	}
	if p == nil {
		return verdict{reason: invalid, violations: errs}
	}
	ns, violations, err := v.judge(ctx, p)
	if err != nil && len(errs) == 0 {
		return verdict{reason: namespaceUnreadable, cause: err}
	}
	switch {
	case len(errs) > 0: // one answer for all, so that nobody mends an object twice
		return verdict{reason: invalid, violations: append(errs, violations.Errors()...)}
	case len(violations) > 0:
		return verdict{reason: forbidden, violations: violations.Errors()}
	}
	return verdict{warnings: slices.Concat(p.Warnings, policy.Unserved(p, v.Settings), policy.Warnings(p, ns))}
}

// understand decodes the object in its turn, which ends before a namespace is read. The verdict is on what cannot be understood.
func (v *Validator) understand(ctx context.Context, request admission.Request) (*plan.Plan, field.ErrorList, verdict) {
	leave, refusal := v.Limiter.decode(ctx, request)
	if refusal.reason != "" {
		return nil, nil, refusal
	}
	defer leave()
	understand := v.Understand
	if understand == nil {
		understand = ExternalSecrets(v.Defaults)
	}
	// The API server is the one who knows where the object will be.
	p, errs, err := understand(request.Object.Raw, request.Namespace)
	if err != nil {
		return nil, nil, verdict{reason: undecodable, cause: fmt.Errorf("the object of the request cannot be read: %w", err)}
	}
	return p, errs, verdict{}
}

// judge judges by the namespace as the cache has it. What would earn a denial or a warning may be
// out of date there, as namespace and object often come in one apply: it is judged again by the
// namespace as the API server has it.
func (v *Validator) judge(ctx context.Context, p *plan.Plan) (policy.Namespace, policy.Violations, error) {
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

// nameOf is the object's name, or what its name will start with: generateName is resolved later.
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
	_ = json.Unmarshal(request.Object.Raw, &object) // what is no object has no name
	return strings.TrimSpace(object.Metadata.Name + object.Metadata.GenerateName)
}

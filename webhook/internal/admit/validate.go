package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
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
	Log        *slog.Logger     // nil: silent
	Metrics    *metrics.Metrics // nil: none
}

// Handle implements admission.Handler.
func (v *Validator) Handle(ctx context.Context, request admission.Request) admission.Response {
	var decision verdict
	understand := v.Understand
	if understand == nil {
		understand = ExternalSecrets(v.Defaults)
	}
	// The API server is the one who knows where the object will be.
	if p, errs, err := understand(request.Object.Raw, request.Namespace); err != nil {
		decision = verdict{reason: undecodable, cause: fmt.Errorf("the object of the request cannot be read: %w", err)}
	} else {
		decision = v.handle(ctx, p, errs)
	}
	decision.judged = true
	name := nameOf(request)
	observer{validating, v.Log, v.Metrics}.report(ctx, request, name, decision)
	return decision.response(request, name)
}

func (v *Validator) handle(ctx context.Context, p *plan.Plan, errs field.ErrorList) verdict {
	if p == nil {
		return verdict{reason: invalid, violations: errs}
	}
	ns, fresh, err := v.Namespaces.Known(ctx, p.Object.Namespace)
	if err == nil && !fresh && v.complains(p, ns) {
		ns, err = v.Namespaces.Read(ctx, p.Object.Namespace)
	}
	if err != nil && len(errs) == 0 {
		return verdict{reason: namespaceUnreadable, cause: err}
	}
	var violations policy.Violations
	if err == nil {
		violations = policy.Check(p, ns, v.Settings)
	}
	switch {
	case len(errs) > 0: // one answer for all, so that nobody mends an object twice
		return verdict{reason: invalid, violations: append(errs, violations.Errors()...)}
	case len(violations) > 0:
		return verdict{reason: forbidden, violations: violations.Errors()}
	}
	warnings := p.Warnings
	if ignoresAdopt(p, ns) {
		warnings = append(warnings, fmt.Sprintf("spec.adoptExisting is not honoured: namespace %s lacks annotation %s: \"true\"",
			ns.Name, apiv1.AnnotationPermitAdopt))
	}
	return verdict{warnings: warnings}
}

// complains tells whether a namespace as the cache has it would earn a denial or a warning, which
// may be out of date: namespace and object often come in one apply.
func (v *Validator) complains(p *plan.Plan, ns policy.Namespace) bool {
	return len(policy.Check(p, ns, v.Settings)) > 0 || ignoresAdopt(p, ns)
}

func ignoresAdopt(p *plan.Plan, ns policy.Namespace) bool {
	return p.AdoptExisting && !policy.AdoptPermitted(ns)
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

package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// The names by which logs and metrics tell the webhooks apart.
const (
	mutating   = "mutating"
	validating = "validating"
	namespaces = "namespace"
)

// Mutator is the mutating webhook: it converts the deprecated fields and does nothing else.
//
// It fails closed. An object that slipped past it with a deprecated field and its replacement would
// be judged by one and synced by the other. It denies only those two at once; all other bad input
// is left to the schema and to Validator, who name the field that the author wrote.
type Mutator struct {
	Kinds   []dialect.Kind   // those that are handled
	Limiter *Limiter         // nil: any number of objects at a time
	Log     *slog.Logger     // nil: silent
	Metrics *metrics.Metrics // nil: none
}

// Handle implements admission.Handler.
func (m *Mutator) Handle(ctx context.Context, request admission.Request) admission.Response {
	defer m.Metrics.Took(mutating, time.Now())
	return m.answer(ctx, request, m.handle(ctx, request))
}

func (m *Mutator) answer(ctx context.Context, request admission.Request, v verdict) admission.Response {
	name := nameOf(request)
	if v.reason != "" || len(v.deprecated) > 0 || len(v.patch) > 0 {
		observer{mutating, typeOf(m.Kinds, request), m.Log, m.Metrics}.report(ctx, request, name, v)
	}
	return v.response(request, name)
}

func (m *Mutator) handle(ctx context.Context, request admission.Request) verdict {
	kind, handled := find(m.Kinds, request)
	if !handled {
		return notHandled(request)
	}
	converter, ok := kind.(dialect.Converter)
	if !ok {
		return verdict{}
	}
	deprecations := converter.Deprecations()
	release, refusal := m.Limiter.decode(ctx, request)
	if refusal.reason != "" {
		return refusal
	}
	defer release()
	updated, err := decode(request.Object.Raw)
	if err != nil {
		return verdict{reason: undecodable, cause: fmt.Errorf("the object of the request cannot be read: %w", err)}
	}
	var old map[string]any
	if request.Operation == admissionv1.Update {
		if old, err = decode(request.OldObject.Raw); err != nil {
			return verdict{reason: undecodable, cause: fmt.Errorf("the old object of the request cannot be read: %w", err)}
		}
	}
	var w Writer
	if raw := request.Options.Raw; len(raw) > 0 {
		if err := json.Unmarshal(raw, &w); err != nil {
			return verdict{reason: undecodable, cause: fmt.Errorf("the options of the request cannot be read: %w", err)}
		}
	}
	c := Convert(deprecations, updated, old, w)
	if len(c.Conflicts) > 0 {
		return verdict{reason: conflicting, violations: c.Conflicts}
	}
	return verdict{patch: patch(deprecations, updated, c.Object), warnings: c.Warnings, deprecated: c.Deprecated}
}

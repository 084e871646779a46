package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/text"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// NamespaceValidator is the webhook of namespaces: it denies a pattern that cannot be parsed, which would permit nothing,
// and warns of what else is probably not meant.
//
// It fails open, in its configuration and in itself: nothing relies on it, as a bad pattern permits nothing, and a cluster
// must be able to write its namespaces whatever becomes of us.
type NamespaceValidator struct {
	Stored  Stored           // its settings are the webhook's
	Limiter *Limiter         // nil: any number of namespaces at a time
	Log     *slog.Logger     // nil: silent
	Metrics *metrics.Metrics // nil: none
}

// Handle implements admission.Handler. It must not panic, which controller-runtime answers with a denial.
func (v *NamespaceValidator) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	defer v.Metrics.Took(namespaces, time.Now())
	defer func() {
		if problem := recover(); problem != nil {
			response = v.report(ctx, request, verdict{}, []notice{broke(fmt.Errorf("%v", problem))})
			if v.Log != nil {
				v.Log.ErrorContext(ctx, "Panic", "error", problem, "stack", string(debug.Stack()))
			}
		}
	}()
	decision, notices := v.handle(ctx, request)
	return v.report(ctx, request, decision, notices)
}

func (v *NamespaceValidator) handle(ctx context.Context, request admission.Request) (verdict, []notice) {
	updated, old, err := v.decode(ctx, request)
	if err != nil {
		return verdict{}, []notice{broke(err)}
	}
	if updated.DeletionTimestamp != nil {
		return verdict{}, nil // its end waits for nothing
	}
	settings := v.Stored.Settings
	violations, notices := judgeAnnotations(updated.Annotations, old.Annotations, settings)
	if len(violations) > 0 {
		return verdict{reason: badPattern, violations: violations}, notices
	}
	if request.Operation == admissionv1.Update && limitsChanged(updated.Annotations, old.Annotations, settings) {
		for _, found := range v.Stored.forbidden(ctx, policy.Namespace{Name: updated.Name, Annotations: updated.Annotations, Labels: updated.Labels},
			policy.Namespace{Name: updated.Name, Annotations: old.Annotations, Labels: old.Labels}) {
			notices = append(notices, found.notices(updated.Name)...)
		}
	}
	return verdict{}, notices
}

// answer lets pass what was not read.
func (v *NamespaceValidator) answer(ctx context.Context, request admission.Request, unread verdict) admission.Response {
	return v.report(ctx, request, verdict{}, []notice{broke(unread.cause)})
}

// decode reads the metadata of a namespace, and of what it was before an update, in its turn.
func (v *NamespaceValidator) decode(ctx context.Context, request admission.Request) (updated, old metav1.PartialObjectMetadata, err error) {
	release, refusal := v.Limiter.decode(ctx, request)
	if refusal.reason != "" {
		return updated, old, refusal.cause
	}
	defer release()
	if err = json.Unmarshal(request.Object.Raw, &updated); err == nil && request.Operation == admissionv1.Update {
		err = json.Unmarshal(request.OldObject.Raw, &old)
	}
	return updated, old, err
}

func broke(err error) notice {
	return notice{failed, "Secretgate's webhook could not judge this namespace's annotations, and lets them pass: " +
		text.Cut(err.Error(), maxMessage)}
}

// report writes the verdict to the log, the metrics, the audit log and the response.
func (v *NamespaceValidator) report(ctx context.Context, request admission.Request, decision verdict, notices []notice) admission.Response {
	decision.judged = true
	for _, n := range notices {
		decision.warnings = append(decision.warnings, n.text)
		if !slices.Contains(decision.warned, n.reason) {
			decision.warned = append(decision.warned, n.reason)
		}
	}
	v.Metrics.Namespace(string(request.Operation), decision.word(), string(decision.foremost()))
	if v.Log != nil {
		level := slog.LevelInfo
		if slices.Contains(decision.warned, failed) {
			level = slog.LevelError
		}
		v.Log.LogAttrs(ctx, level, "Namespace "+decision.word(),
			slog.String("namespace", request.Name), slog.String("operation", string(request.Operation)),
			slog.String("user", request.UserInfo.Username), slog.Bool("dryRun", request.DryRun != nil && *request.DryRun),
			slog.Any("paths", pathsOf(decision.violations)), slog.Any("warnings", decision.warnings),
			slog.String("verdict", decision.word()), slog.String("reason", string(decision.foremost())))
	}
	return decision.response(request, request.Name)
}

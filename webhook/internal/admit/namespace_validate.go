package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
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
	if request.Operation != admissionv1.Update {
		return verdict{}, notices
	}
	if what := v.limitsChanged(updated, old); what != "" {
		for _, found := range v.Stored.examine(ctx, relimited(what, updated, old)) {
			notices = append(notices, found.notices()...)
		}
	}
	return verdict{}, notices
}

// limitsChanged says what of a namespace's metadata may forbid what was permitted before; empty: nothing. Labels do where stores of the
// cluster admit namespaces by theirs. A write of labels alone does not come here: the webhook's configuration asks about annotations.
func (v *NamespaceValidator) limitsChanged(updated, old metav1.PartialObjectMetadata) string {
	byLabels := slices.ContainsFunc(v.Stored.References.Kinds, func(kind dialect.StoreKind) bool { return kind.Type().ClusterWide })
	var all []string
	if limitsChanged(updated.Annotations, old.Annotations, v.Stored.Settings) {
		all = append(all, "annotations")
	}
	if byLabels && !maps.Equal(updated.Labels, old.Labels) {
		all = append(all, "labels")
	}
	return strings.Join(all, " and ")
}

// relimited is a namespace with other limits.
func relimited(what string, updated, old metav1.PartialObjectMetadata) change {
	beside := func(metadata metav1.PartialObjectMetadata) world {
		ns := policy.Namespace{Name: updated.Name, Annotations: metadata.Annotations, Labels: metadata.Labels}
		return world{namespace: func(context.Context, string) (policy.Namespace, bool) { return ns, true }}
	}
	return change{
		namespace: updated.Name, updated: beside(updated), old: beside(old),
		forbids: fmt.Sprintf("these %s forbid %%s stored in namespace %s that they permitted before; refreshes of them end, their Secrets stay",
			what, updated.Name),
		looked: fmt.Sprintf("only %%s of namespace %s could be examined for what these %s forbid: %%s", updated.Name, what),
	}
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
		decision.warn(n)
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

package admit

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/text"
	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// verdict is what a webhook decides about a request.
type verdict struct {
	reason     reason // why it is denied; empty: it is allowed
	violations field.ErrorList
	cause      error // where the request or the cluster could not be read

	patch      []jsonpatch.Operation
	warnings   []string
	warned     []reason // why there are warnings, where the metrics distinguish that
	deprecated []string // fields converted

	judged bool // no handler judges after this one, so that this is the verdict
}

// warn adds a warning, and why there is one.
func (v *verdict) warn(n notice) {
	v.warnings = append(v.warnings, n.text)
	if !slices.Contains(v.warned, n.reason) {
		v.warned = append(v.warned, n.reason)
	}
}

// word is the verdict for metrics and logs.
func (v verdict) word() string {
	switch {
	case v.reason != "":
		return "denied"
	case len(v.warned) > 0:
		return "warned"
	default:
		return "allowed"
	}
}

// foremost is the reason for the verdict; empty where there is nothing to say.
func (v verdict) foremost() reason {
	if v.reason == "" && len(v.warned) > 0 {
		return v.warned[0]
	}
	return v.reason
}

// audit is what the API server's audit log gets, each below the webhook's name: which fields, never what is in them.
func (v verdict) audit() map[string]string {
	texts := map[string]string{
		"reason": string(v.foremost()), "warned": list(v.warned), "fields": list(pathsOf(v.violations)), "converted": list(v.deprecated),
	}
	if v.judged || v.reason != "" {
		texts["verdict"] = v.word()
	}
	maps.DeleteFunc(texts, func(_, what string) bool { return what == "" })
	return texts
}

func list[T ~string](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(item)
	}
	return text.Cut(strings.Join(texts, ", "), maxMessage)
}

// reason classifies denials, for metrics and logs.
type reason string

const (
	undecodable         reason = "undecodable"          // the request holds no object
	conflicting         reason = "conflict"             // a deprecated field and its replacement are both set
	invalid             reason = "invalid"              // the object's kind does not understand it
	forbidden           reason = "policy"               // the namespace does not permit it
	overloaded          reason = "overloaded"           // too much is judged at the moment
	tooLarge            reason = "too_large"            // the object is larger than what can be stored
	namespaceUnreadable reason = "namespace_unreadable" // what the namespace permits is not known
	referenceUnreadable reason = "reference_unreadable" // what the object refers to is not known
	templateUnchecked   reason = "template_unchecked"   // its templates could not be compiled
	unopenable          reason = "unopenable"           // no key of the cluster opens what it has sealed
	unhandled           reason = "unhandled"            // no dialect that is handled has the kind
)

// statuses are what the API server passes on. kubectl prints the causes of Invalid one a line.
var statuses = map[reason]struct {
	code   int32
	reason metav1.StatusReason
}{
	undecodable:         {http.StatusBadRequest, metav1.StatusReasonBadRequest},
	conflicting:         {http.StatusUnprocessableEntity, metav1.StatusReasonInvalid},
	invalid:             {http.StatusUnprocessableEntity, metav1.StatusReasonInvalid},
	forbidden:           {http.StatusForbidden, metav1.StatusReasonForbidden},
	overloaded:          {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable},
	tooLarge:            {http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge},
	namespaceUnreadable: {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable},
	referenceUnreadable: {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable},
	templateUnchecked:   {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable},
	unopenable:          {http.StatusForbidden, metav1.StatusReasonForbidden},
	unhandled:           {http.StatusForbidden, metav1.StatusReasonForbidden},
	badPattern:          {http.StatusUnprocessableEntity, metav1.StatusReasonInvalid},
}

const (
	maxViolations = 20   // further ones are counted
	maxMessage    = 1000 // characters of one violation: values may be long
)

// response is the verdict as the API server wants it.
func (v verdict) response(request admission.Request, name string) admission.Response {
	if v.reason == "" {
		r := admission.Patched("", v.patch...).WithWarnings(v.warnings...)
		r.AuditAnnotations = v.audit()
		return r
	}
	r := admission.Denied("").WithWarnings(v.warnings...)
	r.AuditAnnotations = v.audit()
	s := statuses[v.reason]
	r.Result.Code, r.Result.Reason, r.Result.Status = s.code, s.reason, metav1.StatusFailure
	if v.cause != nil {
		r.Result.Message = v.cause.Error()
		return r
	}
	causes := causesOf(v.violations)
	r.Result.Message = message(v.violations, causes)
	r.Result.Details = &metav1.StatusDetails{
		Group: request.Kind.Group, Kind: request.Kind.Kind, Name: name, Causes: causes,
	}
	return r
}

// causesOf lists the violations, each cut to a readable length, the first of many.
func causesOf(violations field.ErrorList) []metav1.StatusCause {
	causes := make([]metav1.StatusCause, 0, min(len(violations), maxViolations)+1)
	for i, err := range violations {
		if i == maxViolations {
			causes = append(causes, metav1.StatusCause{
				Field: "spec", Message: fmt.Sprintf("and %d more", len(violations)-maxViolations),
			})
			break
		}
		causes = append(causes, metav1.StatusCause{
			Type: metav1.CauseType(err.Type), Field: err.Field, Message: text.Cut(err.ErrorBody(), maxMessage),
		})
	}
	return causes
}

// message is one violation as field.Error prints it, or a list of them.
func message(violations field.ErrorList, causes []metav1.StatusCause) string {
	if len(causes) == 1 {
		return causes[0].Field + ": " + causes[0].Message
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d violations:", len(violations))
	for i, cause := range causes {
		if i == maxViolations {
			fmt.Fprintf(&b, "\n* %s", cause.Message)
			break
		}
		fmt.Fprintf(&b, "\n* %s: %s", cause.Field, cause.Message)
	}
	return b.String()
}

// observer reports verdicts to the log and the metrics. Its zero value reports nothing.
type observer struct {
	webhook string
	of      dialect.Type // of what is judged; the zero value: it is not handled
	log     *slog.Logger
	metrics *metrics.Metrics
}

// report never shows a value of the object: paths, and who asked, are enough to find it.
func (o observer) report(ctx context.Context, request admission.Request, name string, v verdict) {
	objects := metrics.Objects{Dialect: o.of.Dialect, Kind: o.of.Kind}
	for _, at := range v.deprecated {
		o.metrics.Deprecated(objects, at)
	}
	// Every request passes the validating webhook, unless the mutating one denies it.
	if v.reason != "" || o.webhook == validating {
		o.metrics.Verdict(objects, string(request.Operation), v.reason == "", string(v.reason))
	}
	if o.log == nil {
		return
	}
	attributes := []slog.Attr{
		slog.String("webhook", o.webhook),
		slog.String("namespace", request.Namespace), slog.String("name", name),
		slog.String("operation", string(request.Operation)), slog.String("user", request.UserInfo.Username),
		slog.Bool("dryRun", request.DryRun != nil && *request.DryRun),
	}
	level, verdict := slog.LevelInfo, "allowed"
	if v.reason != "" {
		verdict = "denied"
		attributes = append(attributes, slog.String("reason", string(v.reason)))
	}
	if paths := pathsOf(v.violations); len(paths) > 0 {
		attributes = append(attributes, slog.Any("paths", paths))
	}
	if len(v.deprecated) > 0 {
		attributes = append(attributes, slog.Any("converted", v.deprecated))
	}
	if len(v.warned) > 0 {
		attributes = append(attributes, slog.Any("warnings", v.warnings))
	}
	if v.cause != nil {
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", v.cause.Error()))
	}
	o.log.LogAttrs(ctx, level, request.Kind.Kind+" "+verdict, append(attributes, slog.String("verdict", verdict))...)
}

func pathsOf(violations field.ErrorList) []string {
	var paths []string
	for i, err := range violations {
		if i == maxViolations {
			return append(paths, fmt.Sprintf("and %d more", len(violations)-maxViolations))
		}
		paths = append(paths, err.Field)
	}
	return paths
}

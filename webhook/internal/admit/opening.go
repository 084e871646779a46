package admit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// Opens says of what a plan holds sealed which values no key of the cluster opens: an error for each, whose Detail says why. unknown says
// why not all of it is known; empty: it is.
type Opens func(context.Context, *plan.Plan) (closed field.ErrorList, unknown string)

// cannotBeOpened is what is wrong with a value that no key opens.
const cannotBeOpened = "cannot be opened with this cluster's keys"

// opens adds to the verdict on an object that is permitted what the syncer says of its sealed values. One that no key opens is warned of,
// or denied where the namespace requires that one does.
//
// It fails open: where the syncer does not answer, no object is denied, in whatever namespace. An outage of the syncer must not keep users
// from storing objects, and a cluster that is restored has its objects before its keys; the syncer opens nothing by that.
func (v *Validator) opens(ctx context.Context, p *plan.Plan, ns policy.Namespace, permitted verdict) verdict {
	if v.Opens == nil || !slices.ContainsFunc(p.Entries, func(e plan.Entry) bool { return e.IsSealed() }) {
		return permitted
	}
	closed, unknown := v.Opens(ctx, p)
	v.Metrics.Opened(len(closed) > 0, unknown != "")
	if len(closed) == 0 && unknown == "" {
		return permitted
	}
	// The annotation may have come in one apply with the object. Where the API server does not answer, that which is known counts.
	if live, err := v.Namespaces.Read(ctx, p.Object.Namespace); err == nil {
		ns = live
	}
	switch required := policy.OpenableRequired(ns); {
	case len(closed) > 0 && required:
		for _, err := range closed {
			err.Detail = fmt.Sprintf(`%s, which namespace %q requires (annotation %s: "true"): %s`,
				cannotBeOpened, ns.Name, names.AnnotationRequireOpenable, err.Detail)
		}
		return verdict{reason: unopenable, violations: closed}
	case len(closed) > 0:
		permitted.warnings = slices.Concat(permitted.warnings, closedWarnings(closed))
	case required:
		permitted.warnings = append(permitted.warnings, fmt.Sprintf(
			`it is stored, but whether this cluster's keys open its values, which namespace %q requires (annotation %s: "true"), is not known: %s`,
			ns.Name, names.AnnotationRequireOpenable, unknown))
	}
	return permitted
}

// closedWarnings name the values that no key opens, in one sentence for each reason.
func closedWarnings(closed field.ErrorList) (warnings []string) {
	var reasons []string
	fields := map[string][]string{}
	for _, err := range closed {
		if _, known := fields[err.Detail]; !known {
			reasons = append(reasons, err.Detail)
		}
		fields[err.Detail] = append(fields[err.Detail], err.Field)
	}
	for _, why := range reasons {
		warnings = append(warnings, fmt.Sprintf("%s %s: %s", strings.Join(fields[why], ", "), cannotBeOpened, why))
	}
	return warnings
}

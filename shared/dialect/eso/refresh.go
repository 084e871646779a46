package eso

import (
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// refresh is when the values are read again.
func (b *builder) refresh(at *field.Path, spec *v1.ExternalSecretSpec) {
	b.Interval(at.Child("refreshInterval"), spec.RefreshInterval, b.installation.MinRefreshInterval)
	r := &b.Plan.Refresh
	switch spec.RefreshPolicy {
	case "", refreshPeriodic:
		r.Once = r.Never
	case refreshCreatedOnce:
		*r = plan.Refresh{Never: true, Once: true}
	case refreshOnChange:
		*r = plan.Refresh{Never: true}
	default:
		b.Fail(field.NotSupported(at.Child("refreshPolicy"), spec.RefreshPolicy, []string{refreshPeriodic, refreshCreatedOnce, refreshOnChange}))
	}
	if spec.RefreshInterval != "" && r.Never && (spec.RefreshPolicy == refreshCreatedOnce || spec.RefreshPolicy == refreshOnChange) {
		b.Warn("%s has no meaning with refreshPolicy %s, and is ignored: remove it", at.Child("refreshInterval"), spec.RefreshPolicy)
	}
	if spec.SyncWindows != nil {
		b.windows(at.Child("syncWindows"), spec.SyncWindows)
	}
}

// windows are the times of periodic refreshes.
func (b *builder) windows(at *field.Path, w *v1.SyncWindows) {
	made := &plan.Windows{Deny: w.Kind == windowsDeny}
	if !made.Deny && w.Kind != windowsAllow {
		b.Fail(field.NotSupported(at.Child("kind"), w.Kind, []string{windowsAllow, windowsDeny}))
	}
	switch n := len(w.Windows); {
	case n == 0:
		b.Fail(field.Required(at.Child("windows"), "at least one window is needed"))
	case n > maxWindows:
		b.Fail(field.TooMany(at.Child("windows"), n, maxWindows))
		return
	}
	for n, one := range w.Windows {
		at := at.Child("windows").Index(n)
		duration, err := time.ParseDuration(one.Duration)
		if err != nil {
			b.Fail(field.Invalid(at.Child("duration"), one.Duration, "must be a duration such as 30m or 2h"))
			continue
		}
		window := plan.Window{Schedule: plan.Schedule(one.Schedule), Duration: duration}
		if problem := window.Problem(); problem != "" {
			b.Fail(field.Invalid(at, field.OmitValueType{}, problem))
		}
		made.All = append(made.All, window)
	}
	b.Plan.Refresh.Windows = made
}

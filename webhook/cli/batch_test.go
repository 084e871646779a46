package cli

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// A kind may be forced by more than the annotation, and its status says all of it.
func TestARefreshIsOverOnceTheStatusSaysSo(t *testing.T) {
	for _, d := range all.Dialects() {
		installation := d.New()
		for _, kind := range installation.Kinds() {
			object := kind.New()
			object.SetNamespace("core")
			object.SetName("db")
			before := dialect.ForceSyncOf(kind, object)
			object.SetAnnotations(map[string]string{names.AnnotationForceSync: "now"})
			for what, test := range map[string]struct {
				observed string
				want     bool
			}{
				"before": {before, false}, "after": {dialect.ForceSyncOf(kind, object), true},
			} {
				kind.Status(object).Put(plan.Record{
					Generation: 1, ForceSync: test.observed, Ready: metav1.ConditionTrue, Reason: plan.ReasonSynced,
				})
				b := newBatch(&live{}, nil, "now", false)
				if got := b.settled(kind, object, false); got != test.want {
					t.Errorf("%s, %s: got settled: %t, want %t", d.Name, what, got, test.want)
				}
				if outcome := b.outcomes[idOf(kind, object)]; test.want && outcome.Outcome != shape.Refreshed {
					t.Errorf("%s, %s: got %+v, want that it was refreshed", d.Name, what, outcome)
				}
			}
		}
	}
}

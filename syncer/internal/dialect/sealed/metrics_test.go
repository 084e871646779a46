package sealed

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

// scraped shows objects by one view.
type scraped struct {
	*view
	objects map[types.NamespacedName]metrics.Object
}

// Collect implements prometheus.Collector.
func (s scraped) Collect(ch chan<- prometheus.Metric) { s.view.Collect(s.objects, ch) }

func TestTheNamesOfSealedSecrets(t *testing.T) {
	db, other := types.NamespacedName{Namespace: "ns", Name: "db"}, types.NamespacedName{Namespace: "ns", Name: "other"}
	v := &view{}
	const (
		requests = "sealed_secrets_controller_unseal_requests_total{}"
		unseal   = "sealed_secrets_controller_unseal_errors_total{namespace=ns,reason=unseal}"
		update   = "sealed_secrets_controller_unseal_errors_total{namespace=ns,reason=update}"
		ofDB     = "sealed_secrets_controller_condition_info{condition=Synced,name=db,namespace=ns,ss_app_kubernetes_io_instance=}"
		ofOther  = "sealed_secrets_controller_condition_info{condition=Synced,name=other,namespace=ns,ss_app_kubernetes_io_instance=}"
	)
	for _, step := range []struct {
		what    string
		objects map[types.NamespacedName]metrics.Object
		want    map[string]float64
	}{
		{"no object", nil, map[string]float64{requests: 0}},
		{"one that fails, and one that does not", map[types.NamespacedName]metrics.Object{
			db:    {Successes: 1, Errors: 2, Failing: true, Reason: string(plan.ReasonCannotOpen)},
			other: {Successes: 3, Reason: string(plan.ReasonSynced)},
		}, map[string]float64{requests: 6, unseal: 2, ofDB: -1, ofOther: 1}},
		{"another failure, and an object that is gone", map[types.NamespacedName]metrics.Object{
			db: {Successes: 1, Errors: 3, Failing: true, Reason: string(plan.ReasonSecretWriteFailed)},
		}, map[string]float64{requests: 7, unseal: 2, update: 1, ofDB: -1}},
		{"an object that is counted anew", map[types.NamespacedName]metrics.Object{
			db: {Successes: 1, Reason: string(plan.ReasonSynced)},
		}, map[string]float64{requests: 8, unseal: 2, update: 1, ofDB: 1}},
		{"an object that another syncer serves", map[types.NamespacedName]metrics.Object{db: {Unserved: true}},
			map[string]float64{requests: 8, unseal: 2, update: 1}},
	} {
		if diff := cmp.Diff(step.want, metricstest.Series(t, scraped{v, step.objects})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.what, diff)
		}
	}
}

func TestReasonsOfFailures(t *testing.T) {
	for reason, want := range map[plan.Reason]string{
		plan.ReasonCannotOpen: "unseal", plan.ReasonInvalidSpec: "unseal", plan.ReasonTemplateFailed: "unseal", plan.ReasonPolicyDenied: "unseal",
		plan.ReasonSecretNotOwned: "unmanaged", plan.ReasonSecretWriteFailed: "update",
	} {
		if got := why(reason); got != want {
			t.Errorf("%s: got %s, want %s", reason, got, want)
		}
	}
}

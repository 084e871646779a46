package eso

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

func TestTheNamesOfExternalSecretsOperator(t *testing.T) {
	db, other := types.NamespacedName{Namespace: "ns", Name: "db"}, types.NamespacedName{Namespace: "ns", Name: "other"}
	fine := metrics.Attempt{Object: db, Reason: "Synced", Success: true}
	failed := metrics.Attempt{Object: db, Reason: "BackendUnavailable"}
	for name, test := range map[string]struct {
		attempts []metrics.Attempt
		want     map[string]float64
	}{
		"one that succeeds after a failure": {[]metrics.Attempt{failed, fine}, map[string]float64{
			"externalsecret_sync_calls_total{name=db,namespace=ns}":                              2,
			"externalsecret_sync_calls_error{name=db,namespace=ns}":                              1,
			"externalsecret_status_condition{condition=Ready,name=db,namespace=ns,status=True}":  1,
			"externalsecret_status_condition{condition=Ready,name=db,namespace=ns,status=False}": 0,
			"externalsecret_reconcile_duration{name=db,namespace=ns}":                            7e6,
		}},
		"one that fails": {[]metrics.Attempt{failed}, map[string]float64{
			"externalsecret_sync_calls_total{name=db,namespace=ns}":                              1,
			"externalsecret_sync_calls_error{name=db,namespace=ns}":                              1,
			"externalsecret_status_condition{condition=Ready,name=db,namespace=ns,status=True}":  0,
			"externalsecret_status_condition{condition=Ready,name=db,namespace=ns,status=False}": 1,
			"externalsecret_reconcile_duration{name=db,namespace=ns}":                            7e6,
		}},
		"one that another controller serves": {[]metrics.Attempt{{Object: db, Unserved: true}}, map[string]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			all := &metrics.Objects{}
			kind := all.Of(dialect.Type{Dialect: Name}, view{})
			for _, attempt := range test.attempts {
				kind.Observe(attempt)
			}
			kind.Took(db, 7*time.Millisecond)
			kind.Took(other, time.Second)
			got := metricstest.Series(t, all)
			maps.DeleteFunc(got, func(name string, _ float64) bool { return !strings.HasPrefix(name, "externalsecret_") })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			kind.Forget(db)
			if len(metricstest.Series(t, all)) > 0 {
				t.Error("got series of an object that is gone, want none")
			}
		})
	}
}

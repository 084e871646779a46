package metrics_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

func kind(dialectName, name string) dialect.Type {
	t := dialect.Type{Dialect: dialectName}
	t.Kind = name
	return t
}

// backends shows the names of backends, as an original controller might.
type backends struct{}

var backendsDesc = prometheus.NewDesc("predecessor_backend", "Backends.", []string{"backend"}, nil)

func (backends) Describe(ch chan<- *prometheus.Desc) { ch <- backendsDesc }

func (backends) Collect(objects map[types.NamespacedName]metrics.Object, ch chan<- prometheus.Metric) {
	for _, object := range objects {
		ch <- prometheus.MustNewConstMetric(backendsDesc, prometheus.GaugeValue, float64(object.Successes), object.Backend)
	}
}

func TestKindsAreToldApart(t *testing.T) {
	all := &metrics.Objects{}
	one, other := all.Of(kind("a", "A"), nil), all.Of(kind("b", "B"), backends{})
	name, now := types.NamespacedName{Namespace: "ns", Name: "db"}, time.Unix(1000, 0)
	one.Observe(metrics.Attempt{Object: name, Backend: "x", Secret: "db", Reason: "BackendUnavailable", At: now})
	other.Observe(metrics.Attempt{Object: name, Backend: "y", Secret: "db", Reason: "Synced", Success: true, At: now})
	other.Observe(metrics.Attempt{Object: name, Backend: "y", Secret: "db", Reason: "Synced", Success: true, At: now})
	want := map[string]float64{
		"secretgate_objects{dialect=a,kind=A,namespace=ns,reason=BackendUnavailable}":      1,
		"secretgate_objects{dialect=b,kind=B,namespace=ns,reason=Synced}":                  1,
		"secretgate_sync_failing{dialect=a,kind=A,name=db,namespace=ns}":                   1,
		"secretgate_sync_failing{dialect=b,kind=B,name=db,namespace=ns}":                   0,
		"secretgate_last_success_timestamp_seconds{dialect=b,kind=B,name=db,namespace=ns}": 1000,
		"predecessor_backend{backend=y}":                                                   2,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, all)); diff != "" {
		t.Error(diff)
	}
	one.Forget(name)
	for series := range metricstest.Series(t, all) {
		delete(want, series)
	}
	if len(want) != 2 {
		t.Errorf("of an object that is gone these series are left, and %v are not", want)
	}
}

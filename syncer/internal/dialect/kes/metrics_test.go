package kes

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

// objects are the metrics of ExternalSecrets.
type objects struct {
	*metrics.Kind
	prometheus.Collector
}

func newObjects() objects {
	all := &metrics.Objects{}
	kind := dialect.Type{Dialect: Name}
	kind.Kind = "ExternalSecret"
	return objects{all.Of(kind, view{}), all}
}

var (
	db  = types.NamespacedName{Namespace: "ns", Name: "db"}
	now = time.Unix(1000, 0)
)

// attempt is one with a reason that fits.
func attempt(of types.NamespacedName, backend string, success bool, at time.Time) metrics.Attempt {
	reason := "Synced"
	if !success {
		reason = "BackendUnavailable"
	}
	return metrics.Attempt{Object: of, Backend: backend, Reason: reason, Success: success, At: at}
}

func TestKESsNames(t *testing.T) {
	o := newObjects()
	o.Observe(attempt(db, "vault", true, now))
	o.Observe(attempt(db, "vault", true, now.Add(time.Second)))
	o.Observe(attempt(db, "vault", false, now.Add(time.Minute)))
	want := map[string]float64{
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=success}": 2,
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=error}":   1,
		"kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}":            -1,
		"sync_calls{backend=vault,name=db,namespace=ns,status=success}":                                   2,
		"sync_calls{backend=vault,name=db,namespace=ns,status=error}":                                     1,
		"last_state{backend=vault,name=db,namespace=ns}":                                                  -1,
		"secretgate_last_success_timestamp_seconds{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}": 1001,
		"secretgate_objects{dialect=kes,kind=ExternalSecret,namespace=ns,reason=BackendUnavailable}":      1,
		"secretgate_sync_failing{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}":                   1,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestForgetDropsOneObjectsSeries(t *testing.T) {
	o := newObjects()
	o.Observe(attempt(types.NamespacedName{Namespace: "other", Name: "db"}, "vault", true, now))
	want := metricstest.Series(t, o)
	o.Observe(attempt(db, "vault", true, now))
	o.Observe(attempt(db, "vault", false, now))
	o.Forget(db)
	o.Forget(types.NamespacedName{Namespace: "ns", Name: "never seen"})
	if diff := cmp.Diff(want, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestAnObjectThatMovesToAnotherBackendLeavesNoSeriesBehind(t *testing.T) {
	o := newObjects()
	o.Observe(attempt(db, "secretsManager", false, now))
	o.Observe(attempt(db, "vault", true, now))
	want := map[string]float64{
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=success}": 1,
		"kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}":            1,
		"sync_calls{backend=vault,name=db,namespace=ns,status=success}":                                   1,
		"last_state{backend=vault,name=db,namespace=ns}":                                                  1,
		"secretgate_last_success_timestamp_seconds{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}": 1000,
		"secretgate_objects{dialect=kes,kind=ExternalSecret,namespace=ns,reason=Synced}":                  1,
		"secretgate_sync_failing{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}":                   0,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestARefreshWithoutNewsIsWhatTheLastAttemptWas(t *testing.T) {
	o := newObjects()
	o.Refreshed(db, true, now) // the object is unknown
	o.Observe(attempt(db, "vault", true, now))
	o.Refreshed(db, true, now.Add(time.Second))
	o.Observe(attempt(db, "vault", false, now.Add(time.Minute)))
	o.Refreshed(db, true, now.Add(2*time.Minute)) // what was read cannot be used, as before
	o.Refreshed(db, false, now.Add(3*time.Minute))
	want := map[string]float64{
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=success}": 2,
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=error}":   3,
		"kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}":            -1,
		"sync_calls{backend=vault,name=db,namespace=ns,status=success}":                                   2,
		"sync_calls{backend=vault,name=db,namespace=ns,status=error}":                                     3,
		"last_state{backend=vault,name=db,namespace=ns}":                                                  -1,
		"secretgate_last_success_timestamp_seconds{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}": 1001,
		"secretgate_objects{dialect=kes,kind=ExternalSecret,namespace=ns,reason=BackendUnavailable}":      1,
		"secretgate_sync_failing{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}":                   1,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestASuspendedObjectNeitherFailsNorAges(t *testing.T) {
	o := newObjects()
	o.Observe(attempt(db, "vault", false, now))
	o.Observe(metrics.Attempt{Object: db, Reason: "Suspended", Suspended: true})
	o.Refreshed(db, false, now.Add(time.Second)) // of a read that was under way
	want := map[string]float64{"secretgate_objects{dialect=kes,kind=ExternalSecret,namespace=ns,reason=Suspended}": 1}
	if diff := cmp.Diff(want, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
	o.Observe(attempt(db, "vault", true, now))
	if got := metricstest.Series(t, o)["kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}"]; got != 1 {
		t.Errorf("the state of an object that is synced again is %v", got)
	}
}

func TestTheLastSuccessOutlivesTheReplica(t *testing.T) {
	const name = "secretgate_last_success_timestamp_seconds{dialect=kes,kind=ExternalSecret,name=db,namespace=ns}"
	o := newObjects()
	failed := attempt(db, "vault", false, now)
	failed.LastSuccess = now.Add(-time.Minute)
	o.Observe(failed)
	if got := metricstest.Series(t, o)[name]; got != float64(failed.LastSuccess.Unix()) {
		t.Errorf("after a failure it is %v, not what the status says", got)
	}
	succeeded := attempt(db, "vault", true, now)
	succeeded.LastSuccess = failed.LastSuccess
	o.Observe(succeeded)
	if got := metricstest.Series(t, o)[name]; got != float64(now.Unix()) {
		t.Errorf("after a success it is %v", got)
	}
}

func TestObjectsThatAreNotServedAreCounted(t *testing.T) {
	o := newObjects()
	other := types.NamespacedName{Namespace: "ns", Name: "other"}
	o.Observe(attempt(db, "vault", true, now))
	for _, name := range []types.NamespacedName{db, other} {
		o.Observe(metrics.Attempt{Object: name, Unserved: true})
		o.Refreshed(name, true, now)
	}
	if diff := cmp.Diff(map[string]float64{"secretgate_unserved_objects{dialect=kes,kind=ExternalSecret,namespace=ns}": 2}, metricstest.Series(t, o)); diff != "" {
		t.Error(diff)
	}
	o.Forget(db)
	o.Observe(attempt(other, "vault", true, now))
	if got, ok := metricstest.Series(t, o)["secretgate_unserved_objects{dialect=kes,kind=ExternalSecret,namespace=ns}"]; ok {
		t.Errorf("got %v objects that are not served, want none", got)
	}
}

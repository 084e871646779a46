package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"
)

// series lists what is collected, as name{label=value,…}: value.
func series(t *testing.T, o prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(o); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", family.GetName())
		}
		for _, m := range family.GetMetric() {
			got[family.GetName()+labels(m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

func labels(m *dto.Metric) string {
	text := "{"
	for i, l := range m.GetLabel() {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf("%s=%s", l.GetName(), l.GetValue())
	}
	return text + "}"
}

var (
	db  = types.NamespacedName{Namespace: "ns", Name: "db"}
	now = time.Unix(1000, 0)
)

// attempt is one with a reason that fits.
func attempt(of types.NamespacedName, backend string, success bool, at time.Time) Attempt {
	reason := "Synced"
	if !success {
		reason = "BackendUnavailable"
	}
	return Attempt{Object: of, Backend: backend, Reason: reason, Success: success, At: at}
}

func TestKESsNames(t *testing.T) {
	o := NewObjects()
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
		"secretgate_last_success_timestamp_seconds{name=db,namespace=ns}":                                 1001,
		"secretgate_externalsecrets{namespace=ns,reason=BackendUnavailable}":                              1,
	}
	if diff := cmp.Diff(want, series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestForgetDropsOneObjectsSeries(t *testing.T) {
	o := NewObjects()
	o.Observe(attempt(types.NamespacedName{Namespace: "other", Name: "db"}, "vault", true, now))
	want := series(t, o)
	o.Observe(attempt(db, "vault", true, now))
	o.Observe(attempt(db, "vault", false, now))
	o.Forget(db)
	o.Forget(types.NamespacedName{Namespace: "ns", Name: "never seen"})
	if diff := cmp.Diff(want, series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestAnObjectThatMovesToAnotherBackendLeavesNoSeriesBehind(t *testing.T) {
	o := NewObjects()
	o.Observe(attempt(db, "secretsManager", false, now))
	o.Observe(attempt(db, "vault", true, now))
	want := map[string]float64{
		"kubernetes_external_secrets_sync_calls_count{backend=vault,name=db,namespace=ns,status=success}": 1,
		"kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}":            1,
		"sync_calls{backend=vault,name=db,namespace=ns,status=success}":                                   1,
		"last_state{backend=vault,name=db,namespace=ns}":                                                  1,
		"secretgate_last_success_timestamp_seconds{name=db,namespace=ns}":                                 1000,
		"secretgate_externalsecrets{namespace=ns,reason=Synced}":                                          1,
	}
	if diff := cmp.Diff(want, series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestARefreshWithoutNewsIsWhatTheLastAttemptWas(t *testing.T) {
	o := NewObjects()
	o.Refreshed(db, true, now) // nobody knows it
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
		"secretgate_last_success_timestamp_seconds{name=db,namespace=ns}":                                 1001,
		"secretgate_externalsecrets{namespace=ns,reason=BackendUnavailable}":                              1,
	}
	if diff := cmp.Diff(want, series(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestASuspendedObjectNeitherFailsNorAges(t *testing.T) {
	o := NewObjects()
	o.Observe(attempt(db, "vault", false, now))
	o.Observe(Attempt{Object: db, Reason: "Suspended", Suspended: true})
	o.Refreshed(db, false, now.Add(time.Second)) // of a read that was under way
	want := map[string]float64{"secretgate_externalsecrets{namespace=ns,reason=Suspended}": 1}
	if diff := cmp.Diff(want, series(t, o)); diff != "" {
		t.Error(diff)
	}
	o.Observe(attempt(db, "vault", true, now))
	if got := series(t, o)["kubernetes_external_secrets_last_sync_call_state{backend=vault,name=db,namespace=ns}"]; got != 1 {
		t.Errorf("the state of an object that is synced again is %v", got)
	}
}

func TestTheLastSuccessOutlivesTheReplica(t *testing.T) {
	const name = "secretgate_last_success_timestamp_seconds{name=db,namespace=ns}"
	o := NewObjects()
	failed := attempt(db, "vault", false, now)
	failed.LastSuccess = now.Add(-time.Minute)
	o.Observe(failed)
	if got := series(t, o)[name]; got != float64(failed.LastSuccess.Unix()) {
		t.Errorf("after a failure it is %v, not what the status says", got)
	}
	succeeded := attempt(db, "vault", true, now)
	succeeded.LastSuccess = failed.LastSuccess
	o.Observe(succeeded)
	if got := series(t, o)[name]; got != float64(now.Unix()) {
		t.Errorf("after a success it is %v", got)
	}
}

func TestObjectsThatAreNotServedAreCounted(t *testing.T) {
	o := NewObjects()
	other := types.NamespacedName{Namespace: "ns", Name: "other"}
	o.Observe(attempt(db, "vault", true, now))
	for _, name := range []types.NamespacedName{db, other} {
		o.Observe(Attempt{Object: name, Unserved: true})
		o.Refreshed(name, true, now)
	}
	if diff := cmp.Diff(map[string]float64{"secretgate_unserved_externalsecrets{namespace=ns}": 2}, series(t, o)); diff != "" {
		t.Error(diff)
	}
	o.Forget(db)
	o.Observe(attempt(other, "vault", true, now))
	if got, ok := series(t, o)["secretgate_unserved_externalsecrets{namespace=ns}"]; ok {
		t.Errorf("got %v objects that are not served, want none", got)
	}
}

// Package metrics holds the syncer's metrics about objects: KES's, under the names that its users
// have on their dashboards, and Secretgate's own. No label carries a backend key.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Objects measures syncs by object. The series of an object disappear with Forget.
type Objects struct {
	calls, callsOld *prometheus.CounterVec
	state, stateOld *prometheus.GaugeVec
	lastSuccess     *prometheus.GaugeVec

	mu    sync.Mutex
	known map[types.NamespacedName]string // the backend that each object was last read from
}

// NewObjects makes the metrics.
func NewObjects() *Objects {
	calls := []string{"name", "namespace", "backend", "status"}
	state := []string{"name", "namespace", "backend"}
	return &Objects{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubernetes_external_secrets_sync_calls_count",
			Help: "Number of sync attempts by backend, object and outcome (success or error).",
		}, calls),
		callsOld: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sync_calls",
			Help: "Deprecated name of kubernetes_external_secrets_sync_calls_count.",
		}, calls),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kubernetes_external_secrets_last_sync_call_state",
			Help: "1 where the last sync attempt succeeded, -1 where it failed.",
		}, state),
		stateOld: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "last_state",
			Help: "Deprecated name of kubernetes_external_secrets_last_sync_call_state.",
		}, state),
		lastSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "secretgate_last_success_timestamp_seconds",
			Help: "When the Secret was last known to be as the backend has it, in Unix time.",
		}, []string{"name", "namespace"}),
		known: map[types.NamespacedName]string{},
	}
}

// Observe counts one sync attempt. The series of a backend that the object no longer names go.
func (o *Objects) Observe(object types.NamespacedName, backend string, success bool, now time.Time) {
	o.mu.Lock()
	before, known := o.known[object]
	o.known[object] = backend
	o.mu.Unlock()
	if known && before != backend {
		o.drop(prometheus.Labels{"name": object.Name, "namespace": object.Namespace, "backend": before})
	}
	status, state := "error", -1.0
	if success {
		status, state = "success", 1
		o.lastSuccess.WithLabelValues(object.Name, object.Namespace).Set(float64(now.Unix()))
	}
	o.calls.WithLabelValues(object.Name, object.Namespace, backend, status).Inc()
	o.callsOld.WithLabelValues(object.Name, object.Namespace, backend, status).Inc()
	o.state.WithLabelValues(object.Name, object.Namespace, backend).Set(state)
	o.stateOld.WithLabelValues(object.Name, object.Namespace, backend).Set(state)
}

// Refreshed counts a refresh that brought no news, for an object that was observed before.
func (o *Objects) Refreshed(object types.NamespacedName, success bool, at time.Time) {
	o.mu.Lock()
	backend, known := o.known[object]
	o.mu.Unlock()
	if known {
		o.Observe(object, backend, success, at)
	}
}

// Forget drops the series of an object that is gone, or is no longer this syncer's.
func (o *Objects) Forget(object types.NamespacedName) {
	o.mu.Lock()
	_, known := o.known[object]
	delete(o.known, object)
	o.mu.Unlock()
	if known {
		o.drop(prometheus.Labels{"name": object.Name, "namespace": object.Namespace})
	}
}

// drop removes every series with these labels.
func (o *Objects) drop(labels prometheus.Labels) {
	for _, vec := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{o.calls, o.callsOld, o.state, o.stateOld, o.lastSuccess} {
		vec.DeletePartialMatch(labels)
	}
}

// Describe implements prometheus.Collector.
func (o *Objects) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range o.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (o *Objects) Collect(ch chan<- prometheus.Metric) {
	for _, c := range o.collectors() {
		c.Collect(ch)
	}
}

func (o *Objects) collectors() []prometheus.Collector {
	return []prometheus.Collector{o.calls, o.callsOld, o.state, o.stateOld, o.lastSuccess}
}

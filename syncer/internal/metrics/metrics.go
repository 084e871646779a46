// Package metrics holds the syncer's metrics about objects: KES's, under the names that its users
// have on their dashboards, and Secretgate's own. No label carries a backend key.
package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Objects measures syncs by object. The series of an object disappear with Forget. It is a
// prometheus.Collector that keeps numbers and makes series of them when asked: kept as series, those
// of ten thousand objects would be a large part of the syncer's memory.
type Objects struct {
	mu    sync.Mutex
	known map[types.NamespacedName]object
}

// object is what is known of one, since it names its backend.
type object struct {
	backend           string // that it was last read from
	reason            string // of condition Ready, after the last attempt
	successes, errors uint64
	failing           bool
	suspended         bool
	unserved          bool  // by this syncer; there is nothing else then
	lastSuccess       int64 // Unix time; 0: never
}

// Attempt is what came of one sync attempt.
type Attempt struct {
	Object     types.NamespacedName
	Secret     string // the name of its Secret; empty where the object is not understood, as is Backend
	Backend    string
	Reason     string // of condition Ready
	Success    bool
	Suspended  bool // it was none: the object is not synced for now
	Unserved   bool // it was none: the object is another syncer's to serve, if any's
	Unreadable bool // the API server did not show the Secret
	At         time.Time
	// LastSuccess is what the object's status says, which may be of another replica's or of an earlier run's; zero: never.
	LastSuccess time.Time
}

// NewObjects makes the metrics.
func NewObjects() *Objects { return &Objects{known: map[types.NamespacedName]object{}} }

var (
	callsLabels = []string{"name", "namespace", "backend", "status"}
	stateLabels = []string{"name", "namespace", "backend"}

	calls = prometheus.NewDesc("kubernetes_external_secrets_sync_calls_count",
		"Number of sync attempts by backend, object and outcome (success or error).", callsLabels, nil)
	callsOld = prometheus.NewDesc("sync_calls",
		"Deprecated name of kubernetes_external_secrets_sync_calls_count.", callsLabels, nil)
	state = prometheus.NewDesc("kubernetes_external_secrets_last_sync_call_state",
		"1 where the last sync attempt succeeded, -1 where it failed.", stateLabels, nil)
	stateOld = prometheus.NewDesc("last_state",
		"Deprecated name of kubernetes_external_secrets_last_sync_call_state.", stateLabels, nil)
	lastSuccess = prometheus.NewDesc("secretgate_last_success_timestamp_seconds",
		"When the Secret was last known to be as the backend has it, in Unix time.", []string{"name", "namespace"}, nil)
	reasons = prometheus.NewDesc("secretgate_externalsecrets",
		"ExternalSecrets that this replica serves, by the reason of their condition Ready.", []string{"namespace", "reason"}, nil)
	unserved = prometheus.NewDesc("secretgate_unserved_externalsecrets",
		"ExternalSecrets whose controllerId is not this syncer's INSTANCE_ID. Another syncer may serve them, or none.",
		[]string{"namespace"}, nil)
)

// Observe counts one sync attempt. The counts of a backend that the object no longer names go. An object that is suspended is
// counted by its reason, and neither fails nor ages.
func (o *Objects) Observe(a Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a.Unserved {
		o.known[a.Object] = object{unserved: true}
		return
	}
	if a.Suspended {
		o.known[a.Object] = object{reason: a.Reason, suspended: true}
		return
	}
	known := o.known[a.Object]
	if known.backend != a.Backend {
		known = object{backend: a.Backend, lastSuccess: known.lastSuccess}
	}
	if !a.LastSuccess.IsZero() {
		known.lastSuccess = max(known.lastSuccess, a.LastSuccess.Unix())
	}
	known = known.observe(a.Success, a.At)
	known.reason, known.suspended = a.Reason, false
	o.known[a.Object] = known
}

// Refreshed counts a refresh that brought no news, for an object that was observed before: one whose value cannot be used,
// or whose Secret cannot be written, fails as before though the value could be read.
func (o *Objects) Refreshed(name types.NamespacedName, success bool, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.known[name]; ok && !known.suspended && !known.unserved {
		o.known[name] = known.observe(success && !known.failing, at)
	}
}

func (k object) observe(success bool, at time.Time) object {
	k.failing = !success
	if success {
		k.successes++
		k.lastSuccess = at.Unix()
	} else {
		k.errors++
	}
	return k
}

// Forget drops the series of an object that is gone, or is no longer this syncer's.
func (o *Objects) Forget(name types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, name)
}

// Describe implements prometheus.Collector.
func (o *Objects) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{calls, callsOld, state, stateOld, lastSuccess, reasons, unserved} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (o *Objects) Collect(ch chan<- prometheus.Metric) {
	o.mu.Lock()
	known := maps.Clone(o.known) // nobody waits for whoever reads the metrics
	o.mu.Unlock()
	type place struct{ namespace, reason string }
	count, others := map[place]int{}, map[string]int{}
	for name, k := range known {
		if k.unserved {
			others[name.Namespace]++
			continue
		}
		count[place{name.Namespace, k.reason}]++
		if !k.suspended {
			k.collect(name, ch)
		}
	}
	for namespace, n := range others {
		ch <- prometheus.MustNewConstMetric(unserved, prometheus.GaugeValue, float64(n), namespace)
	}
	for p, n := range count {
		ch <- prometheus.MustNewConstMetric(reasons, prometheus.GaugeValue, float64(n), p.namespace, p.reason)
	}
}

// collect sends the series of one object.
func (k object) collect(name types.NamespacedName, ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		if value > 0 {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
		}
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	value := 1.0
	if k.failing {
		value = -1
	}
	gauge(state, value, name.Name, name.Namespace, k.backend)
	gauge(stateOld, value, name.Name, name.Namespace, k.backend)
	for _, d := range []*prometheus.Desc{calls, callsOld} {
		counter(d, k.successes, name.Name, name.Namespace, k.backend, "success")
		counter(d, k.errors, name.Name, name.Namespace, k.backend, "error")
	}
	if k.lastSuccess > 0 {
		gauge(lastSuccess, float64(k.lastSuccess), name.Name, name.Namespace)
	}
}

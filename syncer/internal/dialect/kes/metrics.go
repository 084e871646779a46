package kes

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/syncer/internal/metrics"
)

// view shows ExternalSecrets under the names of kubernetes-external-secrets.
type view struct{}

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
)

// Describe implements metrics.View.
func (view) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{calls, callsOld, state, stateOld} {
		ch <- d
	}
}

// Collect implements metrics.View. An object that is suspended has no series.
func (view) Collect(objects map[types.NamespacedName]metrics.Object, ch chan<- prometheus.Metric) {
	for name, object := range objects {
		if !object.Unserved && !object.Suspended {
			collect(name, object, ch)
		}
	}
}

func collect(name types.NamespacedName, object metrics.Object, ch chan<- prometheus.Metric) {
	value := 1.0
	if object.Failing {
		value = -1
	}
	for _, d := range []*prometheus.Desc{state, stateOld} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name.Name, name.Namespace, object.Backend)
	}
	for _, d := range []*prometheus.Desc{calls, callsOld} {
		for _, s := range []struct {
			status string
			n      uint64
		}{{"success", object.Successes}, {"error", object.Errors}} {
			if s.n > 0 {
				ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(s.n), name.Name, name.Namespace, object.Backend, s.status)
			}
		}
	}
}

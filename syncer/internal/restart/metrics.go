package restart

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// Metrics measure restarts.
type Metrics struct {
	restarts  *prometheus.CounterVec
	coalesced *prometheus.CounterVec
	pending   *prometheus.Desc
	waiting   func() map[string]map[decision.Reason]int
}

// NewMetrics makes the metrics.
func NewMetrics() *Metrics {
	return &Metrics{
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "secretgate_restarts_total",
			Help: "Workloads that were to be restarted because a Secret changed, by result: restarted or failed."},
			[]string{"namespace", "kind", "result"}),
		coalesced: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "secretgate_restarts_coalesced_total",
			Help: "Changes of Secrets that needed no restart of their own, because another one brought them along."}, []string{"namespace"}),
		pending: prometheus.NewDesc("secretgate_restart_pending",
			"Workloads whose pods have a previous Secret, by what their restart waits for.", []string{"namespace", "reason"}, nil),
	}
}

func (m *Metrics) restarted(w *workload.Workload, changes int) {
	m.restarts.WithLabelValues(w.Namespace, w.Kind, "restarted").Inc()
	if changes > 1 {
		m.coalesced.WithLabelValues(w.Namespace).Add(float64(changes - 1))
	}
}

func (m *Metrics) failed(w *workload.Workload) {
	m.restarts.WithLabelValues(w.Namespace, w.Kind, "failed").Inc()
}

// forget drops what was counted of a namespace that is gone.
func (m *Metrics) forget(namespace string) {
	m.restarts.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
	m.coalesced.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.restarts.Describe(ch)
	m.coalesced.Describe(ch)
	ch <- m.pending
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.restarts.Collect(ch)
	m.coalesced.Collect(ch)
	if m.waiting == nil {
		return
	}
	for namespace, reasons := range m.waiting() {
		for reason, n := range reasons {
			ch <- prometheus.MustNewConstMetric(m.pending, prometheus.GaugeValue, float64(n), namespace, string(reason))
		}
	}
}

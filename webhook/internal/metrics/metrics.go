// Package metrics counts what the webhook decides. No label carries a namespace's, an object's or a
// backend's name: whoever may create objects must not be able to make series.
package metrics

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the webhook's own; controller-runtime adds latency and requests in flight. The zero
// value, and nil, count nothing.
type Metrics struct {
	verdicts   *prometheus.CounterVec
	deprecated *prometheus.CounterVec
	namespaces *prometheus.CounterVec
}

// New makes the metrics and registers them.
func New(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_verdicts_total",
			Help: "ExternalSecrets judged, by operation (CREATE, UPDATE), verdict (allowed, denied) and, for denials, reason.",
		}, []string{"operation", "verdict", "reason"}),
		deprecated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_deprecated_fields_total",
			Help: "Deprecated fields converted, by field. While it grows, somebody still applies old manifests.",
		}, []string{"field"}),
		namespaces: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_namespace_verdicts_total",
			Help: "Writes of namespaces' annotations judged, by operation (CREATE, UPDATE), verdict (allowed, warned, denied) and the first reason.",
		}, []string{"operation", "verdict", "reason"}),
	}
	registry.MustRegister(m.verdicts, m.deprecated, m.namespaces)
	return m
}

// Verdict counts one request. The reason is empty for those allowed.
func (m *Metrics) Verdict(operation string, allowed bool, reason string) {
	if m == nil || m.verdicts == nil {
		return
	}
	verdict := "denied"
	if allowed {
		verdict = "allowed"
	}
	m.verdicts.WithLabelValues(operation, verdict, reason).Inc()
}

// Deprecated counts the use of a deprecated field. Its callers know a handful of names.
func (m *Metrics) Deprecated(field string) {
	if m != nil && m.deprecated != nil {
		m.deprecated.WithLabelValues(field).Inc()
	}
}

// Namespace counts one write of a namespace. The reason is empty for those allowed without a warning.
func (m *Metrics) Namespace(operation, verdict, reason string) {
	if m != nil && m.namespaces != nil {
		m.namespaces.WithLabelValues(operation, verdict, reason).Inc()
	}
}

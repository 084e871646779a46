// Package metrics counts what the webhook decides. No label carries a namespace's, an object's or a
// backend's name: a client that may create objects must not be able to make series.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the webhook's own; controller-runtime adds whole requests and those in flight. The zero
// value, and nil, count nothing.
type Metrics struct {
	verdicts   *prometheus.CounterVec
	deprecated *prometheus.CounterVec
	namespaces *prometheus.CounterVec
	openings   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
}

// buckets are the bounds of durations, in seconds. They are close to each other where verdicts are, and end where the API
// server has given up; controller-runtime's are powers of ten.
func buckets() []float64 {
	return []float64{
		0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075,
		0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
	}
}

// New makes the metrics and registers them.
func New(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_verdicts_total",
			Help: "Objects judged, by dialect and kind, operation (CREATE, UPDATE), verdict (allowed, denied) and, for denials, reason. " +
				"What is not handled has no dialect, and kind other.",
		}, []string{"dialect", "kind", "operation", "verdict", "reason"}),
		deprecated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_deprecated_fields_total",
			Help: "Deprecated fields that were converted, by dialect and kind of the object, and field. " +
				"While it grows, old manifests are still in use.",
		}, []string{"dialect", "kind", "field"}),
		namespaces: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_namespace_verdicts_total",
			Help: "Writes of namespaces' annotations that were judged, by operation (CREATE, UPDATE), " +
				"verdict (allowed, warned, denied) and first reason.",
		}, []string{"operation", "verdict", "reason"}),
		openings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_admission_openings_total",
			Help: "Permitted objects with sealed values that the syncer was asked about, by answer: opens, closed (no key of the cluster " +
				"opens one of them), unknown (there was no answer, or not about all of them).",
		}, []string{"answer"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "secretgate_admission_duration_seconds",
			Help: "Time that a webhook's own work on a request took, by webhook (mutating, validating, namespace): from the decoded " +
				"review to the answer, reading a namespace live included.",
			Buckets: buckets(),
		}, []string{"webhook"}),
	}
	registry.MustRegister(m.verdicts, m.deprecated, m.namespaces, m.openings, m.durations)
	return m
}

// Objects are those of one kind. The zero value stands for all that are not handled.
type Objects struct{ Dialect, Kind string }

// Verdict counts one request. The reason is empty for those allowed.
func (m *Metrics) Verdict(of Objects, operation string, allowed bool, reason string) {
	if m == nil || m.verdicts == nil {
		return
	}
	verdict := "denied"
	if allowed {
		verdict = "allowed"
	}
	if of.Kind == "" {
		of.Kind = "other"
	}
	m.verdicts.WithLabelValues(of.Dialect, of.Kind, known(operation), verdict, reason).Inc()
}

// Deprecated counts the use of a deprecated field. Its callers know a handful of names.
func (m *Metrics) Deprecated(of Objects, field string) {
	if m != nil && m.deprecated != nil {
		m.deprecated.WithLabelValues(of.Dialect, of.Kind, field).Inc()
	}
}

// Namespace counts one write of a namespace. The reason is empty for those allowed without a warning.
func (m *Metrics) Namespace(operation, verdict, reason string) {
	if m != nil && m.namespaces != nil {
		m.namespaces.WithLabelValues(known(operation), verdict, reason).Inc()
	}
}

// Opened counts one object that the syncer was asked about.
func (m *Metrics) Opened(closed, unknown bool) {
	answer := "opens"
	switch {
	case closed:
		answer = "closed"
	case unknown:
		answer = "unknown"
	}
	if m != nil && m.openings != nil {
		m.openings.WithLabelValues(answer).Inc()
	}
}

// known is the operation, if it is one that the API server asks about. A NetworkPolicy cannot say that no other
// client may ask: whatever another pod sends must not become a series.
func known(operation string) string {
	if operation == "CREATE" || operation == "UPDATE" {
		return operation
	}
	return "other"
}

// Took notes how long a webhook was at work on one request that it began at a time: to be deferred.
func (m *Metrics) Took(webhook string, begin time.Time) {
	if m != nil && m.durations != nil {
		m.durations.WithLabelValues(webhook).Observe(time.Since(begin).Seconds())
	}
}

package fetch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the engine does, and shows what it holds. It is a prometheus.Collector; a nil
// one counts nothing.
type Metrics struct {
	avoided   *prometheus.CounterVec
	fallbacks *prometheus.CounterVec

	engine *Engine
}

// NewMetrics returns the metrics of an engine, which counts in them.
func NewMetrics(engine *Engine) *Metrics {
	m := &Metrics{
		engine: engine,
		avoided: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_backend_reads_avoided_total",
			Help: "Reads that needed no call of their own: shared with other objects, batched with other sources, or joined in_flight.",
		}, []string{"reason"}),
		fallbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_batch_fallbacks_total",
			Help: "Times that batches failed for an identity, mostly for lack of a permission: its sources are read singly for an hour.",
		}, []string{"backend"}),
	}
	engine.Metrics = m
	return m
}

var (
	sourcesDesc = prometheus.NewDesc("secretgate_sources",
		"Distinct sources that this replica reads.", []string{"backend"}, nil)
	queuedDesc = prometheus.NewDesc("secretgate_sources_waiting",
		"Sources that wait for a call, by priority: foreground for new and edited objects, background for refreshes.", []string{"priority"}, nil)
	callsDesc = prometheus.NewDesc("secretgate_backend_calls_in_flight",
		"Calls to backends that are under way.", nil, nil)
	readyDesc = prometheus.NewDesc("secretgate_objects_ready",
		"Objects whose values have been read and wait to be rendered.", nil, nil)
	overdueDesc = prometheus.NewDesc("secretgate_oldest_overdue_seconds",
		"How long the most overdue source has waited beyond its time; 0: none is overdue.", nil, nil)
	stalledDesc = prometheus.NewDesc("secretgate_fetch_stalled",
		"1 while reads make no progress though they could: /healthz fails. A backend that is down or throttles does not count.", nil, nil)
	breakersDesc = prometheus.NewDesc("secretgate_breakers_open",
		"Identities and places with an open circuit breaker: their backend is down or throttles, and gets only probes.", []string{"backend"}, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.avoided.Describe(ch)
	m.fallbacks.Describe(ch)
	for _, d := range []*prometheus.Desc{sourcesDesc, queuedDesc, callsDesc, readyDesc, overdueDesc, stalledDesc, breakersDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.avoided.Collect(ch)
	m.fallbacks.Collect(ch)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := m.engine.snapshot(time.Now())
	for backend, n := range s.sources {
		gauge(sourcesDesc, float64(n), backend)
		gauge(breakersDesc, float64(s.breakers[backend]), backend)
	}
	gauge(queuedDesc, float64(s.waiting[Foreground]), "foreground")
	gauge(queuedDesc, float64(s.waiting[Background]), "background")
	gauge(callsDesc, float64(s.calls))
	gauge(readyDesc, float64(s.ready))
	gauge(overdueDesc, s.overdue.Seconds())
	stalled := 0.0
	if s.stalled != nil {
		stalled = 1
	}
	gauge(stalledDesc, stalled)
}

func (m *Metrics) avoid(reason string, n int) {
	if m != nil {
		m.avoided.WithLabelValues(reason).Add(float64(n))
	}
}

func (m *Metrics) fallback(backend string) {
	if m != nil {
		m.fallbacks.WithLabelValues(backend).Inc()
	}
}

package shard

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics describe what a replica's informers see.
type Metrics struct {
	objects             *prometheus.GaugeVec
	filtered, handovers *prometheus.CounterVec
}

// NewMetrics makes the metrics.
func NewMetrics() *Metrics {
	byKind := []string{"kind"}
	return &Metrics{
		objects: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "secretgate_shard_objects",
			Help: "Objects in this replica's memory, by kind: those that it serves, and their Secrets."}, byKind),
		filtered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "secretgate_shard_filtered_objects_total",
			Help: "Objects that this replica received and dropped, because another replica serves them, by kind."}, byKind),
		handovers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "secretgate_shard_handed_over_objects_total",
			Help: "Objects that this replica stopped serving because another replica serves them now, by kind."}, byKind),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.objects, m.filtered, m.handovers}
}

package membership

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics describe a replica's membership in its ring.
type Metrics struct {
	members, owned, alone, suspended prometheus.Gauge
	changes, renewFailures           prometheus.Counter
}

// NewMetrics makes the metrics.
func NewMetrics() *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Metrics{
		members:   gauge("secretgate_shard_members", "Replicas that share the objects, as this replica sees it."),
		owned:     gauge("secretgate_shard_owned_ratio", "Part of the hash space of all objects that this replica serves, from 0 to 1."),
		alone:     gauge("secretgate_shard_alone", "1 while this replica serves all objects because it cannot create a Lease, else 0."),
		suspended: gauge("secretgate_shard_suspended", "1 while this replica serves nothing because it cannot renew its Lease, else 0."),
		changes: counter("secretgate_shard_ring_changes_total",
			"Times that replicas came or went, as this replica sees it, its own start included."),
		renewFailures: counter("secretgate_shard_lease_renew_failures_total",
			"Failed attempts to create or renew this replica's Lease."),
	}
}

// ring records a status that was acquired.
func (m *Metrics) ring(s status) {
	m.members.Set(float64(len(s.members)))
	m.alone.Set(oneIf(s.phase == alone))
	m.suspended.Set(oneIf(s.phase == suspended))
	m.changes.Inc()
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
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
	return []prometheus.Collector{m.members, m.owned, m.alone, m.suspended, m.changes, m.renewFailures}
}

package keys

import "github.com/prometheus/client_golang/prometheus"

var (
	count  = prometheus.NewDesc("secretgate_sealing_keys", "Sealing keys that open SealedSecrets; none before they have been read.", nil, nil)
	newest = prometheus.NewDesc("secretgate_sealing_newest_key_timestamp_seconds",
		"Unix time since which the newest sealing key is valid, by which values are sealed; none where there is no key.", nil, nil)
	expiry = prometheus.NewDesc("secretgate_sealing_newest_key_expiry_timestamp_seconds",
		"Unix time at which its certificate expires: kubeseal seals by it no more.", nil, nil)
)

// Metrics show the keys of a Ring.
type Metrics struct{ ring *Ring }

// NewMetrics makes them.
func NewMetrics(of *Ring) *Metrics { return &Metrics{of} }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{count, newest, expiry} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	now := m.ring.snapshot()
	if !now.known {
		return
	}
	ch <- prometheus.MustNewConstMetric(count, prometheus.GaugeValue, float64(len(now.keys)))
	if len(now.keys) == 0 {
		return
	}
	key := now.keys[0]
	ch <- prometheus.MustNewConstMetric(newest, prometheus.GaugeValue, float64(key.At.Unix()))
	ch <- prometheus.MustNewConstMetric(expiry, prometheus.GaugeValue, float64(key.Cert.NotAfter.Unix()))
}

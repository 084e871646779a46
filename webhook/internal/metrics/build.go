package metrics

import "github.com/prometheus/client_golang/prometheus"

// NewBuild makes the metric that says which version runs. Its absence shows that the webhook does not run.
func NewBuild(version string) prometheus.Collector {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "secretgate_webhook_build_info",
		Help: "Always 1; version is the webhook's.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	return build
}

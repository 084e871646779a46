package metrics_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secretgate/secretgate/webhook/internal/metrics"
)

// The webhook's port is open to every pod, each of which can send reviews of its own making.
func TestASenderOfReviewsCannotMakeSeries(t *testing.T) {
	registry := prometheus.NewRegistry()
	counts := metrics.New(registry)
	for i := range 100 {
		counts.Verdict(metrics.Objects{}, fmt.Sprint(i), true, "")
		counts.Namespace(fmt.Sprint(i), "allowed", "")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if n := len(family.GetMetric()); n != 1 {
			t.Errorf("%s has %d series", family.GetName(), n)
		}
	}
}

// Package metricstest reads what collectors collect.
package metricstest

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Series lists what is collected, as name{label=value,…}: value.
func Series(t *testing.T, o prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(o); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", family.GetName())
		}
		for _, m := range family.GetMetric() {
			got[family.GetName()+labels(m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

func labels(m *dto.Metric) string {
	text := "{"
	for i, l := range m.GetLabel() {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf("%s=%s", l.GetName(), l.GetValue())
	}
	return text + "}"
}

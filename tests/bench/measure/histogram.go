package measure

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/secretgate/secretgate/tests/harness"
)

// Histogram is what the buckets of a Prometheus histogram have counted: by each bound, how many values were at most that.
type Histogram map[float64]float64

// HistogramOf reads the series of one histogram that a Prometheus endpoint (host:port) shows now and that carry a label such as
// `webhook="validating"`.
func HistogramOf(ctx context.Context, address, name, label string) (Histogram, error) {
	m, err := harness.Scrape(ctx, address)
	if err != nil {
		return nil, err
	}
	return histogram(m, name, label)
}

func histogram(m harness.Metrics, name, label string) (Histogram, error) {
	buckets, err := m.Series(name+"_bucket", label)
	if err != nil {
		return nil, err
	}
	h := Histogram{}
	for _, bucket := range buckets {
		bound, err := strconv.ParseFloat(bucket.Label("le"), 64)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		h[bound] += bucket.Value
	}
	return h, nil
}

// Since is what was counted after an earlier reading.
func (h Histogram) Since(before Histogram) Histogram {
	since := Histogram{}
	for bound, n := range h {
		since[bound] = n - before[bound]
	}
	return since
}

// Count is how many values were counted.
func (h Histogram) Count() float64 { return h[math.Inf(1)] }

// Percentile is what so many percent of the values do not exceed, as PromQL's histogram_quantile has it: values lie evenly in
// their bucket. It is NaN of nothing, and the last bound where it lies beyond that.
func (h Histogram) Percentile(percent float64) float64 {
	bounds := make([]float64, 0, len(h))
	for bound := range h {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	if len(bounds) < 2 || h.Count() == 0 {
		return math.NaN()
	}
	rank := percent / 100 * h.Count()
	below, least := 0.0, 0.0
	for _, bound := range bounds[:len(bounds)-1] {
		if h[bound] >= rank {
			return least + (bound-least)*(rank-below)/(h[bound]-below)
		}
		below, least = h[bound], bound
	}
	return least
}

package harness

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/lab"
)

// Metrics is the text that a Prometheus endpoint shows. It is searched, not parsed: benchmarks read megabytes of it, many times a
// second, on the processors that they measure.
type Metrics string

// Series is one line of Metrics.
type Series struct {
	Labels string // as they stand in the text: {name="value",…}, or empty
	Value  float64
}

// Scrape reads the metrics at an address (host:port).
func Scrape(ctx context.Context, address string) (Metrics, error) {
	text, err := lab.Get(ctx, "http://"+address+"/metrics")
	return Metrics(text), err
}

// Series lists the series of a name that carry all of these labels, each as `kind="Secret"`.
func (m Metrics) Series(name string, labels ...string) ([]Series, error) {
	var found []Series
	for line := range strings.Lines(string(m)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") {
			continue
		}
		at := strings.LastIndexByte(rest, ' ')
		s := Series{Labels: strings.TrimSpace(rest[:at])}
		if !s.carries(labels) {
			continue
		}
		var err error
		if s.Value, err = strconv.ParseFloat(strings.TrimSpace(rest[at:]), 64); err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		found = append(found, s)
	}
	return found, nil
}

func (s Series) carries(labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(s.Labels, "{"+label) && !strings.Contains(s.Labels, ","+label) {
			return false
		}
	}
	return true
}

// Label is the value of a label; empty where there is none.
func (s Series) Label(name string) string {
	for _, before := range []string{"{", ","} {
		if _, value, found := strings.Cut(s.Labels, before+name+`="`); found {
			value, _, _ = strings.Cut(value, `"`)
			return value
		}
	}
	return ""
}

// Sum adds up the values of such series; found reports whether there is one.
func (m Metrics) Sum(name string, labels ...string) (sum float64, found bool, err error) {
	series, err := m.Series(name, labels...)
	for _, s := range series {
		sum += s.Value
	}
	return sum, len(series) > 0, err
}

// Metric is the Sum of what an address shows now.
func Metric(ctx context.Context, address, name string, labels ...string) (sum float64, found bool, err error) {
	m, err := Scrape(ctx, address)
	if err != nil {
		return 0, false, err
	}
	return m.Sum(name, labels...)
}

// MustScrape is Scrape for tests.
func MustScrape(t testing.TB, address string) Metrics {
	t.Helper()
	m, err := Scrape(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// MustSum is Sum for tests.
func (m Metrics) MustSum(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	sum, _, err := m.Sum(name, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

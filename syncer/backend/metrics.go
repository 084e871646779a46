package backend

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Metrics counts and times the calls of a Client. It is a prometheus.Collector; a nil one measures nothing.
type Metrics struct {
	requests *prometheus.CounterVec
	items    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewMetrics makes the metrics of one Client.
func NewMetrics() *Metrics {
	return &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_backend_requests_total",
			Help: "Calls of backends (get, batch, walk) by outcome: ok, canceled, panics and errors of no known kind as unknown, " +
				"else the kind of error.",
		}, []string{"backend", "operation", "code"}),
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secretgate_backend_batch_items_total",
			Help: "Reads in batches that the backend answered, by outcome: ok, not_answered, or the kind of error.",
		}, []string{"backend", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "secretgate_backend_request_duration_seconds",
			Help:    "How long calls to backends took, logins included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"backend", "operation"}),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.requests.Describe(ch)
	m.items.Describe(ch)
	m.duration.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	m.items.Collect(ch)
	m.duration.Collect(ch)
}

// Requests are calls of one backend by operation and outcome, as secretgate_backend_requests_total counts them.
type Requests struct {
	Backend         plan.Backend
	Operation, Code string
	Count           float64
}

// Requests are all calls so far.
func (m *Metrics) Requests() []Requests {
	series := make(chan prometheus.Metric)
	go func() {
		defer close(series)
		m.requests.Collect(series)
	}()
	var all []Requests
	for metric := range series {
		var one dto.Metric
		if metric.Write(&one) != nil {
			continue // the vector's own metrics have no error
		}
		labels := map[string]string{}
		for _, label := range one.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		all = append(all, Requests{
			Backend: plan.Backend(labels["backend"]), Operation: labels["operation"], Code: labels["code"], Count: one.GetCounter().GetValue(),
		})
	}
	return all
}

// Succeeded reports whether the backend answered as it should.
func (r Requests) Succeeded() bool { return r.Code == codeOK }

const codeOK = "ok"

func (m *Metrics) observe(backend plan.Backend, operation string, err error, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(string(backend), operation, code(err)).Inc()
	m.duration.WithLabelValues(string(backend), operation).Observe(took.Seconds())
}

func (m *Metrics) observeItem(backend plan.Backend, err error) {
	if m != nil {
		m.items.WithLabelValues(string(backend), code(err)).Inc()
	}
}

func code(err error) string {
	var failed *Error
	switch {
	case err == nil:
		return codeOK
	case errors.Is(err, driver.ErrNotAnswered):
		return "not_answered"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &failed):
		return failed.Kind.String()
	}
	return driver.Unknown.String()
}

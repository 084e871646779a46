package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics count requests under the names of Sealed Secrets.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewMetrics makes them.
func NewMetrics() *Metrics {
	return &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealed_secrets_controller_http_requests_total", Help: "Requests of kubeseal's, by path and answer.",
		}, []string{"path", "code", "method"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sealed_secrets_controller_http_request_duration_seconds", Help: "How long they took.", Buckets: prometheus.DefBuckets,
		}, []string{"path", "method"}),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.requests.Describe(ch)
	m.duration.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	m.duration.Collect(ch)
}

// measured counts the requests of each path. Others are not counted: clients choose them.
func (m *Metrics) measured(inner http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", inner)
	for _, path := range Paths() {
		label := prometheus.Labels{"path": path}
		mux.Handle(path, promhttp.InstrumentHandlerCounter(m.requests.MustCurryWith(label),
			promhttp.InstrumentHandlerDuration(m.duration.MustCurryWith(label), inner)))
	}
	return mux
}

// Server serves an API at an address. It is a Runnable of a manager: every replica serves.
type Server struct {
	Address string
	API     *API
	Metrics *Metrics
}

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("serve kubeseal (--sealed-bind-address): %w", err)
	}
	const headers = 5 * time.Second
	s.API.Log.InfoContext(ctx, "Serving kubeseal", "address", listener.Addr().String())
	return serve(ctx, listener, &http.Server{
		Handler:           s.Metrics.measured(s.API.Handler()),
		ReadHeaderTimeout: headers, ReadTimeout: answerTime, WriteTimeout: answerTime + headers, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.API.Log.Handler(), slog.LevelDebug),
	})
}

// serve serves until ctx ends, and then ends the requests that are under way.
func serve(ctx context.Context, listener net.Listener, server *http.Server) error {
	const grace = 10 * time.Second
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return server.Shutdown(stopping)
}
